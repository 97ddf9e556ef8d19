"""Read units of the first page of each view of the log, for a small and a large log.

A busy tenant has five endpoints, half of whose deliveries have not succeeded; 20 quiet tenants
share the table. Both ends of its log are the same for every size; only the middle grows.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from inspect import signature
from typing import Any

from boto3.dynamodb.types import TypeSerializer
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from posthorn.core import ids
from posthorn.deliveries import items
from posthorn.deliveries.filters import DeliveryFilter, Order, StatusClass
from posthorn.deliveries.search import MOST_EXAMINED, DeliverySearch
from posthorn.models import Delivery, DeliveryStatus, Event, Item, Outcome
from tests.support.capacity_units import metered
from tests.support.world import ORDER, START, World, world

SIZES = (1_000, 100_000)
LIMIT = 50  # default size of a page
OLDEST = 200  # rows at the old end that are the same for every size
TYPES = ("OrderReceivedEvent", "JobCompletedEvent", "SkuPriceChangedNotification")
SEARCH = f"search of {MOST_EXAMINED}"
_ATTENTION = tuple(sorted(items.ATTENTION))
_serialize = TypeSerializer().serialize


@dataclass(frozen=True)
class Cost:
    """Of one page: the read units of all that it called, the endpoints' table included."""

    shown: int
    rows_read: int
    units: float


def rows() -> Iterator[str]:
    small, large = (measured(size) for size in SIZES)
    yield f"read units of the first page of {LIMIT}, of {SIZES[0]:,} and of {SIZES[1]:,} deliveries"
    for view, cost in small.items():
        grown = large[view]
        yield (
            f"{view:20} {cost.units:6.1f} {grown.units:6.1f}  x {grown.units / cost.units:.2f}  "
            f"{grown.rows_read:4} rows read, {grown.shown:3} shown: "
            f"{grown.rows_read / min(LIMIT, max(1, grown.shown)):.1f} for each, "
            f"{grown.rows_read / LIMIT:.1f} for each asked for"
        )


def measured(
    size: int, *, limit: int = LIMIT, endpoints: int = 5, quiet: int = 20
) -> dict[str, Cost]:
    """The cost of each view's first page, where the busy tenant has so many deliveries."""
    with world() as one:
        for tenant in ("busy", *(f"quiet-{n}" for n in range(quiet))):
            one.tenancy.put(tenant, name=tenant)
        busy = [one.endpoint(f"shop-{number}", "busy").id for number in range(endpoints)]
        others = {f"quiet-{n}": one.endpoint("shop", f"quiet-{n}").id for n in range(quiet)}
        with _filling(one.log_table.name) as put:
            for number in range(size):
                # The middle is at a distance from both ends.
                from_old_end = number >= size - OLDEST
                age = 1_000_000 - size + number if from_old_end else number
                put(items.delivery_item(_delivery("busy", busy, age)))
                if number < MOST_EXAMINED:
                    put(_event_item(age))
            for tenant, endpoint_id in others.items():
                for number in range(20):
                    put(items.delivery_item(_delivery(tenant, [endpoint_id], number)))
        costs = {name: _cost(one, wanted, limit) for name, wanted in _views(busy[0]).items()}
        return {**costs, SEARCH: _cost_of_search(one, limit)}


def _views(endpoint_id: str) -> dict[str, DeliveryFilter]:
    event_id = _event_id(0)
    return {
        "all": DeliveryFilter(),
        "oldest first": DeliveryFilter(order=Order.OLDEST),
        "an endpoint": DeliveryFilter(endpoint_ids=(endpoint_id,)),
        **{each.value: DeliveryFilter(status=each) for each in DeliveryStatus},
        "an event type": DeliveryFilter(event_type=TYPES[0]),
        "outcome timeout_read": DeliveryFilter(outcome=Outcome.TIMEOUT_READ),
        "status code 5xx": DeliveryFilter(status_class=StatusClass.SERVER_ERROR),
        "status code 2xx": DeliveryFilter(status_class=StatusClass.SUCCESS),
        "an event": DeliveryFilter(event_id=event_id),
    }


def _cost(one: World, wanted: DeliveryFilter, limit: int) -> Cost:
    with metered(one) as meter:
        page = one.reader.deliveries("busy", wanted, limit=limit)
    return Cost(len(page.items), meter.rows_read, meter.read_units)


def _cost_of_search(one: World, limit: int) -> Cost:
    searching = DeliverySearch(one.reader, one.log, one.clock)
    wanted = DeliveryFilter(since=START - timedelta(days=6))
    with metered(one) as meter:
        page = searching.search("busy", wanted, "not to be found", limit=limit)
    return Cost(len(page.items), meter.rows_read, meter.read_units)


def _event_id(number: int) -> str:
    return ids.new("evt", START - timedelta(seconds=number), number.to_bytes(10, "big"))


def _event_item(number: int) -> Item:
    at = START - timedelta(seconds=number)
    event = Event(
        id=_event_id(number), tenant="busy", type=TYPES[0], time=at, data=ORDER, accepted_at=at
    )
    return items.event_item(
        event, (), recorded_at=at, expires_at=at + timedelta(days=30), test=False
    )


def _delivery(tenant: str, endpoint_ids: list[str], number: int) -> Delivery:
    """The delivery that came `number` seconds before the newest."""
    event_id, endpoint_id = _event_id(number), endpoint_ids[number % len(endpoint_ids)]
    turn = number // len(endpoint_ids)
    status, outcome, code = DeliveryStatus.SUCCEEDED, Outcome.SUCCEEDED, 200
    if turn % 2:
        status = DeliveryStatus(_ATTENTION[turn // 2 % len(_ATTENTION)])
        outcome, code = (Outcome.HTTP_ERROR, 503) if turn % 3 else (Outcome.TIMEOUT_READ, None)
    created_at = START - timedelta(seconds=number)
    return Delivery(
        id=ids.delivery(event_id, endpoint_id),
        tenant=tenant,
        event_id=event_id,
        event_type=TYPES[number % 7 % len(TYPES)],
        endpoint_id=endpoint_id,
        endpoint_version=1,
        status=status,
        attempt_count=1,
        created_at=created_at,
        expires_at=created_at + timedelta(days=30),
        last_attempt_at=created_at,
        last_outcome=outcome,
        last_status_code=code,
        last_duration_ms=41,
    )


@contextmanager
def _filling(name: str) -> Iterator[Callable[[Item], None]]:
    """Put items past the client, and have moto find them by partition afterwards.

    A query of moto's own sorts the whole table, which takes it a second for 100,000 items.
    """
    table: Any = dynamodb_backends[DEFAULT_ACCOUNT_ID]["eu-north-1"].get_table(name)
    partitions: dict[tuple[str, str], list[Any]] = defaultdict(list)

    def put(plain: Item) -> None:
        item = {name: _serialize(value) for name, value in plain.items()}
        stored = table.put_item(item)
        for key in ("pk", "endpoint_pk", "status_pk"):
            if key in item:
                partitions[key, item[key]["S"]].append(stored)

    yield put
    query, parameters = table.query, signature(table.query)

    def query_partition(*args: Any, **kwargs: Any) -> Any:
        asked = parameters.bind(*args, **kwargs).arguments
        (key, value), *_ = asked.get("hash_key_conditions") or [("pk", asked["hash_key"])]
        table.all_items = lambda: partitions[key, value.value]
        return query(*args, **kwargs)

    table.query = query_partition
