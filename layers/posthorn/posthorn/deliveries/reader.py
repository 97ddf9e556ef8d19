"""Read the log: lists of deliveries, a delivery with its attempts, an event with its trace."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from posthorn.aws.config_table import ConfigStore, EndpointVersion
from posthorn.core import ids
from posthorn.core.errors import NotFoundError
from posthorn.deliveries import views
from posthorn.deliveries.event_trace import EventTrace, trace
from posthorn.deliveries.filters import DeliveryFilter, EventFilter, check_ids, fingerprint
from posthorn.deliveries.page_walk import PageWalk, Position
from posthorn.deliveries.queries import LogLists
from posthorn.deliveries.store import EventHistory, LogStore, Record
from posthorn.models import Delivery, EffectiveLimits, Event, Listed


@dataclass(frozen=True)
class DeliveryReader:
    config: ConfigStore
    log: LogStore
    lists: LogLists
    limits: Callable[[str], EffectiveLimits]
    now: Callable[[], datetime]

    def deliveries(
        self, tenant: str, filters: DeliveryFilter, *, limit: int, cursor: str | None = None
    ) -> views.DeliveryList:
        """One page as the API shows it. A cursor is valid for the same filters and order only."""
        fingerprint = filters.fingerprint()
        after = Position.of(cursor, fingerprint) if cursor else None
        found, position = self.page(tenant, filters, limit=limit, after=after)
        return views.DeliveryList(
            items=[views.of_delivery(each) for each in found],
            next_cursor=position.cursor(fingerprint) if position else None,
        )

    def page(
        self, tenant: str, filters: DeliveryFilter, *, limit: int, after: Position | None = None
    ) -> tuple[list[Delivery], Position | None]:
        """Up to `limit` deliveries and where to continue, None at the end.

        A page with fewer deliveries, or none, need not be the last.
        """
        check_ids(filters)
        return self.lists.page(tenant, filters, limit=limit, after=after)

    def delivery(self, tenant: str, delivery_id: str) -> tuple[Event, Record]:
        """The event and the delivery with all its attempts; raise NotFoundError."""
        parts = ids.parts_of_delivery(delivery_id)
        found = self.log.record_with_attempts(tenant, *parts) if parts else None
        if found is None:
            raise NotFoundError("there is no such delivery")
        return found

    def delivery_view(
        self, tenant: str, delivery_id: str, *, before_attempt: int | None = None
    ) -> views.DeliveryWithAttempts:
        event, record = self.delivery(tenant, delivery_id)
        name = self.endpoint_name(tenant, record.delivery.endpoint_id)
        return views.of_record(event, record, name, before_attempt=before_attempt)

    def endpoint_name(self, tenant: str, endpoint_id: str) -> str | None:
        """The name of the endpoint; the last one if it was deleted; None if that has expired."""
        endpoint = self.config.endpoint(tenant, endpoint_id)
        if endpoint is None and (last := self._last_version(tenant, endpoint_id)):
            endpoint = last.endpoint
        return endpoint.name if endpoint else None

    def event(self, tenant: str, event_id: str) -> EventHistory:
        history = self.log.history(tenant, event_id) if ids.is_id("evt", event_id) else None
        if history is None:
            raise NotFoundError("there is no such event")
        return history

    def trace(self, tenant: str, event_id: str) -> EventTrace:
        """The event and its result at each endpoint; raise NotFoundError."""
        return self._trace(tenant, self.event(tenant, event_id))

    def events(
        self, tenant: str, filters: EventFilter, *, limit: int, cursor: str | None = None
    ) -> Listed[views.EventSummaryView]:
        """One page of events. A cursor is valid for the same filters and order only."""
        mark = fingerprint(filters)
        after = Position.of(cursor, mark) if cursor else None
        found, position = self.lists.events(tenant, filters, limit=limit, after=after)
        return Listed[views.EventSummaryView](
            items=[views.of_listed_event(each) for each in found],
            next_cursor=position.cursor(mark) if position else None,
        )

    def events_published_as(self, tenant: str, published_id: str) -> Listed[views.EventSummaryView]:
        """The event with its publisher's id, if there is one. It is found by key."""
        history = self.log.history(tenant, ids.derived_event(tenant, published_id))
        found = [views.of_event_history(history)] if history else []
        return Listed[views.EventSummaryView](items=found)

    def _trace(self, tenant: str, history: EventHistory) -> EventTrace:
        present = self.config.endpoints(tenant)
        gone = {each.endpoint_id for each in history.decisions} - {each.id for each in present}
        last = {each: self._last_version(tenant, each) for each in gone}
        return trace(history, present, {each: found for each, found in last.items() if found})

    def _last_version(self, tenant: str, endpoint_id: str) -> EndpointVersion | None:
        return next(self.config.versions(tenant, endpoint_id, page=1), None)

    def walk(
        self, tenant: str, filters: DeliveryFilter, *, limit: int, after: Position | None = None
    ) -> PageWalk[Delivery]:
        """As `page`, but row by row, matching or not."""
        check_ids(filters)
        return self.lists.walk(tenant, filters, limit=limit, after=after)

    def all_endpoints(self, tenant: str) -> tuple[str, ...]:
        """Ids of all endpoints whose deliveries may be in the log, deleted ones included."""
        kept_since = self.now() - self.limits(tenant).longest_retention
        return (
            *(each.id for each in self.config.endpoints(tenant)),
            *self.config.deleted_endpoints(tenant, since=kept_since),
        )
