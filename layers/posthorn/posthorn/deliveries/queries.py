"""Lists of deliveries: partitions of an index merged at read time, in either order (design.md §5).

What a page reads does not depend on how much the log holds: a few rows of each partition to begin
with, then more of those that are used up, to no more than ROWS_READ_FOR_ONE for each row asked for.
"""

import base64
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil, sqrt

from posthorn.aws.dynamodb import Table
from posthorn.core.errors import InvalidError
from posthorn.deliveries import items
from posthorn.deliveries.filters import DeliveryFilter, Order, WithTests
from posthorn.models import Delivery, Item, iso
from posthorn.models.paging import bad_cursor

# A rare thing in a long log comes in several short pages, each with its cursor, instead of in one
# that reads everything. One row of each partition is read in any case.
ROWS_READ_FOR_ONE = 3
_CURSOR = re.compile(r"([0-9a-f]{8})#([0-9TZ:.-]+#evt_[0-9A-Z]{26})#(ep_[0-9A-Z]{26})")
# Sort before and after whatever an id or a time is written with.
_FIRST = "!"
_LAST = "~"


@dataclass(frozen=True)
class Position:
    """Where a page ended: the last row looked at. Opaque outside, as a cursor of its list."""

    sort_key: str
    endpoint_id: str

    @property
    def at(self) -> datetime:
        """When the delivery of that row was created."""
        return datetime.fromisoformat(self.sort_key.partition("#")[0])

    def cursor(self, fingerprint: str) -> str:
        text = f"{fingerprint}#{self.sort_key}#{self.endpoint_id}"
        return base64.urlsafe_b64encode(text.encode()).decode()

    @staticmethod
    def of(cursor: str, fingerprint: str) -> "Position":
        """Read a cursor; InvalidError when it is none, or one of a list with another fingerprint.

        For there it would skip rows, or show some twice.
        """
        try:
            match = _CURSOR.fullmatch(base64.urlsafe_b64decode(cursor).decode())
        except ValueError:
            match = None
        if match is None:
            raise bad_cursor()
        if match[1] != fingerprint:
            message = "belongs to a list with other filters or in another order"
            raise InvalidError.at("cursor", message, code="cursor_of_another_list")
        return Position(match[2], match[3])


@dataclass
class _Partition:
    """One partition of an index, or of the table, with the rows read ahead of it."""

    table: Table
    index: str | None
    attributes: tuple[str, str]
    key: str
    bounds: tuple[str, str]
    order: Order
    ahead: deque[Item] = field(default_factory=deque)
    rows_read: int = 0
    _after: Item | None = None
    is_read_out: bool = False

    def read(self, limit: int) -> None:
        """Read on, until there is a row ahead or none follows."""
        hash_key, range_key = self.attributes
        lowest, highest = self.bounds
        self.is_read_out = lowest > highest  # DynamoDB refuses bounds that cross
        while not self.ahead and not self.is_read_out:
            found, self._after = self.table.query_page(
                f"#{hash_key} = :key AND #{range_key} BETWEEN :lowest AND :highest",
                {"key": self.key, "lowest": lowest, "highest": highest},
                index=self.index,
                newest_first=self.order is Order.NEWEST,
                limit=limit,
                after=self._after,
            )
            self.rows_read += len(found)
            # In the table, attempts stand between deliveries.
            self.ahead.extend(row for row in found if "summary" in row)
            self.is_read_out = self._after is None


@dataclass
class PageWalk:
    """One way down a list. Iterating yields each row in order, whether it is wanted or not.

    It ends at the end of the list, or once `most` rows were read. After each row, `position` says
    where to go on, and `is_over` whether there is anything left.
    """

    partitions: list[_Partition]
    order: Order
    limit: int
    most: int
    position: Position | None = None

    def __iter__(self) -> Iterator[Delivery]:
        first = max if self.order is Order.NEWEST else min
        while self._read_ahead():
            following = [each for each in self.partitions if each.ahead]
            if not following:
                return
            row = first(following, key=lambda each: _order(each.ahead[0])).ahead.popleft()
            position = Position(*_order(row))
            if position != self.position:  # else it has changed its status between two reads
                self.position = position
                yield items.read_delivery(row)

    @property
    def is_over(self) -> bool:
        return all(each.is_read_out and not each.ahead for each in self.partitions)

    def _read_ahead(self) -> bool:
        """See that each partition has a row ahead or none left; False where `most` forbids that."""
        used_up = [each for each in self.partitions if not each.ahead and not each.is_read_out]
        in_use = sum(not each.is_read_out for each in self.partitions)
        for partition in used_up:
            left = self.most - sum(each.rows_read for each in self.partitions)
            if partition.rows_read and left < 1:
                return False
            partition.read(max(1, min(self._share(in_use), left, self.most // in_use)))
        return True

    def _share(self, partitions: int) -> int:
        """A hash spreads a page's rows over the partitions: 1.5 standard deviations above the mean,
        few partitions are used up before the page is full."""
        mean = self.limit / partitions
        return ceil(mean + 1.5 * sqrt(mean))


@dataclass(frozen=True)
class LogLists:
    table: Table

    def page(
        self, tenant: str, wanted: DeliveryFilter, *, limit: int, after: Position | None = None
    ) -> tuple[list[Delivery], Position | None]:
        """Return up to `limit` deliveries and where to go on, or None at the end."""
        walk = self.walk(tenant, wanted, limit=limit, after=after)
        found: list[Delivery] = []
        for delivery in walk:
            if wanted.takes(delivery):
                found.append(delivery)
            if len(found) == limit:
                break
        return found, None if walk.is_over else walk.position

    def walk(
        self, tenant: str, wanted: DeliveryFilter, *, limit: int, after: Position | None = None
    ) -> PageWalk:
        """Begin at the first row after a position. `wanted` names endpoints, or one event."""
        partitions = [
            _Partition(self.table, index, attributes, key, bounds, wanted.order)
            for index, attributes, key, bounds in _ranges(tenant, wanted, after)
        ]
        return PageWalk(
            partitions, wanted.order, limit, most=limit * ROWS_READ_FOR_ONE, position=after
        )

    def newest(self, tenant: str, endpoint_id: str) -> list[Delivery]:
        """The newest delivery of each partition of the endpoint: no row more is read."""
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


_Range = tuple[str | None, tuple[str, str], str, tuple[str, str]]


def _ranges(tenant: str, wanted: DeliveryFilter, after: Position | None) -> Iterator[_Range]:
    """Index, key attributes, key and bounds of each partition to merge."""
    if wanted.event_id:
        key = items.event_key(tenant, wanted.event_id)["pk"]
        yield None, ("pk", "sk"), key, _bounds_in_event(wanted, after)
        return
    is_sparse = wanted.statuses <= items.ATTENTION and wanted.test is WithTests.EXCLUDE
    for endpoint_id in wanted.endpoint_ids:
        bounds = _bounds(wanted, after, endpoint_id)
        if is_sparse:
            for status in sorted(wanted.statuses):
                for key in items.status_partitions(tenant, endpoint_id, status):
                    yield "by_status", ("status_pk", "endpoint_sk"), key, bounds
        else:
            for key in items.endpoint_partitions(tenant, endpoint_id):
                yield "by_endpoint", ("endpoint_pk", "endpoint_sk"), key, bounds


def _bounds(wanted: DeliveryFilter, after: Position | None, endpoint_id: str) -> tuple[str, str]:
    """The lowest and the highest sort key that may follow in a partition of this endpoint.

    A time sorts before every key that begins with it, so `until` itself is not included.
    """
    lowest = iso(wanted.since) if wanted.since else _FIRST
    highest = iso(wanted.until) if wanted.until else _LAST
    if after is None:
        return lowest, highest
    # The event that the page before ended with may have deliveries to endpoints that follow.
    if wanted.order is Order.NEWEST:
        same = after.sort_key if endpoint_id < after.endpoint_id else _before(after.sort_key)
        return lowest, min(highest, same)
    same = after.sort_key if endpoint_id > after.endpoint_id else after.sort_key + _LAST
    return max(lowest, same), highest


def _bounds_in_event(wanted: DeliveryFilter, after: Position | None) -> tuple[str, str]:
    lowest, highest = "delivery#", f"delivery#{_LAST}"
    if after is None:
        return lowest, highest
    last = f"delivery#{after.endpoint_id}"
    if wanted.order is Order.NEWEST:
        return lowest, _before(last)
    return last + _LAST, highest


def _before(key: str) -> str:
    """A text that sorts before this key and after every other key of its length before it."""
    return key[:-1] + chr(ord(key[-1]) - 1) + _LAST


def _order(row: Item) -> tuple[str, str]:
    return row["endpoint_sk"], row["sk"].removeprefix("delivery#")
