"""The counters of the statistics: sums that do not depend on the order of the facts.

A row has a StatsKey, and these counts by name:

    events               published events that were recorded; each is counted in one row only
    wanted               deliveries that those events must have
    created              deliveries that exist
    status.{status}      existing deliveries with this current status
    tried, attempts      deliveries with an attempt, and all their attempts
    first_successes      deliveries whose first attempt succeeded
    outcome.{outcome}    attempts with this outcome
    latency.{bucket}     attempts of this duration, see `bucket_of`
    refused              publications with the id of an event and other content, by their time
    died                 deliveries that became dead in this hour, whenever they were created
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil, log

from posthorn.deliveries.stream import EventRecorded, Fact, PublicationRefused, Transition
from posthorn.models import Delivery, DeliveryStatus, Outcome

Counts = Counter[str]
NO_ENDPOINT = "-"  # in the key that counts the events without a subscriber
# The ratio of one bucket's upper end to that of the bucket below: a percentile is too high by at
# most this factor, and 70 buckets cover a millisecond to three minutes.
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


def counted(fact: Fact) -> Iterator[tuple[StatsKey, Counts]]:
    """Yield the counts that a fact adds to each key. Tests are not counted."""
    if isinstance(fact, EventRecorded):
        yield from _counted_event(fact)
    elif isinstance(fact, PublicationRefused):
        key = StatsKey(fact.tenant, hour_of(fact.at), NO_ENDPOINT, fact.event_type)
        yield key, Counts(refused=1)
    elif not fact.after.test:
        yield _key(fact.after, fact.after.created_at), _counted_transition(fact)
        if fact.after.status is DeliveryStatus.DEAD and fact.after.last_attempt_at:
            yield _key(fact.after, fact.after.last_attempt_at), Counts(died=1)


def _counted_event(event: EventRecorded) -> Iterator[tuple[StatsKey, Counts]]:
    """Count one wanted delivery for each endpoint, and the event with the first of them.

    So an event for one endpoint, and its delivery, take one write of one row.
    """
    hour = hour_of(event.recorded_at)
    for place, endpoint_id in enumerate(event.expected or (NO_ENDPOINT,)):
        counts = Counts()
        if endpoint_id != NO_ENDPOINT:
            counts["wanted"] = 1
        if place == 0:
            counts["events"] = 1
        yield StatsKey(event.tenant, hour, endpoint_id, event.event_type), counts


def _key(delivery: Delivery, moment: datetime) -> StatsKey:
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
    """The bucket of a duration; bucket 0 ends at one millisecond."""
    return ceil(log(duration_ms, BUCKET_RATIO) - 1e-9) if duration_ms > 1 else 0


def percentile(counts: Counts, share: float) -> int:
    """The upper end, in milliseconds, of the bucket with this quantile of the attempts."""
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
