"""Full-text search over ids and payloads of a time range, without an index.

A page examines a bounded number of deliveries in a bounded time, and returns the matches and the
time that it reached; its cursor continues from there.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from posthorn.core.errors import InvalidError
from posthorn.deliveries import views
from posthorn.deliveries.filters import DeliveryFilter, Order
from posthorn.deliveries.page_walk import ROWS_READ_PER_ROW, PageWalk, Position
from posthorn.deliveries.reader import DeliveryReader
from posthorn.deliveries.store import RECORDS_READ_AT_ONCE, LogStore, Record
from posthorn.models import Delivery, Event

LONGEST_RANGE = timedelta(days=7)
MOST_EXAMINED = 300  # per page
BUDGET = timedelta(seconds=8)  # of the 29 s that the function has; large events are slowest


@dataclass(frozen=True)
class DeliverySearch:
    reader: DeliveryReader
    log: LogStore
    now: Callable[[], datetime]

    def search(
        self,
        tenant: str,
        filters: DeliveryFilter,
        text: str,
        *,
        limit: int,
        cursor: str | None = None,
    ) -> views.DeliveryList:
        """One page of the matching deliveries that contain the text, ignoring case.

        Raise InvalidError unless the time range is at most 7 days; `until` defaults to now.
        """
        end = self.now() + BUDGET
        ranged = self._ranged(filters)
        fingerprint = filters.fingerprint(text)
        after = Position.of(cursor, fingerprint) if cursor else None
        most = MOST_EXAMINED // ROWS_READ_PER_ROW
        walk = self.reader.walk(tenant, ranged, limit=most, after=after)
        found: list[Delivery] = []
        examined, is_over = 0, False
        reached, until = after, None
        for delivery, position, content in self._read(tenant, ranged, walk):
            reached, until = position, delivery.created_at
            examined += content is not None
            if content and contains_text(text, *content):
                found.append(delivery)
            if len(found) == limit or self.now() > end:
                break
        else:
            is_over = walk.is_over
        if is_over:
            until = ranged.since if filters.order is Order.NEWEST else ranged.until
        return views.DeliveryList(
            items=[views.of_delivery(each) for each in found],
            next_cursor=None if is_over or reached is None else reached.cursor(fingerprint),
            examined=examined,
            searched_until=until,
        )

    def _ranged(self, filters: DeliveryFilter) -> DeliveryFilter:
        until = filters.until or self.now()
        if filters.since is None:
            raise InvalidError.at("since", "is required with q")
        if until - filters.since > LONGEST_RANGE:
            days = LONGEST_RANGE.days
            message = f"must be at most {days} days before until with q"
            raise InvalidError.at("since", message)
        return filters.model_copy(update={"until": until})

    def _read(
        self, tenant: str, filters: DeliveryFilter, walk: PageWalk[Delivery]
    ) -> Iterator[tuple[Delivery, Position | None, tuple[Event, Record] | None]]:
        """Each row of the walk with its content to search, or None if the filters exclude it."""
        rows = ((delivery, walk.position) for delivery in walk)
        while chunk := list(islice(rows, RECORDS_READ_AT_ONCE)):
            contents = self.log.records(
                tenant,
                [(each.event_id, each.endpoint_id) for each, _ in chunk if filters.matches(each)],
            )
            for delivery, position in chunk:
                yield delivery, position, contents.get((delivery.event_id, delivery.endpoint_id))


def contains_text(text: str, event: Event, record: Record) -> bool:
    """Whether the text is in an id, in the event's data as compact JSON, or in a stored body.

    Bodies of the plain payload modes are not stored and add nothing to the data.
    """
    sought = text.casefold()
    delivery = record.delivery
    data = json.dumps(event.data, ensure_ascii=False, separators=(",", ":"))
    texts = (
        event.id,
        event.published_id,
        delivery.id,
        delivery.endpoint_id,
        data,
        record.body.kept,
    )
    return any(sought in each.casefold() for each in texts if each)
