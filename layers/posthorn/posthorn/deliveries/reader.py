"""The log, read: lists of deliveries, one with its attempts, one event with its whole trace."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from posthorn.aws.config_table import ConfigStore, EndpointVersion
from posthorn.core import ids
from posthorn.core.errors import InvalidError, NotFoundError
from posthorn.deliveries import views
from posthorn.deliveries.event_trace import EventTrace, trace
from posthorn.deliveries.filters import DeliveryFilter
from posthorn.deliveries.queries import LogLists, PageWalk, Position
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
        self, tenant: str, wanted: DeliveryFilter, *, limit: int, cursor: str | None = None
    ) -> views.DeliveryList:
        """One page as the API shows it. A cursor holds for the same filters and order only."""
        fingerprint = wanted.fingerprint()
        after = Position.of(cursor, fingerprint) if cursor else None
        found, position = self.page(tenant, wanted, limit=limit, after=after)
        return views.DeliveryList(
            items=[views.of_delivery(each) for each in found],
            next_cursor=position.cursor(fingerprint) if position else None,
        )

    def page(
        self, tenant: str, wanted: DeliveryFilter, *, limit: int, after: Position | None = None
    ) -> tuple[list[Delivery], Position | None]:
        """Up to `limit` deliveries and where to go on, or None at the end.

        It may hold fewer, or none, and still not be the last one.
        """
        return self.lists.page(tenant, self._located(tenant, wanted), limit=limit, after=after)

    def delivery(self, tenant: str, delivery_id: str) -> tuple[Event, Record]:
        """The event and the delivery with all its attempts; NotFoundError when there is none."""
        parts = ids.parts_of_delivery(delivery_id)
        history = self.log.history(tenant, parts[0]) if parts else None
        record = history.records.get(parts[1]) if history and parts else None
        if history is None or record is None:
            raise NotFoundError("there is no such delivery")
        return history.event, record

    def seen_delivery(self, tenant: str, delivery_id: str) -> views.DeliveryWithAttempts:
        event, record = self.delivery(tenant, delivery_id)
        name = self.endpoint_name(tenant, record.delivery.endpoint_id)
        return views.of_record(event, record, name)

    def endpoint_name(self, tenant: str, endpoint_id: str) -> str | None:
        """The name of the endpoint, or what it was when the endpoint was deleted."""
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
        """The event and what became of it at each endpoint; NotFoundError when there is none."""
        return self._traced(tenant, self.event(tenant, event_id))

    def events_published_as(self, tenant: str, published_id: str) -> Listed[views.EventView]:
        """The event that its publisher gave this id, if there is one. It is found by key."""
        history = self.log.history(tenant, ids.derived_event(tenant, published_id))
        found = [views.of_trace(self._traced(tenant, history))] if history else []
        return Listed[views.EventView](items=found)

    def _traced(self, tenant: str, history: EventHistory) -> EventTrace:
        present = self.config.endpoints(tenant)
        gone = {each.endpoint_id for each in history.decisions} - {each.id for each in present}
        last = {each: self._last_version(tenant, each) for each in gone}
        return trace(history, present, {each: found for each, found in last.items() if found})

    def _last_version(self, tenant: str, endpoint_id: str) -> EndpointVersion | None:
        return next(self.config.versions(tenant, endpoint_id, page=1), None)

    def walk(
        self, tenant: str, wanted: DeliveryFilter, *, limit: int, after: Position | None = None
    ) -> PageWalk:
        """As `page`, but row by row, wanted or not."""
        return self.lists.walk(tenant, self._located(tenant, wanted), limit=limit, after=after)

    def _located(self, tenant: str, wanted: DeliveryFilter) -> DeliveryFilter:
        """With the endpoints whose partitions are to be read; InvalidError for what is no id."""
        if not all(ids.is_id("ep", each) for each in wanted.endpoint_ids):
            raise InvalidError.at("endpoint", "is not the id of an endpoint")
        if wanted.event_id is not None and not ids.is_id("evt", wanted.event_id):
            raise InvalidError.at("event_id", "is not the id of an event")
        if wanted.event_id or wanted.endpoint_ids:
            return wanted
        return wanted.model_copy(update={"endpoint_ids": self.all_endpoints(tenant)})

    def all_endpoints(self, tenant: str) -> tuple[str, ...]:
        """Ids of all whose deliveries may be in the log: of the deleted ones, too."""
        kept_since = self.now() - self.limits(tenant).longest_retention
        return (
            *(each.id for each in self.config.endpoints(tenant)),
            *self.config.deleted_endpoints(tenant, since=kept_since),
        )
