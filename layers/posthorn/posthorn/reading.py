"""The log, read: lists of deliveries, one with its attempts, one event with its whole story."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from posthorn import ids, views
from posthorn.config_store import ConfigStore
from posthorn.errors import InvalidError, NotFoundError, Violation
from posthorn.log_lists import LogLists, Position, Wanted
from posthorn.log_store import LogStore, Record, Story
from posthorn.models import Event


@dataclass(frozen=True)
class Reading:
    config: ConfigStore
    log: LogStore
    lists: LogLists
    retention: timedelta
    now: Callable[[], datetime]

    def deliveries(
        self, tenant: str, wanted: Wanted, *, limit: int, cursor: str | None = None
    ) -> views.Listed[views.DeliveryView]:
        """One page, newest first; without endpoints in `wanted`, of all that the tenant had."""
        if not all(ids.is_id("ep", each) for each in wanted.endpoint_ids):
            message = "is not the id of an endpoint"
            raise InvalidError(f"endpoint {message}", [Violation("endpoint", message)])
        if not wanted.endpoint_ids:
            wanted = replace(wanted, endpoint_ids=self._all_endpoints(tenant))
        after = Position.of(cursor) if cursor else None
        found, position = self.lists.page(tenant, wanted, limit=limit, after=after)
        return views.Listed[views.DeliveryView](
            items=[views.of_delivery(each) for each in found],
            next_cursor=position.cursor if position else None,
        )

    def delivery(self, tenant: str, delivery_id: str) -> tuple[Event, Record]:
        """The event and the delivery with all its attempts; NotFoundError when there is none."""
        parts = ids.parts_of_delivery(delivery_id)
        story = self.log.story(tenant, parts[0]) if parts else None
        record = story.records.get(parts[1]) if story and parts else None
        if story is None or record is None:
            raise NotFoundError("there is no such delivery")
        return story.event, record

    def event(self, tenant: str, event_id: str) -> Story:
        story = self.log.story(tenant, event_id) if ids.is_id("evt", event_id) else None
        if story is None:
            raise NotFoundError("there is no such event")
        return story

    def _all_endpoints(self, tenant: str) -> tuple[str, ...]:
        kept_since = self.now() - self.retention
        return (
            *(each.id for each in self.config.endpoints(tenant)),
            *self.config.deleted_endpoints(tenant, since=kept_since),
        )
