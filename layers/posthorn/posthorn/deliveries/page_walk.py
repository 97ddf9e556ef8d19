"""The rows of a page: partitions of an index, read ahead and merged in order."""

import base64
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import ceil, sqrt
from typing import Generic, TypeVar

from posthorn.aws.dynamodb import Table
from posthorn.core.errors import InvalidError
from posthorn.deliveries import items
from posthorn.deliveries.filters import Order
from posthorn.models import Item
from posthorn.models.paging import bad_cursor

# Few matches in a long log arrive as several short pages with cursors, rather than as one page that
# reads everything. At least one row of each partition is read.
ROWS_READ_PER_ROW = 3
KEYS_READ_AT_ONCE = 100  # the limit of BatchGetItem
_CURSOR = re.compile(r"([0-9a-f]{8})#([0-9TZ:.-]+#evt_[0-9A-Z]{26})#((?:ep_[0-9A-Z]{26})?)")
# Sort before and after all characters of ids and times.
FIRST = "!"
LAST = "~"

T = TypeVar("T")


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
class Partition:
    """One partition of an index or of the table, and the rows read ahead from it."""

    table: Table
    index: str | None
    attributes: tuple[str, str]
    key: str
    bounds: tuple[str, str]
    order: Order
    after: Position | None = None  # rows up to it belong to earlier pages
    ahead: deque[Item] = field(default_factory=deque)
    rows_read: int = 0
    _after: Item | None = None
    is_exhausted: bool = False

    def fresh(self) -> "Partition":
        """The same partition, of which nothing was read."""
        return replace(self, ahead=deque(), rows_read=0, _after=None, is_exhausted=False)

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
            rows = (row for row in found if "summary" in row)
            self.ahead.extend(row for row in rows if follows(row, self.after, self.order))
            self.is_exhausted = self._after is None


@dataclass
class EventPartition:
    """The deliveries of one partition of events, in the order of the events.

    Their keys follow from the event's row, so they are read in hundreds; an event of very many
    endpoints is read by pages of its own items.
    """

    events: Partition
    tenant: str
    after: Position | None
    ahead: deque[Item] = field(default_factory=deque)
    rows_read: int = 0
    _wide: Partition | None = None

    @property
    def is_exhausted(self) -> bool:
        return self._wide is None and self.events.is_exhausted and not self.events.ahead

    def read(self, limit: int) -> None:
        while not self.ahead and not self.is_exhausted:
            if self._wide is None:
                self.events.read(limit)
                self.ahead.extend(self._following(self._deliveries()))
            else:
                self._wide.read(limit)
                self.ahead.extend(self._following(self._wide.ahead))
                self._wide.ahead.clear()
                self._wide = None if self._wide.is_exhausted else self._wide

    def _deliveries(self) -> Iterator[Item]:
        """The deliveries of the events ahead, up to the first event of very many endpoints."""
        keys: list[Item] = []
        while self.events.ahead:
            event = self.events.ahead[0]
            row = items.read_event_row(event)
            ids = row.endpoint_ids
            if len(keys) + len(ids or ()) > KEYS_READ_AT_ONCE or (ids is None and keys):
                break
            self.events.ahead.popleft()
            event_id = event["pk"].partition("#")[2]
            if ids is None:
                bounds = "delivery#", f"delivery#{LAST}"
                attributes = ("pk", "sk")
                self._wide = replace(
                    self.events, index=None, attributes=attributes, key=event["pk"], bounds=bounds
                ).fresh()
                break
            keys += [items.delivery_key(self.tenant, event_id, each) for each in ids]
        self.rows_read += max(1, len(keys))
        found = self.events.table.get_many(keys, consistent=False) if keys else []
        return iter(sorted(found, key=row_order, reverse=self.events.order is Order.NEWEST))

    def _following(self, rows: Iterable[Item]) -> Iterator[Item]:
        return (row for row in rows if follows(row, self.after, self.events.order))


@dataclass
class PageWalk(Generic[T]):
    """Iterates over the rows of a list in order, matching or not.

    It stops at the end of the list or after reading `most` rows. After each row, `position` is
    where to continue, and `is_over` is true at the end. Partitions are read in parallel.
    """

    partitions: Sequence[Partition | EventPartition]
    order: Order
    limit: int
    most: int
    pool: Executor
    read_row: Callable[[Item], T]
    position: Position | None = None

    def __iter__(self) -> Iterator[T]:
        first = max if self.order is Order.NEWEST else min
        while self._read_ahead():
            following = [each for each in self.partitions if each.ahead]
            if not following:
                return
            row = first(following, key=lambda each: row_order(each.ahead[0])).ahead.popleft()
            position = Position(*row_order(row))
            if position != self.position:  # otherwise its status changed between two reads
                self.position = position
                yield self.read_row(row)

    @property
    def is_over(self) -> bool:
        return all(each.is_exhausted and not each.ahead for each in self.partitions)

    def _read_ahead(self) -> bool:
        """Ensure a row ahead for each partition with rows left; False if `most` forbids it."""
        used_up = [each for each in self.partitions if not each.ahead and not each.is_exhausted]
        left = self.most - sum(each.rows_read for each in self.partitions)
        if left < 1 and any(each.rows_read for each in used_up):
            return False
        if used_up:
            in_use = sum(not each.is_exhausted for each in self.partitions)
            share = max(1, min(self._share(in_use), left // len(used_up), self.most // in_use))
            list(self.pool.map(lambda each: each.read(share), used_up))
        return True

    def _share(self, partitions: int) -> int:
        """The rows to read per partition: the mean plus 1.5 standard deviations.

        A hash spreads the rows, so few partitions are used up before the page is full.
        """
        mean = self.limit / partitions
        return ceil(mean + 1.5 * sqrt(mean))


def row_order(row: Item) -> tuple[str, str]:
    """The key of a row in its list: time and event, then the endpoint of a delivery."""
    endpoint_id = row["sk"].removeprefix("delivery#")
    return items.time_key(row), "" if endpoint_id == "event" else endpoint_id


def follows(row: Item, after: Position | None, order: Order) -> bool:
    """Whether the row comes after the position."""
    if after is None:
        return True
    here, there = row_order(row), (after.sort_key, after.endpoint_id)
    return here < there if order is Order.NEWEST else here > there
