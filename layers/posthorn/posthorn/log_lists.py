"""Pages of deliveries, newest first: partitions of an index merged at read time (design.md §5)."""

import base64
import heapq
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from math import ceil

from posthorn import items
from posthorn.errors import InvalidError, Violation
from posthorn.items import Item
from posthorn.models import Delivery, DeliveryStatus, iso
from posthorn.tables import Table

# A page may look at this many rows for each one asked for. A rare thing in a long log then comes in
# several short pages, each with its cursor, instead of in one that reads everything.
ROWS_READ_FOR_ONE = 20
_CURSOR = re.compile(r"([0-9TZ:.-]+#evt_[0-9A-Z]{26})#(ep_[0-9A-Z]{26})")


@dataclass(frozen=True)
class Wanted:
    """Which deliveries: of these endpoints, and of this type, status and time where given."""

    endpoint_ids: tuple[str, ...]
    event_type: str | None = None
    status: DeliveryStatus | None = None
    since: datetime | None = None
    until: datetime | None = None

    def takes(self, delivery: Delivery) -> bool:
        return (self.event_type is None or delivery.event_type == self.event_type) and (
            self.status is None or delivery.status is self.status
        )


@dataclass(frozen=True)
class Position:
    """Where a page ended: the last row looked at. Opaque outside as a cursor."""

    sort_key: str
    endpoint_id: str

    @property
    def cursor(self) -> str:
        return base64.urlsafe_b64encode(f"{self.sort_key}#{self.endpoint_id}".encode()).decode()

    @staticmethod
    def of(cursor: str) -> "Position":
        try:
            match = _CURSOR.fullmatch(base64.urlsafe_b64decode(cursor).decode())
        except ValueError:
            match = None
        if match is None:
            message = "is not a cursor that this API gave"
            raise InvalidError(f"cursor {message}", [Violation("cursor", message)])
        return Position(match[1], match[2])


@dataclass(frozen=True)
class LogLists:
    table: Table

    def page(
        self, tenant: str, wanted: Wanted, *, limit: int, after: Position | None = None
    ) -> tuple[list[Delivery], Position | None]:
        """Return up to `limit` deliveries and where to go on, or None at the end."""
        partitions = self._partitions(tenant, wanted)
        ahead = max(2, ceil(limit / max(1, len(partitions)) * 1.5))
        rows = heapq.merge(
            *(self._rows(*partition, wanted, after, ahead) for partition in partitions),
            key=_order,
            reverse=True,
        )
        found: list[Delivery] = []
        position = None
        for looked_at, row in enumerate(rows, start=1):
            if len(found) == limit or looked_at > limit * ROWS_READ_FOR_ONE:
                return found, position
            delivery = items.read_delivery(row)
            position = Position(*_order(row))
            if wanted.takes(delivery):
                found.append(delivery)
        return found, None

    def newest(self, tenant: str, endpoint_id: str) -> list[Delivery]:
        """The newest delivery of each partition of the endpoint: no row more is read."""
        found: list[Delivery] = []
        for key in items.endpoint_partitions(tenant, endpoint_id):
            rows = self.table.query(
                "#endpoint_pk = :key",
                {"key": key},
                index="by_endpoint",
                newest_first=True,
                page=1,
            )
            found.extend(items.read_delivery(row) for row in islice(rows, 1))
        return found

    def _partitions(self, tenant: str, wanted: Wanted) -> list[tuple[str, str, str]]:
        """Index, key attribute and key of each partition to merge."""
        if wanted.status in items.ATTENTION:
            return [
                ("by_status", "status_pk", key)
                for each in wanted.endpoint_ids
                for key in items.status_partitions(tenant, each, wanted.status)
            ]
        return [
            ("by_endpoint", "endpoint_pk", key)
            for each in wanted.endpoint_ids
            for key in items.endpoint_partitions(tenant, each)
        ]

    def _rows(
        self,
        index: str,
        attribute: str,
        key: str,
        wanted: Wanted,
        after: Position | None,
        page: int,
    ) -> Iterator[Item]:
        lowest = iso(wanted.since) if wanted.since else "0"
        highest = iso(wanted.until) if wanted.until else "9"
        if after:
            # "~" sorts after every id: the position's own row is read again and skipped below.
            highest = min(highest, f"{after.sort_key}~")
        if lowest > highest:
            return  # DynamoDB refuses bounds that cross
        rows = self.table.query(
            f"#{attribute} = :key AND #endpoint_sk BETWEEN :lowest AND :highest",
            {"key": key, "lowest": lowest, "highest": highest},
            index=index,
            newest_first=True,
            page=page,
        )
        for row in rows:
            if after is None or _order(row) < (after.sort_key, after.endpoint_id):
                yield row


def _order(row: Item) -> tuple[str, str]:
    return row["endpoint_sk"], row["sk"].removeprefix("delivery#")
