"""The log: events, deliveries and attempts in LogTable (layout in items.py)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from posthorn.aws.dynamodb import Table, condition_holds
from posthorn.core.errors import UnavailableError
from posthorn.deliveries import items
from posthorn.deliveries.items import DueTask
from posthorn.deliveries.refused_publications import NO_REFUSALS, Refusals, read_refusals
from posthorn.models import (
    Attempt,
    Delivery,
    DeliveryStatus,
    Event,
    Item,
    Task,
    expiry,
    iso,
    read_expiry,
)
from posthorn.models.refused_publication import compare
from posthorn.subscriptions import payloads
from posthorn.subscriptions.matching import Decision

EVENTS_READ_AT_ONCE = 25  # up to 256 KiB each, and far larger once parsed
RECORDS_READ_AT_ONCE = 25  # an event and a delivery each
KEYS_READ_AT_ONCE = 100  # the limit of BatchGetItem
# The table may keep an expired item for days, under a key that a repeated published id uses again.
_NEW = "(attribute_not_exists(#pk) OR #expires_at < :recorded_at)"
AS_BEFORE = (
    "#status = :status AND #attempt_count = :attempt_count AND attribute_not_exists(#erased)"
)
UNCLAIMED = "(attribute_not_exists(#claim_until) OR #claim_until < :now)"


@dataclass(frozen=True)
class Claim:
    """An exclusive lease on an event or a delivery; after a crash it expires."""

    holder: str
    now: datetime
    until: datetime

    @property
    def attributes(self) -> Item:
        return {"claim": self.holder, "claim_until": int(self.until.timestamp())}


@dataclass(frozen=True)
class StoredBody:
    """The body of a delivery: the plain payload mode that renders it again, or its text."""

    mode: str | None = None
    kept: str | None = None

    @property
    def attributes(self) -> Item:
        if self.kept is not None:
            return {"body": items.pack(self.kept)}
        return {"body_mode": self.mode} if self.mode else {}


@dataclass(frozen=True)
class Record:
    """A delivery, its body, and those of its attempts that were read."""

    delivery: Delivery
    body: StoredBody
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True)
class EventHistory:
    """Everything that the log has of one event."""

    event: Event
    recorded_at: datetime
    decisions: tuple[Decision, ...]
    expires_at: datetime
    records: dict[str, Record]  # by endpoint id
    refusals: Refusals = NO_REFUSALS


class LogStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def claim_event(
        self,
        event: Event,
        decisions: tuple[Decision, ...],
        claim: Claim,
        *,
        expires_at: datetime,
        test: bool = False,
    ) -> bool:
        """Record the event with its decisions; False if it is recorded already."""
        item = items.event_item(
            event, decisions, recorded_at=claim.now, expires_at=expires_at, test=test
        )
        claimed = {**item, **claim.attributes}
        return condition_holds(
            lambda: self._table.put(claimed, condition=_NEW, values=_recorded(claim.now))
        )

    def reclaim_event(self, tenant: str, event_id: str, claim: Claim) -> bool:
        """Take over an event whose claim has expired; False while another holder has it."""
        return condition_holds(
            lambda: self._table.update(
                items.event_key(tenant, event_id),
                claim.attributes,
                condition="#claim = :holder OR #claim_until < :now",
                values={"holder": claim.holder, "now": int(claim.now.timestamp())},
            )
        )

    def release_event(self, tenant: str, event_id: str, claim: Claim) -> None:
        """End the claim early, so that another message can continue."""
        condition_holds(
            lambda: self._table.update(
                items.event_key(tenant, event_id),
                {"claim_until": 0},
                condition="#claim = :holder",
                values={"holder": claim.holder},
            )
        )

    def refuse(self, again: Event) -> Refusals | None:
        """Record a publication with a recorded event's id and other content.

        Return the event's refused publications; None for the same content and an expired event.
        UnavailableError when another one is recorded at the same time: try again.
        """
        key = items.event_key(again.tenant, again.id)
        item = self._table.get(key)
        publication = item and compare(items.read_event(item)[0], again)
        if not item or not publication:
            return None
        before = read_refusals(item)
        after = before.with_one(publication)
        if after != before and not condition_holds(
            lambda: self._table.update(
                key,
                after.attributes,
                condition="attribute_exists(#pk) AND attribute_not_exists(#erased) AND "
                + ("#refused_count = :count" if before.count else "attribute_not_exists(#refused)"),
                values={"count": before.count} if before.count else None,
            )
        ):
            raise UnavailableError("another publication of the event is being recorded")
        return after

    def put_delivery(
        self, delivery: Delivery, body: StoredBody, *, attempt: Attempt | None = None
    ) -> bool:
        """Record a new delivery with its first attempt; False if it exists already.

        A succeeded first attempt is part of the delivery's item, which makes it one write.
        """
        item = {**items.delivery_item(delivery), **body.attributes}
        recorded = _recorded(delivery.created_at)
        if attempt and delivery.status is not DeliveryStatus.SUCCEEDED:
            new = self._table.put_request(item, condition=_NEW, values=recorded)
            put = {"Put": new}
            writes = [self._put_attempt(delivery, attempt), put]
            return condition_holds(lambda: self._table.write_together(writes))
        if attempt:
            item["attempt"] = items.pack_attempt(attempt)
        return condition_holds(lambda: self._table.put(item, condition=_NEW, values=recorded))

    def _put_attempt(self, delivery: Delivery, attempt: Attempt) -> Item:
        key = items.attempt_key(
            delivery.tenant, delivery.event_id, delivery.endpoint_id, number=attempt.number
        )
        item = {
            **key,
            "attempt": items.pack_attempt(attempt),
            **expiry(delivery.expires_at),
        }
        values = _recorded(delivery.created_at)
        return {"Put": self._table.put_request(item, condition=_NEW, values=values)}

    def claim_delivery(self, delivery: Delivery, claim: Claim) -> bool:
        """Claim the delivery for an attempt; False if it is claimed or has changed."""
        return condition_holds(
            lambda: self._table.update(
                _key(delivery),
                claim.attributes,
                condition=f"{AS_BEFORE} AND {UNCLAIMED}",
                values={**_as_before(delivery), "now": int(claim.now.timestamp())},
            )
        )

    def move_delivery(
        self,
        before: Delivery,
        after: Delivery,
        *,
        now: datetime,
        holder: str | None = None,
        attempt: Attempt | None = None,
        body: StoredBody | None = None,
    ) -> bool:
        """Write the delivery's new state and end the claim; False if the condition fails.

        With a `holder`, the condition is its claim; without one, that there is no claim. An
        `attempt` is recorded in the same transaction.
        """
        condition = AS_BEFORE + (" AND #claim = :holder" if holder else f" AND {UNCLAIMED}")
        values = _as_before(before)
        values |= {"holder": holder} if holder else {"now": int(now.timestamp())}
        changes = {
            **items.delivery_attributes(after),
            **(body.attributes if body and not before.body_sha256 else {}),
            "claim": None,
            "claim_until": None,
        }
        if after.body_sha256:
            changes["body_sha256"] = bytes.fromhex(after.body_sha256)
        key = _key(before)
        if attempt is None:
            return condition_holds(
                lambda: self._table.update(key, changes, condition=condition, values=values)
            )
        update = self._table.update_request(key, changes, condition=condition, values=values)
        writes = [self._put_attempt(after, attempt), {"Update": update}]
        return condition_holds(lambda: self._table.write_together(writes))

    def record(self, tenant: str, event_id: str, endpoint_id: str) -> tuple[Event, Record] | None:
        """Read the event and the delivery, without attempts; None if they have expired."""
        key = (event_id, endpoint_id)
        return self.records(tenant, [key]).get(key)

    def record_with_attempts(
        self, tenant: str, event_id: str, endpoint_id: str
    ) -> tuple[Event, Record] | None:
        """As `record`, with all attempts. The event's other deliveries are not read."""
        key = items.delivery_key(tenant, event_id, endpoint_id)
        condition = "#pk = :pk AND begins_with(#sk, :sk)"
        rows = list(self._table.query(condition, key))  # the delivery, then its attempts
        head = self._table.get(items.event_key(tenant, event_id))
        if head is None or not rows or rows[0]["sk"] != key["sk"]:
            return None
        return items.read_event(head)[0], _record(rows[0], rows[1:])

    def records(
        self, tenant: str, pairs: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], tuple[Event, Record]]:
        """Read at most RECORDS_READ_AT_ONCE by pairs of event and endpoint, without attempts.

        Expired ones are omitted.
        """
        heads = {each: items.event_key(tenant, each) for each, _ in pairs}
        keys = [*heads.values(), *(items.delivery_key(tenant, *each) for each in pairs)]
        rows = {(row["pk"], row["sk"]): row for row in self._table.get_many(keys)} if keys else {}
        found = {}
        for event_id, endpoint_id in pairs:
            key = items.delivery_key(tenant, event_id, endpoint_id)
            head, row = (rows.get((key["pk"], sk)) for sk in ("event", key["sk"]))
            if head and row:
                found[event_id, endpoint_id] = items.read_event(head)[0], _record(row, ())
        return found

    def deliveries(
        self, tenant: str, endpoint_id: str, event_ids: Sequence[str]
    ) -> dict[str, Delivery]:
        """Read an endpoint's deliveries of these events, consistently, by event id.

        Those with an erased payload are omitted: they cannot be sent.
        """
        found: dict[str, Delivery] = {}
        for start in range(0, len(event_ids), KEYS_READ_AT_ONCE):
            these = event_ids[start : start + KEYS_READ_AT_ONCE]
            keys = [items.delivery_key(tenant, each, endpoint_id) for each in these]
            rows = self._table.get_many(keys)
            read = [items.read_delivery(row) for row in rows if "erased" not in row]
            found |= {delivery.event_id: delivery for delivery in read}
        return found

    def history(self, tenant: str, event_id: str) -> EventHistory | None:
        """Read everything about one event: one consistent Query."""
        key = items.event_key(tenant, event_id)
        rows = list(self._table.query("#pk = :pk", {"pk": key["pk"]}))
        head = next((row for row in rows if row["sk"] == "event"), None)
        if head is None:
            return None
        event, decisions = items.read_event(head)
        deliveries: dict[str, Item] = {}
        attempts: dict[str, list[Item]] = {}
        for row in rows:
            parts = row["sk"].split("#")
            if len(parts) == 2:
                deliveries[parts[1]] = row
            elif len(parts) == 3:
                attempts.setdefault(parts[1], []).append(row)
        return EventHistory(
            event=event,
            recorded_at=items.recorded_at(head),
            decisions=decisions,
            expires_at=read_expiry(head),
            records={
                endpoint_id: _record(row, attempts.get(endpoint_id, ()))
                for endpoint_id, row in deliveries.items()
            },
            refusals=read_refusals(head),
        )

    def events(self, tenant: str, event_ids: Sequence[str]) -> Iterator[Event]:
        """Yield the events that have not expired, EVENTS_READ_AT_ONCE read at a time."""
        for start in range(0, len(event_ids), EVENTS_READ_AT_ONCE):
            these = event_ids[start : start + EVENTS_READ_AT_ONCE]
            keys = [items.event_key(tenant, each) for each in these]
            found = {item["pk"]: item for item in self._table.get_many(keys)}
            yield from (items.read_event(found[k["pk"]])[0] for k in keys if k["pk"] in found)

    def due_before(self, moment: datetime) -> Iterator[Task]:
        """Yield the next attempt of each delivery due before `moment`, by partition."""
        for partition in items.due_partitions():
            yield from (each.task for each in self.due(partition, "", iso(moment)))

    def due(self, partition: str, begin: str, end: str) -> Iterator[DueTask]:
        """Yield the rows of one partition of `due` with a sort key in `[begin, end)`, by time."""
        rows = self._table.query(
            "#due_pk = :due_pk AND #due_sk BETWEEN :begin AND :end",
            # `end` is a time, which no sort key equals: theirs go on with the attempt's number.
            {"due_pk": partition, "begin": begin or items.FIRST_TIME, "end": end},
            index="due",
        )
        return map(items.read_due, rows)


def _record(row: Item, attempts: Sequence[Item]) -> Record:
    packed = [row["attempt"]] if "attempt" in row else []
    packed += [each["attempt"] for each in attempts]
    kept = row.get("body")
    return Record(
        delivery=items.read_delivery(row),
        body=StoredBody(mode=row.get("body_mode"), kept=items.unpack(kept) if kept else None),
        attempts=tuple(items.read_attempt(each) for each in packed),
    )


def _recorded(at: datetime) -> Item:
    return {"recorded_at": int(at.timestamp())}


def _as_before(delivery: Delivery) -> Item:
    return {"status": delivery.status.value, "attempt_count": delivery.attempt_count}


def _key(delivery: Delivery) -> Item:
    return items.delivery_key(delivery.tenant, delivery.event_id, delivery.endpoint_id)


def body_of(event: Event, record: Record) -> bytes | None:
    """The bytes that the attempts of this delivery sent; None before the first and once erased."""
    if event.erasure is not None:
        return None
    if record.body.kept is not None:
        return record.body.kept.encode()
    if record.body.mode is None:
        return None
    return payloads.render(payloads.plain(record.body.mode), event)
