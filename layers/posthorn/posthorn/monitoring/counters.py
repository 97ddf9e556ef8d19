"""What is counted of deliveries, and in which row: sums that do not depend on their order.

A row of the statistics is a cell. Its counts are numbers by name; `counts_of` makes the names:

    events               published events recorded. Each is counted in one cell only, see `cells_of`
    wanted               deliveries that those events must have
    created              deliveries that there are
    status.{status}      those of them that have this status now
    tried, attempts      those with an attempt, and their attempts
    first_successes      those whose first attempt succeeded
    outcome.{outcome}    attempts that ended so
    latency.{bucket}     attempts that took so long, see `bucket_of`
    died                 deliveries that became dead in this hour, whenever they were created
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil, log

from posthorn.deliveries.stream import EventRecorded, Transition
from posthorn.models import Delivery, DeliveryStatus, Outcome

Counts = Counter[str]
NOBODY = "-"  # the endpoint of a cell that counts events that none wanted
# Each bucket ends at this times the end of the one before: a percentile read from them is at most
# this factor too high, and 70 buckets span a millisecond to three minutes.
BUCKET_RATIO = 2 ** (1 / 4)


@dataclass(frozen=True)
class StatsKey:
    """One hour's deliveries of one event type to one endpoint, by when their event was recorded."""

    tenant: str
    hour: datetime
    endpoint_id: str
    event_type: str


def hour_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def day_of(moment: datetime) -> datetime:
    return hour_of(moment).replace(hour=0)


def counted(fact: EventRecorded | Transition) -> Iterator[tuple[StatsKey, Counts]]:
    """Yield what a fact adds to which cells. Tests are not counted."""
    if isinstance(fact, EventRecorded):
        yield from _counted_event(fact)
    elif not fact.after.test:
        yield _cell(fact.after, fact.after.created_at), _counted_transition(fact)
        if fact.after.status is DeliveryStatus.DEAD and fact.after.last_attempt_at:
            yield _cell(fact.after, fact.after.last_attempt_at), Counts(died=1)


def _counted_event(event: EventRecorded) -> Iterator[tuple[StatsKey, Counts]]:
    """Every endpoint that wants it is owed one; the event itself counts where the first one does.

    So an event for one endpoint, and its delivery, are one write of one row.
    """
    hour = hour_of(event.recorded_at)
    for place, endpoint_id in enumerate(event.expected or (NOBODY,)):
        counts = Counts()
        if endpoint_id != NOBODY:
            counts["wanted"] = 1
        if place == 0:
            counts["events"] = 1
        yield StatsKey(event.tenant, hour, endpoint_id, event.event_type), counts


def _cell(delivery: Delivery, moment: datetime) -> StatsKey:
    return StatsKey(delivery.tenant, hour_of(moment), delivery.endpoint_id, delivery.event_type)


def _counted_transition(transition: Transition) -> Counts:
    before, after = transition.before, transition.after
    counts = Counts()
    if before is None:
        counts["created"] = 1
    else:
        counts[f"status.{before.status}"] -= 1
    counts[f"status.{after.status}"] += 1
    if transition.attempted:
        counts["attempts"] = 1
        counts[f"outcome.{transition.attempted}"] = 1
        counts[f"latency.{bucket_of(after.last_duration_ms or 0)}"] = 1
        if before is None or before.attempt_count == 0:
            counts["tried"] = 1
            counts["first_successes"] = int(transition.attempted is Outcome.SUCCEEDED)
    return Counts({name: count for name, count in counts.items() if count})


def bucket_of(duration_ms: int) -> int:
    """The bucket of a duration: 0 is up to a millisecond."""
    return ceil(log(duration_ms, BUCKET_RATIO) - 1e-9) if duration_ms > 1 else 0


def percentile(counts: Counts, share: float) -> int:
    """The end, in milliseconds, of the bucket that this share of the attempts does not exceed."""
    buckets = sorted(
        (int(name.removeprefix("latency.")), count)
        for name, count in counts.items()
        if name.startswith("latency.")
    )
    left = share * sum(count for _, count in buckets)
    for bucket, count in buckets:
        left -= count
        if left <= 0:
            return round(BUCKET_RATIO**bucket)
    return 0
