"""The event of a test: one in the request, one of the log, or the example of an event type."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from posthorn.core import ids
from posthorn.core.errors import ConflictError, InvalidError, NotFoundError
from posthorn.deliveries.store import LogStore
from posthorn.endpoint_tests.views import EndpointTestSpec
from posthorn.events.ingestion import check_data
from posthorn.models import Change, Endpoint, Event, EventType
from posthorn.subscriptions.matching import matches_type


@dataclass(frozen=True)
class SampleEvents:
    log: LogStore
    types: Callable[[], Mapping[str, EventType]]
    now: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]

    def chosen(self, spec: EndpointTestSpec, endpoint: Endpoint, *, tenant: str) -> Event:
        """The event that the request selects; an event that is not of the log gets a new id."""
        if spec.event_id is not None:
            return self._logged(tenant, spec.event_id)
        if spec.event:
            check_data(spec.event.data)
            return self._event(
                tenant,
                spec.event.type,
                spec.event.data,
                time=spec.event.time,
                change=spec.event.change,
            )
        example = self._example(spec.event_type, endpoint)
        return self._event(tenant, example.name, example.example)

    def copy(self, event: Event) -> Event:
        """A copy of the event with an id of its own."""
        return self._event(
            event.tenant, event.type, event.data, time=event.time, change=event.change
        )

    def _event(
        self,
        tenant: str,
        event_type: str,
        data: Any,
        *,
        time: datetime | None = None,
        change: Change | None = None,
    ) -> Event:
        now = self.now()
        return Event(
            id=ids.new("evt", now, self.random_bytes(ids.RANDOM_BYTES)),
            tenant=tenant,
            type=event_type,
            time=time or now,
            data=data,
            change=change,
            accepted_at=now,
        )

    def _logged(self, tenant: str, event_id: str) -> Event:
        known = ids.is_id("evt", event_id)
        found = next(self.log.events(tenant, [event_id]), None) if known else None
        if found is None:
            raise NotFoundError("there is no such event")
        if found.erasure is not None:
            raise ConflictError("the payload of this event was erased", code="payload_erased")
        return found

    def _example(self, name: str | None, endpoint: Endpoint) -> EventType:
        types = self.types()
        if name is None:
            matching = (
                each for each in types.values() if matches_type(endpoint.event_types, each.name)
            )
            found = next(matching, None)
            message = "is required: the catalogue has no type that the endpoint receives"
        else:
            found, message = types.get(name), "is not in the catalogue"
        if found is None:
            raise InvalidError.at("/event_type", message)
        return found
