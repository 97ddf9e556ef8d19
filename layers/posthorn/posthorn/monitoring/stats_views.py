"""Statistics as the API shows them."""

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from posthorn.core import api_examples
from posthorn.models import DeliveryStatus, Model, Outcome, Time
from posthorn.monitoring.counters import Counts, day_of, percentile

MAX_GROUPS = 100


class By(StrEnum):
    STATUS = "status"
    ENDPOINT = "endpoint"
    EVENT_TYPE = "event_type"
    OUTCOME = "outcome"


class Bucket(StrEnum):
    HOUR = "hour"
    DAY = "day"  # in UTC

    @property
    def width(self) -> timedelta:
        return timedelta(hours=1) if self is Bucket.HOUR else timedelta(days=1)

    def start_of(self, hour: datetime) -> datetime:
        return hour if self is Bucket.HOUR else day_of(hour)


class Latency(Model):
    """Percentiles of the attempts, from a histogram: each may be up to 19 % too high."""

    p50: int
    p90: int
    p99: int


class StatsNumbers(Model):
    """The counts and rates of a set of deliveries. A rate of nothing is null."""

    events: int | None = Field(
        description="Published events; null for the statistics of one endpoint"
    )
    wanted: int = Field(description="Deliveries that these events must have")
    deliveries: int = Field(description="Deliveries that exist")
    statuses: dict[DeliveryStatus, int] = Field(description="Existing deliveries by current status")
    tried: int = Field(description="Deliveries with an attempt")
    success_rate: float | None = Field(
        description="Share of the tried deliveries that have succeeded"
    )
    first_attempt_success_rate: float | None
    attempts: int
    attempts_per_delivery: float | None = Field(description="Of the tried deliveries")
    outcomes: dict[Outcome, int] = Field(description="Attempts by outcome")
    latency_ms: Latency | None


class TimeBucket(StatsNumbers):
    start: Time


class Group(Model):
    """`count` is the number of deliveries; of attempts, when grouped by outcome."""

    key: str
    name: str | None = Field(description="The name of the endpoint, unless it is deleted")
    count: int
    counts: list[int] = Field(description="`count` by bucket")
    numbers: StatsNumbers | None = Field(description="When grouped by endpoint or event type")


class StatsView(Model):
    """Statistics of a period, which is extended to whole hours."""

    model_config = api_examples.shown(api_examples.STATS)

    since: Time
    until: Time
    bucket: Bucket
    by: By
    totals: StatsNumbers
    buckets: list[TimeBucket]
    groups: list[Group] = Field(description=f"At most {MAX_GROUPS}, the largest first")
    groups_left_off: int


def numbers_of(counts: Counts, *, with_events: bool) -> StatsNumbers:
    tried = counts["tried"]
    return StatsNumbers(
        events=counts["events"] if with_events else None,
        wanted=counts["wanted"],
        deliveries=counts["created"],
        statuses={each: counts[f"status.{each}"] for each in DeliveryStatus},
        tried=tried,
        success_rate=success_rate(counts),
        first_attempt_success_rate=_rate(counts["first_successes"], tried),
        attempts=counts["attempts"],
        attempts_per_delivery=_rate(counts["attempts"], tried),
        outcomes={each: n for each in Outcome if (n := counts[f"outcome.{each}"])},
        latency_ms=_latency(counts),
    )


def success_rate(counts: Counts) -> float | None:
    """The share of the tried deliveries that have succeeded."""
    return _rate(counts["status.succeeded"], counts["tried"])


def _latency(counts: Counts) -> Latency | None:
    if not counts["attempts"]:
        return None
    return Latency(
        p50=percentile(counts, 0.5), p90=percentile(counts, 0.9), p99=percentile(counts, 0.99)
    )


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
