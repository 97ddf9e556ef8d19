"""How the log's things are laid out as items of LogTable, and read back (design.md §5).

One event's whole history stands under one partition key, `{tenant}#{event id}`:

    event                       the event, what was decided for each endpoint, when it was recorded,
                                and, unless a test made it, how many deliveries are wanted
    delivery#{endpoint id}      the delivery; its first attempt, when that one succeeded, is inside
    delivery#{endpoint id}#{n}  attempt n, otherwise

Indexes: `by_endpoint` holds each delivery; `by_status` those that have not succeeded and are no
tests; `due` those with a next attempt. The first two carry `summary` and `expires_at`, from which a
row of a list is made.
"""

import json
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel

from posthorn.core.ids import delivery as delivery_id
from posthorn.models import (
    Attempt,
    Delivery,
    DeliveryStatus,
    Event,
    Item,
    Task,
    Trigger,
    expiry,
    iso,
    read_expiry,
)
from posthorn.subscriptions.matching import Decision, Verdict

# A partition of an index takes 1,000 write units a second. Four a busy endpoint give it 4,000
# deliveries a second, and a page reads four partitions.
ENDPOINT_SHARDS = 4
DELIVERED_VERDICTS = frozenset({Verdict.MATCHED, Verdict.HELD})  # decisions that make a delivery
DUE_SHARDS = 8
FIRST_TIME = "0"  # sorts before every time
# Whatever is not, or not yet, as it should be. Cancelled ones too, so that `by_status` has all that
# failed in some way.
ATTENTION = frozenset(DeliveryStatus) - {DeliveryStatus.SUCCEEDED}
_PLAIN, _DEFLATED = b"\0", b"\1"
# What most items share, the most common last (preset dictionary, RFC 1950 §2.2). Items written with
# it are read with it: a better dictionary gets a tag of its own beside this one.
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
    wanted = sum(each.verdict in DELIVERED_VERDICTS for each in decisions)
    return {
        **event_key(event.tenant, event.id),
        "document": event_document(event, decisions),
        "recorded_at": milliseconds(recorded_at),
        **({} if test else {"wanted": wanted}),
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
    """When the event of this item was recorded: its deliveries begin at that moment."""
    return _EPOCH + int(item["recorded_at"]) * _MILLISECOND


def delivery_attributes(delivery: Delivery) -> Item:
    """What changes as the delivery moves on; a sparse index key that is None leaves its index."""
    shard = _shard(delivery.event_id, ENDPOINT_SHARDS)
    due = delivery.next_attempt_at
    return {
        "status": delivery.status.value,
        "attempt_count": delivery.attempt_count,
        "summary": delivery.model_dump_json(exclude=_FROM_KEYS, exclude_defaults=True),
        "status_pk": (
            status_partitions(delivery.tenant, delivery.endpoint_id, delivery.status)[shard]
            if delivery.status in ATTENTION and not delivery.test
            else None
        ),
        "due_pk": f"due#{_shard(delivery.event_id, DUE_SHARDS)}" if due else None,
        # The attempt to make is part of the key, so that the sweeper needs no second read.
        "due_sk": f"{iso(due)}#{delivery.attempt_count + 1:04d}" if due else None,
    }


def delivery_item(delivery: Delivery) -> Item:
    shard = _shard(delivery.event_id, ENDPOINT_SHARDS)
    attributes = {
        **delivery_key(delivery.tenant, delivery.event_id, delivery.endpoint_id),
        "endpoint_pk": endpoint_partitions(delivery.tenant, delivery.endpoint_id)[shard],
        "endpoint_sk": f"{iso(delivery.created_at)}#{delivery.event_id}",
        "body_sha256": bytes.fromhex(delivery.body_sha256) if delivery.body_sha256 else None,
        **expiry(delivery.expires_at),
        **delivery_attributes(delivery),
    }
    return {name: value for name, value in attributes.items() if value is not None}


def read_delivery(item: Item) -> Delivery:
    """Read a delivery from the table or from a row of `by_endpoint` or `by_status`."""
    tenant, event_id = item["pk"].split("#")
    endpoint_id = item["sk"].removeprefix("delivery#")
    digest = item.get("body_sha256")
    return Delivery.model_validate(
        {
            **json.loads(item["summary"]),
            "id": delivery_id(event_id, endpoint_id),
            "tenant": tenant,
            "event_id": event_id,
            "endpoint_id": endpoint_id,
            "created_at": item["endpoint_sk"].partition("#")[0],
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
