"""What a record of LogTable's stream tells: an event was recorded, or a delivery moved.

This is the source of statistics and of the progress of jobs. It costs what made the record nothing.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from posthorn.deliveries import items
from posthorn.models import Delivery, Item, Outcome, read_expiry

Image = Mapping[str, Mapping[str, Any]]  # DynamoDB JSON as Lambda gets it, binaries in base64


@dataclass(frozen=True)
class StreamChange:
    """One record of the stream: an item as it was and as it is; None where it was not, or is not.

    Sequence numbers grow within a shard. Those of different shards cannot be compared.
    """

    sequence_number: int
    before: Image | None
    after: Image | None

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        told = record["dynamodb"]
        return cls(int(told["SequenceNumber"]), told.get("OldImage"), told.get("NewImage"))


@dataclass(frozen=True)
class EventRecorded:
    """A published event came into the log, with one delivery to come for each of `wanted_by`."""

    tenant: str
    event_type: str
    recorded_at: datetime
    expires_at: datetime  # its log is kept until then
    wanted_by: tuple[str, ...]  # ids of endpoints


@dataclass(frozen=True)
class Transition:
    """A delivery began (`before` is None) or became another."""

    before: Delivery | None
    after: Delivery

    @property
    def expires_at(self) -> datetime:
        return self.after.expires_at

    @property
    def attempted(self) -> Outcome | None:
        """How the attempt that made this transition ended; None when it was no attempt."""
        made = self.before.attempt_count if self.before else 0
        return self.after.last_outcome if self.after.attempt_count > made else None


def read(change: StreamChange) -> EventRecorded | Transition | None:
    """Read a record; None when it tells nothing: a claim, an expiry, an erasure, a test's event."""
    if change.after is None:
        return None
    item = _plain(change.after)
    if item["sk"] == "event":
        return _recorded(item) if change.before is None else None
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
        wanted_by=tuple(
            each.endpoint_id for each in decisions if each.verdict in items.DELIVERED_VERDICTS
        ),
    )


def _plain(image: Image) -> Item:
    return {name: _value(*kind.items()) for name, kind in image.items()}


def _value(typed: tuple[str, Any]) -> Any:
    kind, value = typed
    if kind == "N":
        return int(value)
    return base64.b64decode(value) if kind == "B" else value
