"""Statistics as the API shows them."""

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from posthorn.core import api_examples as examples
from posthorn.models import DeliveryStatus, Model, Outcome, Time
from posthorn.monitoring.counters import Counts, day_of, percentile

MOST_GROUPS = 100


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
    """Of attempts, from a histogram: each may be up to 19 % too high."""

    p50: int
    p90: int
    p99: int


class StatsNumbers(Model):
    """What became of some deliveries. A rate is null where there is nothing to divide by."""

    events: int | None = Field(
        description="Published events; null where one endpoint was asked for"
    )
    wanted: int = Field(description="Deliveries that those events must have")
    deliveries: int = Field(description="Deliveries that there are")
    statuses: dict[DeliveryStatus, int] = Field(description="Those deliveries by status, now")
    tried: int = Field(description="Deliveries with an attempt")
    success_rate: float | None = Field(description="Share of the tried ones that succeeded so far")
    first_attempt_success_rate: float | None
    attempts: int
    attempts_per_delivery: float | None = Field(description="Of the tried ones")
    outcomes: dict[Outcome, int] = Field(description="Those attempts by how they ended")
    latency_ms: Latency | None


class TimeBucket(StatsNumbers):
    start: Time


class Group(Model):
    """`count` is of deliveries, or of attempts where the groups are outcomes."""

    key: str
    name: str | None = Field(description="Of an endpoint that is still there")
    count: int
    counts: list[int] = Field(description="The same by bucket")
    numbers: StatsNumbers | None = Field(description="For an endpoint or an event type")


class StatsView(Model):
    """`since` and `until` are widened to whole hours."""

    model_config = examples.shown(examples.STATS)

    since: Time
    until: Time
    bucket: Bucket
    by: By
    totals: StatsNumbers
    buckets: list[TimeBucket]
    groups: list[Group] = Field(description=f"At most {MOST_GROUPS}, those with the most first")
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
    """The share of the tried deliveries that has succeeded."""
    return _rate(counts["status.succeeded"], counts["tried"])


def _latency(counts: Counts) -> Latency | None:
    if not counts["attempts"]:
        return None
    return Latency(
        p50=percentile(counts, 0.5), p90=percentile(counts, 0.9), p99=percentile(counts, 0.99)
    )


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
