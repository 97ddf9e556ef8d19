"""Counts of deliveries, and percentiles from them."""

from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from posthorn.monitoring.counters import BUCKET_RATIO, Counts, bucket_of, percentile

durations = st.integers(0, 200_000)


def counted(milliseconds: list[int]) -> Counts:
    return Counts(f"latency.{bucket_of(each)}" for each in milliseconds)


@given(st.lists(durations, min_size=1), st.sampled_from([0.5, 0.9, 0.99]))
def test_a_percentile_is_too_high_by_a_fifth_at_most(taken: list[int], share: float) -> None:
    exact = max(1, sorted(taken)[ceil(share * len(taken)) - 1])

    told = percentile(counted(taken), share)

    assert exact <= told + 0.5
    assert told - 0.5 <= exact * BUCKET_RATIO


@given(durations, durations)
def test_a_longer_duration_is_never_in_a_lower_bucket(one: int, other: int) -> None:
    assert bucket_of(min(one, other)) <= bucket_of(max(one, other))


def test_percentiles_of_sums_are_those_of_all_attempts() -> None:
    quick, slow = [5] * 90, [2000] * 10

    together = counted(quick)
    together.update(counted(slow))

    assert percentile(together, 0.9) == percentile(counted(quick), 0.5)
    assert 2000 <= percentile(together, 0.99) <= 2000 * BUCKET_RATIO
