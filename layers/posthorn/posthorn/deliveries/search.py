"""Full text over ids and payloads of a time range. There is no index: it reads what it searches.

So a page examines a bounded number of deliveries in a bounded time, shows what it found, and says
how far it came; its cursor goes on from there.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from posthorn.core.errors import InvalidError
from posthorn.deliveries import views
from posthorn.deliveries.filters import DeliveryFilter, Order
from posthorn.deliveries.queries import ROWS_READ_FOR_ONE, PageWalk, Position
from posthorn.deliveries.reader import DeliveryReader
from posthorn.deliveries.store import RECORDS_READ_AT_ONCE, LogStore, Record
from posthorn.models import Delivery, Event

LONGEST_RANGE = timedelta(days=7)
MOST_EXAMINED = 300  # a page
BUDGET = timedelta(seconds=8)  # of the 29 that the function has; large events take longest


@dataclass(frozen=True)
class DeliverySearch:
    reader: DeliveryReader
    log: LogStore
    now: Callable[[], datetime]

    def search(
        self,
        tenant: str,
        wanted: DeliveryFilter,
        text: str,
        *,
        limit: int,
        cursor: str | None = None,
    ) -> views.DeliveryList:
        """One page of those of `wanted` that hold the text, in whatever case.

        InvalidError unless their time range is one of at most 7 days, up to now where `until` is
        not given.
        """
        end = self.now() + BUDGET
        ranged = self._ranged(wanted)
        fingerprint = wanted.fingerprint(text)
        after = Position.of(cursor, fingerprint) if cursor else None
        most = MOST_EXAMINED // ROWS_READ_FOR_ONE
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
            until = ranged.since if wanted.order is Order.NEWEST else ranged.until
        return views.DeliveryList(
            items=[views.of_delivery(each) for each in found],
            next_cursor=None if is_over or reached is None else reached.cursor(fingerprint),
            examined=examined,
            searched_until=until,
        )

    def _ranged(self, wanted: DeliveryFilter) -> DeliveryFilter:
        until = wanted.until or self.now()
        if wanted.since is None:
            raise InvalidError.at("since", "is required with q")
        if until - wanted.since > LONGEST_RANGE:
            days = LONGEST_RANGE.days
            message = f"is more than {days} days before until, and q searches {days} at the most"
            raise InvalidError.at("since", message)
        return wanted.model_copy(update={"until": until})

    def _read(
        self, tenant: str, wanted: DeliveryFilter, walk: PageWalk
    ) -> Iterator[tuple[Delivery, Position | None, tuple[Event, Record] | None]]:
        """Each row of the walk, and what is to be searched of it: None where it is not wanted."""
        rows = ((delivery, walk.position) for delivery in walk)
        while some := list(islice(rows, RECORDS_READ_AT_ONCE)):
            contents = self.log.records(
                tenant,
                [(each.event_id, each.endpoint_id) for each, _ in some if wanted.takes(each)],
            )
            for delivery, position in some:
                yield delivery, position, contents.get((delivery.event_id, delivery.endpoint_id))


def contains_text(text: str, event: Event, record: Record) -> bool:
    """Whether the text is in an id, in the event's data as compact JSON, or in a body of its own.

    A body that a plain payload mode makes of the data holds nothing else of interest.
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
