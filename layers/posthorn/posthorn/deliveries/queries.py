"""Lists of deliveries: index partitions merged at read time, in either order.

The rows read for a page do not depend on the size of the log: first a few of each partition, then
more of those that are used up, in total at most ROWS_READ_PER_ROW for each requested row.
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

# Few matches in a long log arrive as several short pages with cursors, rather than as one page that
# reads everything. At least one row of each partition is read.
ROWS_READ_PER_ROW = 3
_CURSOR = re.compile(r"([0-9a-f]{8})#([0-9TZ:.-]+#evt_[0-9A-Z]{26})#(ep_[0-9A-Z]{26})")
# Sort before and after all characters of ids and times.
_FIRST = "!"
_LAST = "~"


@dataclass(frozen=True)
class Position:
    """The last row read for a page. Its cursor is valid for the same filters and order only."""

    sort_key: str
    endpoint_id: str

    @property
    def at(self) -> datetime:
        """`created_at` of that row."""
        return datetime.fromisoformat(self.sort_key.partition("#")[0])

    def cursor(self, fingerprint: str) -> str:
        text = f"{fingerprint}#{self.sort_key}#{self.endpoint_id}"
        return base64.urlsafe_b64encode(text.encode()).decode()

    @staticmethod
    def of(cursor: str, fingerprint: str) -> "Position":
        """Read a cursor; raise InvalidError if it is malformed or has another fingerprint.

        In another list it would skip or repeat rows.
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
    """One partition of an index or of the table, and the rows read ahead from it."""

    table: Table
    index: str | None
    attributes: tuple[str, str]
    key: str
    bounds: tuple[str, str]
    order: Order
    ahead: deque[Item] = field(default_factory=deque)
    rows_read: int = 0
    _after: Item | None = None
    is_exhausted: bool = False

    def read(self, limit: int) -> None:
        """Read until a row is ahead or the partition is exhausted."""
        hash_key, range_key = self.attributes
        lowest, highest = self.bounds
        self.is_exhausted = lowest > highest  # DynamoDB refuses bounds that cross
        while not self.ahead and not self.is_exhausted:
            found, self._after = self.table.query_page(
                f"#{hash_key} = :key AND #{range_key} BETWEEN :lowest AND :highest",
                {"key": self.key, "lowest": lowest, "highest": highest},
                index=self.index,
                newest_first=self.order is Order.NEWEST,
                limit=limit,
                after=self._after,
            )
            self.rows_read += len(found)
            # In the table, deliveries alternate with attempts.
            self.ahead.extend(row for row in found if "summary" in row)
            self.is_exhausted = self._after is None


@dataclass
class PageWalk:
    """Iterates over the rows of a list in order, matching or not.

    It stops at the end of the list or after reading `most` rows. After each row, `position` is
    where to continue, and `is_over` is true at the end of the list.
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
            if position != self.position:  # otherwise its status changed between two reads
                self.position = position
                yield items.read_delivery(row)

    @property
    def is_over(self) -> bool:
        return all(each.is_exhausted and not each.ahead for each in self.partitions)

    def _read_ahead(self) -> bool:
        """Ensure a row ahead for each partition with rows left; False if `most` forbids it."""
        used_up = [each for each in self.partitions if not each.ahead and not each.is_exhausted]
        in_use = sum(not each.is_exhausted for each in self.partitions)
        for partition in used_up:
            left = self.most - sum(each.rows_read for each in self.partitions)
            if partition.rows_read and left < 1:
                return False
            partition.read(max(1, min(self._share(in_use), left, self.most // in_use)))
        return True

    def _share(self, partitions: int) -> int:
        """The rows to read per partition: the mean plus 1.5 standard deviations.

        A hash spreads the rows, so few partitions are used up before the page is full.
        """
        mean = self.limit / partitions
        return ceil(mean + 1.5 * sqrt(mean))


@dataclass(frozen=True)
class LogLists:
    table: Table

    def page(
        self, tenant: str, filters: DeliveryFilter, *, limit: int, after: Position | None = None
    ) -> tuple[list[Delivery], Position | None]:
        """Up to `limit` matching deliveries and where to continue, None at the end."""
        walk = self.walk(tenant, filters, limit=limit, after=after)
        found: list[Delivery] = []
        for delivery in walk:
            if filters.matches(delivery):
                found.append(delivery)
            if len(found) == limit:
                break
        return found, None if walk.is_over else walk.position

    def walk(
        self, tenant: str, filters: DeliveryFilter, *, limit: int, after: Position | None = None
    ) -> PageWalk:
        """Start after a position. `filters` must name endpoints or one event."""
        partitions = [
            _Partition(self.table, index, attributes, key, bounds, filters.order)
            for index, attributes, key, bounds in _ranges(tenant, filters, after)
        ]
        return PageWalk(
            partitions, filters.order, limit, most=limit * ROWS_READ_PER_ROW, position=after
        )

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


_Range = tuple[str | None, tuple[str, str], str, tuple[str, str]]


def _ranges(tenant: str, filters: DeliveryFilter, after: Position | None) -> Iterator[_Range]:
    """Index, key attributes, key and bounds of each partition to merge."""
    if filters.event_id:
        key = items.event_key(tenant, filters.event_id)["pk"]
        yield None, ("pk", "sk"), key, _bounds_in_event(filters, after)
        return
    is_sparse = filters.statuses <= items.ATTENTION and filters.test is WithTests.EXCLUDE
    for endpoint_id in filters.endpoint_ids:
        bounds = _bounds(filters, after, endpoint_id)
        if is_sparse:
            for status in sorted(filters.statuses):
                for key in items.status_partitions(tenant, endpoint_id, status):
                    yield "by_status", ("status_pk", "endpoint_sk"), key, bounds
        else:
            for key in items.endpoint_partitions(tenant, endpoint_id):
                yield "by_endpoint", ("endpoint_pk", "endpoint_sk"), key, bounds


def _bounds(filters: DeliveryFilter, after: Position | None, endpoint_id: str) -> tuple[str, str]:
    """The lowest and the highest sort key that can follow in a partition of this endpoint.

    A time sorts before every key that begins with it, so `until` is exclusive.
    """
    lowest = iso(filters.since) if filters.since else _FIRST
    highest = iso(filters.until) if filters.until else _LAST
    if after is None:
        return lowest, highest
    # The last event of the previous page may have deliveries to further endpoints.
    if filters.order is Order.NEWEST:
        same = after.sort_key if endpoint_id < after.endpoint_id else _before(after.sort_key)
        return lowest, min(highest, same)
    same = after.sort_key if endpoint_id > after.endpoint_id else after.sort_key + _LAST
    return max(lowest, same), highest


def _bounds_in_event(filters: DeliveryFilter, after: Position | None) -> tuple[str, str]:
    lowest, highest = "delivery#", f"delivery#{_LAST}"
    if after is None:
        return lowest, highest
    last = f"delivery#{after.endpoint_id}"
    if filters.order is Order.NEWEST:
        return lowest, _before(last)
    return last + _LAST, highest


def _before(key: str) -> str:
    """A text that sorts before this key and after every smaller key of the same length."""
    return key[:-1] + chr(ord(key[-1]) - 1) + _LAST


def _order(row: Item) -> tuple[str, str]:
    return row["endpoint_sk"], row["sk"].removeprefix("delivery#")
