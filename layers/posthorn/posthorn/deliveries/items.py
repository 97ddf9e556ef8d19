"""The layout of events, deliveries and attempts as items of LogTable.

All items of one event share the partition key `{tenant}#{event id}`; the sort keys are:

    event                       the event, its decision for each endpoint, the time of recording,
                                and, except for tests, the number of expected deliveries
    delivery#{endpoint id}      the delivery, including its first attempt if that one succeeded
    delivery#{endpoint id}#{n}  attempt n, otherwise

Indexes: `by_endpoint` has every delivery; `by_status` those not succeeded, except tests; `due`
those with a next attempt; `by_tenant` every event, and again the deliveries not succeeded. All but
`due` project `summary` and `expires_at`, which make a list row.
"""

import json
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from posthorn.core import ids
from posthorn.models import (
    Attempt,
    Delivery,
    DeliveryStatus,
    Event,
    Item,
    Model,
    Task,
    Trigger,
    expiry,
    iso,
    read_expiry,
)
from posthorn.subscriptions.matching import Decision, Verdict

# An index partition takes 1,000 write units a second. Four per endpoint allow 4,000 deliveries a
# second, and a page reads four partitions.
ENDPOINT_SHARDS = 4
DELIVERED_VERDICTS = frozenset({Verdict.MATCHED, Verdict.HELD})  # of decisions that make a delivery
DUE_SHARDS = 8
TENANT_SHARDS = 4  # of each kind of event: 4,000 events a second and tenant
TENANT_STATUS_SHARDS = 2  # of each status: 2,000 failures a second and tenant
# The row of an event names its endpoints up to here; beyond, their deliveries are read by query.
NAMED_ENDPOINTS = 25
FIRST_TIME = "0"  # sorts before every time
# The statuses in `by_status`: everything but success. Cancelled deliveries are included so that the
# index has all failures.
ATTENTION = frozenset(DeliveryStatus) - {DeliveryStatus.SUCCEEDED}
_PLAIN, _DEFLATED = b"\0", b"\1"
# Text shared by most items, the most common last (preset dictionary, RFC 1950 §2.2). Stored items
# need this dictionary to be read: a better one gets a tag of its own.
_DICTIONARY = (
    b'{"CustomerId":,"OrderId":,"OrderNo":"","ClientOrderRef":"","Source":"WEB","CellPhone":"+46'
    b'","FirstName":"","LastName":"","PartNo":"","WarehouseCode":"","LocationId":,"OnHandValue":'
    b',"MinimumValue":,"PricelistCode":"","EntityChanged":"tClient","ApplicationId":,"ClientId":'
    b'strict-transport-security":"max-age=31536000","x-request-id":"","content-type":"text/html; '
    b'charset=utf-8","transfer-encoding":"chunked","cache-control":"no-store","vary":"Accept-Encod'
    b'ing","connection":"keep-alive","server":"nginx","date":"Mon, Tue, Wed, Thu, Fri, Sat, Sun, '
    b'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec 2026 GMT","content-length":"0"},"body":"","t'
    b'runcated":false}{"number":1,"trigger":"first","endpoint_version":1,"started_at":"2026-","duration_m'
    b's":,"timings_ms":{"dns":0,"connect":1,"tls":,"first_byte":},"outcome":"succeeded","advice":"'
    b'","request":{"method":"POST","url":"https://","headers":{"content-type":"application/json","us'
    b'er-agent":"Posthorn/0.1","webhook-id":"evt_","webhook-timestamp":"17","webhook-signature":"v1,'
    b'","posthorn-event-type":"Event","posthorn-attempt":"1"}},"response":{"status_code":200,"headers'
    b'":{"event":{"id":"evt_01","tenant":"","type":"","time":"2026-","data":{"ClientId":'
)

_EPOCH, _MILLISECOND = datetime.fromtimestamp(0, UTC), timedelta(milliseconds=1)
_FROM_EVENT_KEY = {"id", "tenant"}
_FROM_KEYS = {"id", "tenant", "event_id", "endpoint_id", "created_at", "expires_at", "body_sha256"}


def event_key(tenant: str, event_id: str) -> Item:
    return {"pk": f"{tenant}#{event_id}", "sk": "event"}


def delivery_key(tenant: str, event_id: str, endpoint_id: str) -> Item:
    return {"pk": f"{tenant}#{event_id}", "sk": f"delivery#{endpoint_id}"}


def attempt_key(tenant: str, event_id: str, endpoint_id: str, *, number: int) -> Item:
    return {"pk": f"{tenant}#{event_id}", "sk": f"delivery#{endpoint_id}#{number:04d}"}


def endpoint_partitions(tenant: str, endpoint_id: str) -> list[str]:
    return [f"{tenant}#{endpoint_id}#{shard}" for shard in range(ENDPOINT_SHARDS)]


def status_partitions(tenant: str, endpoint_id: str, status: DeliveryStatus) -> list[str]:
    return [f"{tenant}#{endpoint_id}#{status}#{shard}" for shard in range(ENDPOINT_SHARDS)]


def status_of_partition(key: str) -> str:
    return key.split("#")[2]


class EventKind(StrEnum):
    """Events with deliveries, without any, and of tests, each in partitions of `by_tenant`."""

    MATCHED = "events"
    UNMATCHED = "unmatched"
    TEST = "tests"


class EventRow(Model):
    """An event in a list; `endpoint_ids` is None for more than NAMED_ENDPOINTS."""

    type: str
    published_id: str | None = None
    endpoint_count: int = 0
    endpoint_ids: tuple[str, ...] | None = None


def event_partitions(tenant: str, kind: EventKind) -> list[str]:
    return [f"{tenant}#{kind}#{shard}" for shard in range(TENANT_SHARDS)]


def tenant_status_partitions(tenant: str, status: DeliveryStatus) -> list[str]:
    return [f"{tenant}#{status}#{shard}" for shard in range(TENANT_STATUS_SHARDS)]


def due_partitions() -> list[str]:
    return [f"due#{shard}" for shard in range(DUE_SHARDS)]


def event_item(
    event: Event,
    decisions: tuple[Decision, ...],
    *,
    recorded_at: datetime,
    expires_at: datetime,
    test: bool,
) -> Item:
    expected = [each.endpoint_id for each in decisions if each.verdict in DELIVERED_VERDICTS]
    kind = EventKind.TEST if test else EventKind.MATCHED if expected else EventKind.UNMATCHED
    row = EventRow(
        type=event.type,
        published_id=event.published_id,
        endpoint_count=len(expected),
        endpoint_ids=tuple(expected) if len(expected) <= NAMED_ENDPOINTS else None,
    )
    return {
        **event_key(event.tenant, event.id),
        "document": event_document(event, decisions),
        "recorded_at": milliseconds(recorded_at),
        "summary": row.model_dump_json(exclude_defaults=True),
        "tenant_pk": event_partitions(event.tenant, kind)[_shard(event.id, TENANT_SHARDS)],
        "tenant_sk": f"{iso(recorded_at)}#{event.id}",
        **({} if test else {"wanted": len(expected)}),
        **expiry(expires_at),
    }


def event_document(event: Event, decisions: tuple[Decision, ...]) -> bytes:
    document = {
        "event": json.loads(_lean(event, without=_FROM_EVENT_KEY)),
        "decisions": [
            [each.endpoint_id, each.endpoint_version, each.verdict, each.reason]
            for each in decisions
        ],
    }
    return pack(json.dumps(document, separators=(",", ":"), ensure_ascii=False))


def read_event(item: Item) -> tuple[Event, tuple[Decision, ...]]:
    document = json.loads(unpack(bytes(item["document"])))
    decisions = tuple(
        Decision(endpoint_id, version, Verdict(verdict), reason)
        for endpoint_id, version, verdict, reason in document["decisions"]
    )
    tenant, event_id = item["pk"].split("#")
    event = Event.model_validate({**document["event"], "id": event_id, "tenant": tenant})
    return event, decisions


def milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND


def recorded_at(item: Item) -> datetime:
    """The time the event was recorded, which is `created_at` of its deliveries."""
    return _EPOCH + int(item["recorded_at"]) * _MILLISECOND


def delivery_attributes(delivery: Delivery) -> Item:
    """The attributes that change with the status; a key of None removes the item from its index."""
    shard = _shard(delivery.event_id, ENDPOINT_SHARDS)
    due = delivery.next_attempt_at
    needs_attention = delivery.status in ATTENTION and not delivery.test
    return {
        "status": delivery.status.value,
        "attempt_count": delivery.attempt_count,
        "summary": delivery.model_dump_json(exclude=_FROM_KEYS, exclude_defaults=True),
        "status_pk": (
            status_partitions(delivery.tenant, delivery.endpoint_id, delivery.status)[shard]
            if needs_attention
            else None
        ),
        "tenant_pk": (
            tenant_status_partitions(delivery.tenant, delivery.status)[
                _shard(delivery.event_id, TENANT_STATUS_SHARDS)
            ]
            if needs_attention
            else None
        ),
        "tenant_sk": _time_key(delivery) if needs_attention else None,
        "due_pk": f"due#{_shard(delivery.event_id, DUE_SHARDS)}" if due else None,
        # The key includes the number of the next attempt: the sweeper needs no second read.
        "due_sk": f"{iso(due)}#{delivery.attempt_count + 1:04d}" if due else None,
    }


def delivery_item(delivery: Delivery) -> Item:
    shard = _shard(delivery.event_id, ENDPOINT_SHARDS)
    attributes = {
        **delivery_key(delivery.tenant, delivery.event_id, delivery.endpoint_id),
        "endpoint_pk": endpoint_partitions(delivery.tenant, delivery.endpoint_id)[shard],
        "endpoint_sk": _time_key(delivery),
        "body_sha256": bytes.fromhex(delivery.body_sha256) if delivery.body_sha256 else None,
        **expiry(delivery.expires_at),
        **delivery_attributes(delivery),
    }
    return {name: value for name, value in attributes.items() if value is not None}


def _time_key(delivery: Delivery) -> str:
    return f"{iso(delivery.created_at)}#{delivery.event_id}"


def time_key(item: Item) -> str:
    """The time and event by which lists are sorted, of an item of the table or of an index."""
    return str(item.get("endpoint_sk") or item["tenant_sk"])


def read_event_row(item: Item) -> EventRow:
    return EventRow.model_validate_json(item["summary"])


def read_delivery(item: Item) -> Delivery:
    """Read a delivery from an item of the table or of an index, except `due`."""
    tenant, event_id = item["pk"].split("#")
    endpoint_id = item["sk"].removeprefix("delivery#")
    digest = item.get("body_sha256")
    return Delivery.model_validate(
        {
            **json.loads(item["summary"]),
            "id": ids.delivery(event_id, endpoint_id),
            "tenant": tenant,
            "event_id": event_id,
            "endpoint_id": endpoint_id,
            "created_at": time_key(item).partition("#")[0],
            "expires_at": read_expiry(item),
            "body_sha256": bytes(digest).hex() if digest else None,
        }
    )


@dataclass(frozen=True)
class DueTask:
    """A row of the index `due`: the attempt that waits, and the row's sort key."""

    task: Task
    sort_key: str

    @property
    def due_at(self) -> datetime:
        return datetime.fromisoformat(self.sort_key.partition("#")[0])


def read_due(item: Item) -> DueTask:
    """Read the next attempt from an item of `due`."""
    tenant, event_id = item["pk"].split("#")
    attempt = int(item["due_sk"].rpartition("#")[2])
    task = Task(
        tenant=tenant,
        event_id=event_id,
        endpoint_id=item["sk"].removeprefix("delivery#"),
        attempt=attempt,
        trigger=Trigger.RETRY if attempt > 1 else Trigger.FIRST,
    )
    return DueTask(task, item["due_sk"])


def pack_attempt(attempt: Attempt) -> bytes:
    return pack(_lean(attempt))


def read_attempt(packed: Any) -> Attempt:
    return Attempt.model_validate_json(unpack(bytes(packed)))


def pack(text: str) -> bytes:
    """Deflate where that is smaller: a write unit is a kilobyte."""
    plain = text.encode()
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=_DICTIONARY)
    deflated = deflater.compress(plain) + deflater.flush()
    return _DEFLATED + deflated if len(deflated) < len(plain) else _PLAIN + plain


def unpack(packed: bytes) -> str:
    tag, content = packed[:1], packed[1:]
    if tag == _DEFLATED:
        return zlib.decompressobj(-15, zdict=_DICTIONARY).decompress(content).decode()
    return content.decode()


def _lean(model: BaseModel, *, without: set[str] | None = None) -> str:
    return model.model_dump_json(exclude=without, exclude_defaults=True)


def _shard(event_id: str, count: int) -> int:
    return zlib.crc32(event_id.encode()) % count
