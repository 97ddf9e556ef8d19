"""A retry policy in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.endpoints.retry_plan import RetryPlan, plan
from posthorn.models import ExponentialRetry, ScheduleRetry


def test_the_default_policy_in_words() -> None:
    assert plan(ScheduleRetry()).words == (
        "again after 5 s, 10 s, 15 s, 30 s, 1 min, 2 min, …, 6 h; "
        "dead after 16 retries in 22 h 4 min"
    )


def test_a_custom_policy_in_words() -> None:
    grown = ExponentialRetry(kind="exponential", first_delay_seconds=1, factor=3, max_attempts=4)

    assert plan(grown).words == "again after 1 s, 3 s, 9 s; dead after 3 retries in 13 s"
    assert plan(ScheduleRetry(delays_seconds=(7,))).words == (
        "again after 7 s; dead after 1 retry in 7 s"
    )


def test_no_retry_in_words() -> None:
    none = plan(ScheduleRetry(delays_seconds=()))

    assert none.words == "no retry: dead when the first attempt fails"
    assert [stop.number for stop in none.stops] == [1]


@given(st.lists(st.floats(0.1, 100_000), min_size=1, max_size=49))
def test_attempts_are_in_order_from_start_to_end(delays: list[float]) -> None:
    stops = RetryPlan(tuple(delays)).stops

    assert len(stops) == len(delays) + 1
    assert (stops[0].place, stops[-1].place) == (0, 100)
    assert [each.place for each in stops] == sorted(each.place for each in stops)
    assert stops[-1].after_seconds == pytest.approx(sum(delays))
