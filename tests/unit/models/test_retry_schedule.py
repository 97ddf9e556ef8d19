"""The time of the next attempt."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthorn.models import (
    DEFAULT_RETRY_DELAYS_SECONDS,
    MAX_ATTEMPTS,
    ExponentialRetry,
    RetryPolicy,
    ScheduleRetry,
)
from posthorn.models.retry_schedule import delay_seconds, max_attempts, span_seconds

DAY = 24 * 3600.0
DOUBLING = ExponentialRetry(
    kind="exponential", first_delay_seconds=5, factor=2, max_delay_seconds=60, max_attempts=6
)
THREE = ScheduleRetry(delays_seconds=(5, 10, 15))

seconds = st.floats(min_value=0.1, max_value=DAY)
policies: st.SearchStrategy[RetryPolicy] = st.builds(
    ScheduleRetry,
    delays_seconds=st.lists(st.floats(0.1, 12_000), max_size=MAX_ATTEMPTS - 1).map(tuple),
) | st.builds(
    ExponentialRetry,
    kind=st.just("exponential"),
    first_delay_seconds=seconds,
    factor=st.floats(1, 10),
    max_delay_seconds=seconds,
    max_attempts=st.integers(1, MAX_ATTEMPTS),
)
chances = st.floats(min_value=-1, max_value=1)


@pytest.mark.parametrize(
    ("policy", "attempts_made", "delay"),
    [
        (THREE, 1, 5),
        (THREE, 2, 10),
        (THREE, 3, 15),
        (THREE, 4, None),
        (THREE, 50, None),
        (ScheduleRetry(delays_seconds=()), 1, None),
        (ScheduleRetry(delays_seconds=(0.1,)), 1, 0.1),
        (DOUBLING, 1, 5),
        (DOUBLING, 2, 10),
        (DOUBLING, 4, 40),
        (DOUBLING, 5, 60),  # 80, but for the longest delay
        (DOUBLING, 6, None),
        (ExponentialRetry(kind="exponential", max_attempts=1), 1, None),
        (ExponentialRetry(kind="exponential", factor=10, max_attempts=50), 49, 21_600),
    ],
)
def test_the_policy_says_how_long_to_wait(
    policy: RetryPolicy, attempts_made: int, delay: float | None
) -> None:
    assert delay_seconds(policy, attempts_made, jitter=0) == delay


@pytest.mark.parametrize(
    ("retry_after", "delay"),
    [
        (None, 10),
        (0, 10),
        (9, 10),
        (11, 11),
        (3600, 3600),
        (DAY, DAY),
        (DAY + 1, DAY),
        (9_999_999_999, DAY),
    ],
)
def test_retry_after_is_a_floor_under_the_schedule_of_at_most_24_hours(
    retry_after: float | None, delay: float
) -> None:
    assert delay_seconds(THREE, 2, jitter=0, retry_after=retry_after) == delay


def test_a_long_delay_of_the_owner_is_not_shortened_to_the_cap_of_retry_after() -> None:
    weekly = ScheduleRetry(delays_seconds=(7 * DAY,))

    assert delay_seconds(weekly, 1, jitter=0, retry_after=3 * DAY) == 7 * DAY


def test_retry_after_grants_no_attempt_beyond_the_policy() -> None:
    assert delay_seconds(THREE, 4, jitter=0, retry_after=60) is None


def test_the_default_is_16_retries_over_22_hours_and_4_minutes() -> None:
    default = ScheduleRetry()

    assert max_attempts(default) == 17
    assert span_seconds(default) == 22 * 3600 + 4 * 60
    waits = [delay_seconds(default, made, jitter=0) for made in range(1, 18)]
    assert waits == [*DEFAULT_RETRY_DELAYS_SECONDS, None]


@settings(max_examples=50)
@given(policies, st.data(), chances)
def test_chance_moves_a_delay_by_at_most_a_fifth(
    policy: RetryPolicy, data: st.DataObject, jitter: float
) -> None:
    made = data.draw(st.integers(1, max_attempts(policy)))
    planned = delay_seconds(policy, made, jitter=0)

    delay = delay_seconds(policy, made, jitter=jitter)

    if planned is None:
        assert delay is None
    else:
        assert delay == pytest.approx(planned, rel=0.2000001)


@settings(max_examples=50)
@given(policies, st.integers(1, 60), chances, st.floats(0, 10 * DAY))
def test_no_retry_comes_before_the_retry_after_time(
    policy: RetryPolicy, made: int, jitter: float, retry_after: float
) -> None:
    delay = delay_seconds(policy, made, jitter=jitter, retry_after=retry_after)

    assert (delay is None) == (made >= max_attempts(policy))
    if delay is not None:
        assert delay >= min(retry_after, DAY)


@settings(max_examples=50)
@given(policies)
def test_every_policy_ends(policy: RetryPolicy) -> None:
    waits = [delay_seconds(policy, made, jitter=0) for made in range(1, MAX_ATTEMPTS + 1)]

    given_ones = [wait for wait in waits if wait is not None]
    assert len(given_ones) == max_attempts(policy) - 1
    assert waits[len(given_ones) :] == [None] * (MAX_ATTEMPTS - len(given_ones))
    assert sum(given_ones) == pytest.approx(span_seconds(policy))
