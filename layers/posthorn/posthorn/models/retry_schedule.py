"""Retry policies, and the delay before the next attempt as a pure function of them."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from posthorn.models.base import MAX_ATTEMPTS, MAX_RETRY_SPAN_SECONDS, Model

JITTER = 0.2  # ±20 %
RETRY_AFTER_CAP_SECONDS = 24 * 3600.0
DEFAULT_RETRY_DELAYS_SECONDS = (
    *(5, 10, 15, 30, 60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10800, 14400, 18000, 21600),
)  # 16 retries over 22 h 4 min


class ScheduleRetry(Model):
    """One retry after each of these delays; an empty list means no retry."""

    kind: Literal["schedule"] = "schedule"
    delays_seconds: tuple[Annotated[float, Field(ge=0.1, le=MAX_RETRY_SPAN_SECONDS)], ...] = Field(
        default=DEFAULT_RETRY_DELAYS_SECONDS, max_length=MAX_ATTEMPTS - 1
    )

    @model_validator(mode="after")
    def _span(self) -> Self:
        if sum(self.delays_seconds) > MAX_RETRY_SPAN_SECONDS:
            raise ValueError("the delays must add up to at most 7 days")
        return self


class ExponentialRetry(Model):
    """Retry n waits `first_delay_seconds * factor^(n-1)`, at most `max_delay_seconds`."""

    kind: Literal["exponential"]
    first_delay_seconds: float = Field(default=5, ge=0.1, le=86_400)
    factor: float = Field(default=2, ge=1, le=10)
    max_delay_seconds: float = Field(default=21_600, ge=0.1, le=86_400)
    max_attempts: int = Field(default=10, ge=1, le=MAX_ATTEMPTS)


RetryPolicy = Annotated[ScheduleRetry | ExponentialRetry, Field(discriminator="kind")]


def max_attempts(policy: RetryPolicy) -> int:
    if isinstance(policy, ExponentialRetry):
        return policy.max_attempts
    return len(policy.delays_seconds) + 1


def span_seconds(policy: RetryPolicy) -> float:
    """The sum of all delays, without jitter and `Retry-After`."""
    return sum(_planned(policy, attempts) for attempts in range(1, max_attempts(policy)))


def delay_seconds(
    policy: RetryPolicy, attempts_made: int, *, jitter: float, retry_after: float | None = None
) -> float | None:
    """Seconds to wait after `attempts_made` (≥ 1) failed attempts; None after the last.

    `jitter` in [-1, 1] changes the delay by up to ±20 %. `retry_after`, in seconds, is a minimum of
    the result, up to 24 h.
    """
    if attempts_made >= max_attempts(policy):
        return None
    delay = _planned(policy, attempts_made) * (1 + JITTER * jitter)
    return max(delay, min(retry_after or 0.0, RETRY_AFTER_CAP_SECONDS))


def _planned(policy: RetryPolicy, attempts_made: int) -> float:
    if isinstance(policy, ExponentialRetry):
        grown = policy.first_delay_seconds * policy.factor ** (attempts_made - 1)
        return min(grown, policy.max_delay_seconds)
    return policy.delays_seconds[attempts_made - 1]
