"""A retry policy as a sentence and as a time line of its attempts."""

from dataclasses import dataclass
from itertools import accumulate
from math import log

from console.pages import wording
from posthorn.models import RetryPolicy
from posthorn.models.retry_schedule import delay_seconds, max_attempts

MOST_NAMED = 8  # delays that a sentence lists


@dataclass(frozen=True)
class Stop:
    """An attempt: its time after the first one, and its position on a line from 0 to 100."""

    number: int
    after_seconds: float
    place: float


@dataclass(frozen=True)
class RetryPlan:
    delays: tuple[float, ...]

    @property
    def stops(self) -> tuple[Stop, ...]:
        """All attempts. The line is logarithmic, because the first ones are close together."""
        moments = list(accumulate(self.delays, initial=0.0))
        longest = log(1 + moments[-1]) or 1.0
        return tuple(
            Stop(number, moment, round(100 * log(1 + moment) / longest, 2))
            for number, moment in enumerate(moments, start=1)
        )

    @property
    def total(self) -> float:
        return sum(self.delays)

    @property
    def words(self) -> str:
        """`again after 5 s, 10 s, …, 6 h; dead after 16 retries in 22 h 4 min`."""
        if not self.delays:
            return "no retry: dead when the first attempt fails"
        named = [wording.span(each) for each in self.delays]
        if len(named) > MOST_NAMED:
            named = [*named[: MOST_NAMED - 2], "…", named[-1]]
        count = wording.count(len(self.delays), "retry", "retries")
        return f"again after {', '.join(named)}; dead after {count} in {wording.span(self.total)}"


def plan(policy: RetryPolicy) -> RetryPlan:
    """The planned times: jitter moves each delay by up to 20 %, `Retry-After` extends it."""
    made = range(1, max_attempts(policy))
    return RetryPlan(tuple(delay_seconds(policy, each, jitter=0.0) or 0.0 for each in made))
