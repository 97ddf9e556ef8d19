"""Read LogTable's stream: an event was recorded, a publication refused, or a delivery changed.

Statistics and the progress of jobs are counted from these, at no cost to the dispatcher.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from posthorn.deliveries import items
from posthorn.deliveries.refused_publications import read_refusals
from posthorn.models import Delivery, Item, Outcome, read_expiry

Image = Mapping[str, Mapping[str, Any]]  # DynamoDB JSON of a Lambda event


@dataclass(frozen=True)
class StreamChange:
    """One record of the stream: an item before and after; None where it did not exist.

    Sequence numbers increase within a shard and cannot be compared between shards.
    """

    sequence_number: int
    before: Image | None
    after: Image | None

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        change = record["dynamodb"]
        return cls(int(change["SequenceNumber"]), change.get("OldImage"), change.get("NewImage"))


@dataclass(frozen=True)
class EventRecorded:
    """A published event was recorded; each endpoint of `expected` must get a delivery."""

    tenant: str
    event_type: str
    recorded_at: datetime
    expires_at: datetime
    expected: tuple[str, ...]  # ids of endpoints


@dataclass(frozen=True)
class PublicationRefused:
    """A publication was refused: its id is that of a recorded event with other content."""

    tenant: str
    event_type: str  # of the recorded event
    at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Transition:
    """A delivery was created (`before` is None) or changed."""

    before: Delivery | None
    after: Delivery

    @property
    def expires_at(self) -> datetime:
        return self.after.expires_at

    @property
    def attempted(self) -> Outcome | None:
        """The outcome of the attempt that caused this transition; None if there was none."""
        count = self.before.attempt_count if self.before else 0
        return self.after.last_outcome if self.after.attempt_count > count else None


Fact = EventRecorded | PublicationRefused | Transition


def read(change: StreamChange) -> Fact | None:
    """Read a record; None for a claim, an expiry, an erasure, and the event of a test."""
    if change.after is None:
        return None
    item = _plain(change.after)
    if item["sk"] == "event":
        return _refused(_plain(change.before), item) if change.before else _recorded(item)
    if "summary" not in item or "erased" in item:
        return None
    before = items.read_delivery(_plain(change.before)) if change.before else None
    after = items.read_delivery(item)
    return None if before == after else Transition(before, after)


def _recorded(item: Item) -> EventRecorded | None:
    if "wanted" not in item:
        return None
    event, decisions = items.read_event(item)
    return EventRecorded(
        tenant=event.tenant,
        event_type=event.type,
        recorded_at=items.recorded_at(item),
        expires_at=read_expiry(item),
        expected=tuple(
            each.endpoint_id for each in decisions if each.verdict in items.DELIVERED_VERDICTS
        ),
    )


def _refused(before: Item, after: Item) -> PublicationRefused | None:
    refusals = read_refusals(after)
    if refusals.count <= read_refusals(before).count:
        return None
    event, _ = items.read_event(after)
    return PublicationRefused(
        tenant=event.tenant,
        event_type=event.type,
        at=refusals.kept[-1].at,
        expires_at=read_expiry(after),
    )


def _plain(image: Image) -> Item:
    return {name: _value(*kind.items()) for name, kind in image.items()}


def _value(typed: tuple[str, Any]) -> Any:
    kind, value = typed
    if kind == "N":
        return int(value)
    return base64.b64decode(value) if kind == "B" else value
