"""When a delivery is tried next: a pure function of policy, attempt, `Retry-After` and chance."""

from posthorn.models.endpoint import ExponentialRetry, RetryPolicy

JITTER = 0.2  # design.md §6: ±20 %
RETRY_AFTER_CAP_SECONDS = 24 * 3600.0  # design.md §6


def max_attempts(policy: RetryPolicy) -> int:
    if isinstance(policy, ExponentialRetry):
        return policy.max_attempts
    return len(policy.delays_seconds) + 1


def span_seconds(policy: RetryPolicy) -> float:
    """How long all retries take together, as planned: without chance and `Retry-After`."""
    return sum(_planned(policy, made) for made in range(1, max_attempts(policy)))


def delay_seconds(
    policy: RetryPolicy, attempts_made: int, *, jitter: float, retry_after: float | None = None
) -> float | None:
    """Seconds to wait after `attempts_made` (≥ 1) failed attempts; None when all are used up.

    `jitter` in [-1, 1] moves the delay by up to ±20 %. `retry_after`, the seconds that the endpoint
    asked for, is a floor under the result, at most 24 h.
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
