"""Charts: everything drawn is inside the frame, and heights are proportional to the numbers."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.pages import charts
from posthorn.models import DeliveryStatus
from posthorn.monitoring.counters import Counts
from posthorn.monitoring.stats_views import Bucket, TimeBucket, numbers_of

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
counts = st.dictionaries(st.sampled_from(list(DeliveryStatus)), st.integers(0, 10_000))


def bucket(place: int, statuses: dict[DeliveryStatus, int], latency: int | None) -> TimeBucket:
    counted = Counts({f"status.{each}": number for each, number in statuses.items()})
    counted["created"] = sum(statuses.values())
    if latency is not None:
        counted["attempts"] = counted[f"latency.{latency}"] = 1
    numbers = numbers_of(counted, with_events=True)
    return TimeBucket(start=START + timedelta(hours=place), **vars(numbers))


buckets = st.lists(st.tuples(counts, st.none() | st.integers(0, 70)), min_size=1, max_size=60).map(
    lambda drawn: [bucket(place, *each) for place, each in enumerate(drawn)]
)


@given(buckets)
def test_bars_are_stacked_inside_the_frame(given_buckets: list[TimeBucket]) -> None:
    chart = charts.volume(given_buckets, Bucket.HOUR)

    top = charts.scale(max(each.deliveries for each in given_buckets))
    floor = charts.TOP + charts.INNER_HEIGHT
    for bar in chart.bars:
        assert bar.x >= charts.LEFT
        assert bar.x + bar.width <= charts.WIDTH - charts.RIGHT + 0.1
        assert bar.y >= charts.TOP - 0.1
        assert bar.y + bar.height <= floor + 0.1
    drawn = sum(bar.height for bar in chart.bars)
    real = sum(each.deliveries for each in given_buckets) / top * charts.INNER_HEIGHT
    assert drawn == pytest.approx(real, abs=0.02 * len(chart.bars) + 0.01)
    assert len(chart.slots) == len(given_buckets)


@given(buckets)
def test_lines_stay_in_the_frame_and_break_where_nothing_was_tried(
    given_buckets: list[TimeBucket],
) -> None:
    chart = charts.durations(given_buckets, Bucket.HOUR)

    runs = 0
    before = None
    for each in given_buckets:
        runs += each.latency_ms is not None and before is None
        before = each.latency_ms
    for line in chart.lines:
        assert len(line.paths) == runs
        for path in line.paths:
            points = [tuple(map(float, point.split(","))) for point in path.split()]
            assert len(points) > 1
            assert all(
                charts.TOP - 0.1 <= y <= charts.TOP + charts.INNER_HEIGHT + 0.1 for _, y in points
            )


@given(st.integers(0, 10**9))
def test_a_scale_ends_at_or_above_the_highest_and_not_far_above(highest: int) -> None:
    assert highest <= charts.scale(highest) <= max(1, 2 * highest)


def test_a_slot_reads_its_numbers() -> None:
    one = bucket(0, {DeliveryStatus.SUCCEEDED: 1200, DeliveryStatus.DEAD: 3}, 0)

    (slot,) = charts.volume([one], Bucket.HOUR).slots

    assert slot.words == "23 Nov 10:00 UTC: 1,200 succeeded, 3 dead"


def test_a_sparkline_shows_one_among_many_and_nothing_where_there_was_nothing() -> None:
    bars = charts.sparkline([0, 1, 1000])

    assert len(bars) == 2
    assert bars[0].height >= 1.5
