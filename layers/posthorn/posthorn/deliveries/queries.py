"""Lists of deliveries: index partitions merged at read time, in either order.

The rows read for a page do not depend on the size of the log: first a few of each partition, then
more of those that are used up, in total at most ROWS_READ_PER_ROW for each requested row.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime

from posthorn.aws.dynamodb import Table
from posthorn.deliveries import items
from posthorn.deliveries.filters import DeliveryFilter, EventFilter, Order, WithTests
from posthorn.deliveries.page_walk import (
    FIRST,
    LAST,
    ROWS_READ_PER_ROW,
    EventPartition,
    PageWalk,
    Partition,
    Position,
    T,
)
from posthorn.models import Delivery, DeliveryStatus, Item, iso


@dataclass(frozen=True)
class ListedEvent:
    """An event in a list."""

    id: str
    recorded_at: datetime
    row: items.EventRow


@dataclass(frozen=True)
class LogLists:
    table: Table
    pool: Executor

    def page(
        self, tenant: str, filters: DeliveryFilter, *, limit: int, after: Position | None = None
    ) -> tuple[list[Delivery], Position | None]:
        """Up to `limit` matching deliveries and where to continue, None at the end."""
        walk = self.walk(tenant, filters, limit=limit, after=after)
        return _page(walk, filters.matches, limit)

    def walk(
        self, tenant: str, filters: DeliveryFilter, *, limit: int, after: Position | None = None
    ) -> PageWalk[Delivery]:
        """The deliveries after a position: of one event, of endpoints, or of the whole tenant.

        Without endpoints, deliveries that have not succeeded are found by tenant and status, and
        all others by their events; so the number of endpoints does not matter.
        """
        partitions: list[Partition | EventPartition] = [
            Partition(self.table, index, attributes, key, bounds, filters.order, after)
            for index, attributes, key, bounds in _ranges(tenant, filters, after)
        ]
        if not (filters.endpoint_ids or filters.event_id or _is_sparse(filters)):
            partitions.extend(self._event_partitions(tenant, filters, after))
        most = limit * ROWS_READ_PER_ROW
        read = items.read_delivery
        return PageWalk(partitions, filters.order, limit, most, self.pool, read, position=after)

    def newest(self, tenant: str, endpoint_id: str) -> list[Delivery]:
        """The newest delivery of each of the endpoint's partitions."""
        found: list[Delivery] = []
        for key in items.endpoint_partitions(tenant, endpoint_id):
            rows, _ = self.table.query_page(
                "#endpoint_pk = :key",
                {"key": key},
                index="by_endpoint",
                newest_first=True,
                limit=1,
            )
            found.extend(map(items.read_delivery, rows))
        return found

    def newest_of(
        self, tenant: str, statuses: Sequence[DeliveryStatus], *, per_shard: int
    ) -> dict[DeliveryStatus, list[Delivery]]:
        """The newest deliveries with each of these statuses, from each shard, in one round."""
        keys = [
            (status, key)
            for status in statuses
            for key in items.tenant_status_partitions(tenant, status)
        ]

        def read(key: str) -> list[Item]:
            values = {"key": key}
            return self.table.query_page(
                "#tenant_pk = :key", values, index="by_tenant", newest_first=True, limit=per_shard
            )[0]

        found: dict[DeliveryStatus, list[Delivery]] = {status: [] for status in statuses}
        pages = self.pool.map(read, (key for _, key in keys))
        for (status, _), rows in zip(keys, pages, strict=True):
            found[status] += map(items.read_delivery, rows)
        return found

    def events(
        self, tenant: str, filters: EventFilter, *, limit: int, after: Position | None = None
    ) -> tuple[list[ListedEvent], Position | None]:
        """Up to `limit` matching events and where to continue, None at the end."""
        bounds = _event_bounds(
            filters.since, filters.until, filters.order, after.sort_key if after else None
        )
        kinds = {
            None: (items.EventKind.MATCHED, items.EventKind.UNMATCHED),
            True: (items.EventKind.UNMATCHED,),
            False: (items.EventKind.MATCHED,),
        }[filters.unmatched]
        partitions = [
            self._events(key, bounds, filters.order)
            for kind in kinds
            for key in items.event_partitions(tenant, kind)
        ]
        most = limit * ROWS_READ_PER_ROW
        read = _listed_event
        walk = PageWalk(partitions, filters.order, limit, most, self.pool, read, position=after)
        return _page(walk, lambda each: filters.event_type in (None, each.row.type), limit)

    def _event_partitions(
        self, tenant: str, filters: DeliveryFilter, after: Position | None
    ) -> Iterator[EventPartition]:
        bounds = _bounds_in_tenant(filters, after)
        kinds = {
            WithTests.EXCLUDE: (items.EventKind.MATCHED,),
            WithTests.ONLY: (items.EventKind.TEST,),
            WithTests.INCLUDE: (items.EventKind.MATCHED, items.EventKind.TEST),
        }[filters.test]
        for kind in kinds:
            for key in items.event_partitions(tenant, kind):
                events = self._events(key, bounds, filters.order)
                yield EventPartition(events, tenant, after)

    def _events(self, key: str, bounds: tuple[str, str], order: Order) -> Partition:
        return Partition(self.table, "by_tenant", ("tenant_pk", "tenant_sk"), key, bounds, order)


def _page(
    walk: PageWalk[T], matches: Callable[[T], bool], limit: int
) -> tuple[list[T], Position | None]:
    found: list[T] = []
    for each in walk:
        if matches(each):
            found.append(each)
        if len(found) == limit:
            break
    return found, None if walk.is_over else walk.position


def _listed_event(item: Item) -> ListedEvent:
    recorded_at = datetime.fromisoformat(item["tenant_sk"].partition("#")[0])
    return ListedEvent(item["pk"].partition("#")[2], recorded_at, items.read_event_row(item))


def _event_bounds(
    since: datetime | None, until: datetime | None, order: Order, after: str | None
) -> tuple[str, str]:
    """The lowest and the highest sort key of events; `until` is exclusive, as is `after`."""
    lowest, highest = iso(since) if since else FIRST, iso(until) if until else LAST
    if after is None:
        return lowest, highest
    if order is Order.NEWEST:
        return lowest, min(highest, _before(after))
    return max(lowest, after + LAST), highest


_Range = tuple[str | None, tuple[str, str], str, tuple[str, str]]


def _ranges(tenant: str, filters: DeliveryFilter, after: Position | None) -> Iterator[_Range]:
    """Index, key attributes, key and bounds of each partition to merge."""
    if filters.event_id:
        key = items.event_key(tenant, filters.event_id)["pk"]
        yield None, ("pk", "sk"), key, _bounds_in_event(filters, after)
        return
    is_sparse = _is_sparse(filters)
    if is_sparse and not filters.endpoint_ids:
        bounds = _bounds_in_tenant(filters, after)
        for status in sorted(filters.statuses):
            for key in items.tenant_status_partitions(tenant, status):
                yield "by_tenant", ("tenant_pk", "tenant_sk"), key, bounds
    for endpoint_id in filters.endpoint_ids:
        bounds = _bounds(filters, after, endpoint_id)
        if is_sparse:
            for status in sorted(filters.statuses):
                for key in items.status_partitions(tenant, endpoint_id, status):
                    yield "by_status", ("status_pk", "endpoint_sk"), key, bounds
        else:
            for key in items.endpoint_partitions(tenant, endpoint_id):
                yield "by_endpoint", ("endpoint_pk", "endpoint_sk"), key, bounds


def _is_sparse(filters: DeliveryFilter) -> bool:
    """Whether only deliveries that have not succeeded can match."""
    return filters.statuses <= items.ATTENTION and filters.test is WithTests.EXCLUDE


def _bounds(filters: DeliveryFilter, after: Position | None, endpoint_id: str) -> tuple[str, str]:
    """The lowest and the highest sort key that can follow in a partition of this endpoint.

    A time sorts before every key that begins with it, so `until` is exclusive.
    """
    lowest = iso(filters.since) if filters.since else FIRST
    highest = iso(filters.until) if filters.until else LAST
    if after is None:
        return lowest, highest
    # The last event of the previous page may have deliveries to further endpoints.
    if filters.order is Order.NEWEST:
        same = after.sort_key if endpoint_id < after.endpoint_id else _before(after.sort_key)
        return lowest, min(highest, same)
    same = after.sort_key if endpoint_id > after.endpoint_id else after.sort_key + LAST
    return max(lowest, same), highest


def _bounds_in_tenant(filters: DeliveryFilter, after: Position | None) -> tuple[str, str]:
    """The bounds of events; the last event of the previous page may have further deliveries."""
    lowest, highest = _event_bounds(filters.since, filters.until, filters.order, None)
    if after is None:
        return lowest, highest
    if filters.order is Order.NEWEST:
        return lowest, min(highest, after.sort_key)
    return max(lowest, after.sort_key), highest


def _bounds_in_event(filters: DeliveryFilter, after: Position | None) -> tuple[str, str]:
    lowest, highest = "delivery#", f"delivery#{LAST}"
    if after is None:
        return lowest, highest
    last = f"delivery#{after.endpoint_id}"
    if filters.order is Order.NEWEST:
        return lowest, _before(last)
    return last + LAST, highest


def _before(key: str) -> str:
    """A text that sorts before this key and after every smaller key of the same length."""
    return key[:-1] + chr(ord(key[-1]) - 1) + LAST
