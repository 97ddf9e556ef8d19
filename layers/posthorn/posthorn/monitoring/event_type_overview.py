"""The catalogue as one tenant sees it: what is active, where it goes, and how that is doing."""

import base64
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import ConfigDict, Field

from posthorn.aws.config_table import ConfigStore
from posthorn.core import api_examples as examples
from posthorn.core.errors import NotFoundError
from posthorn.deliveries.queries import LogLists
from posthorn.models import (
    Delivery,
    Endpoint,
    EndpointStatus,
    Entity,
    EventType,
    EventTypeKind,
    Listed,
    Model,
    Source,
    Time,
    Validation,
)
from posthorn.models.paging import bad_cursor, cut_page
from posthorn.monitoring.event_type_activity import Activity
from posthorn.monitoring.stats_store import StatsStore

SHOWN_ENDPOINTS = 20  # of one type; `endpoint_count` tells how many there are
LOOKED_AT = 25  # endpoints whose log is asked for one page: four reads of one row each
Order = tuple[bool, str, str]  # inactive, category, name: active types come first


class TypeCondition(StrEnum):
    OK = "ok"
    FAILING = "failing"  # no attempt has succeeded since one failed
    DISABLED = "disabled"


class SubscribingEndpoint(Model):
    id: str
    name: str
    status: EndpointStatus
    health: TypeCondition


class EventTypeView(Model):
    """`health` is the worst of the endpoints that were not switched off; null without any."""

    model_config = examples.shown(examples.SEEN_TYPE)

    name: str
    kind: EventTypeKind
    category: str
    description: str
    source: Source
    validation: Validation
    deprecated: bool
    deprecated_reason: str | None
    active: bool
    health: TypeCondition | None
    endpoint_count: int
    endpoints: tuple[SubscribingEndpoint, ...]
    last_delivery_at: Time | None = Field(
        description="The newest delivery of this type among the newest of its endpoints"
    )
    last_delivery_exact: bool = Field(
        description="False when there may be a later one: other types' deliveries hide it"
    )
    deliveries_by_hour: tuple[int, ...] | None = Field(
        description="Of the last 24 hours, the current one last; null where there is too much"
    )
    success_rate: float | None = Field(
        description="Share of those deliveries that succeeded so far; null where none was tried"
    )
    warning_count: int = Field(
        description="Endpoints that fail, were disabled by us, have a certificate that expires "
        "soon, or dead or held deliveries of this type in the last 24 hours; each counts"
    )


class EventTypeDetails(EventTypeView):
    model_config = ConfigDict(
        validate_by_name=True, serialize_by_alias=True, **examples.shown(examples.WHOLE_TYPE)
    )

    json_schema: dict[str, Any] = Field(alias="schema")
    example: dict[str, Any]
    entities: tuple[Entity, ...]


@dataclass(frozen=True)
class Filters:
    active: bool | None = None
    category: str | None = None
    text: str | None = None  # in name, category or description, in any case

    def take(self, event_type: EventType, *, active: bool) -> bool:
        told = f"{event_type.name}\n{event_type.category}\n{event_type.description}".casefold()
        return (
            self.active in (None, active)
            and self.category in (None, event_type.category)
            and (self.text is None or self.text.casefold() in told)
        )


@dataclass(frozen=True)
class EventTypeOverview:
    config: ConfigStore
    lists: LogLists
    stats: StatsStore
    types: Callable[[], Mapping[str, EventType]]
    now: Callable[[], datetime]

    def page(
        self, tenant: str, filters: Filters, *, limit: int, cursor: str | None = None
    ) -> Listed[EventTypeView]:
        """One page: active types first, then the others, each by category and name."""
        after = _position(cursor) if cursor else None
        wanting = TypeSubscriptions(self.config.endpoints(tenant))
        ordered = sorted(
            ((_order(each, wanting.of(each.name)), each) for each in self.types().values()),
            key=lambda placed: placed[0],
        )
        rest = (
            (order, each)
            for order, each in ordered
            if filters.take(each, active=not order[0]) and (after is None or order > after)
        )
        page, next_cursor = cut_page(rest, limit, lambda placed: _cursor(placed[0]))
        newest = self._newest(tenant, [wanting.of(each.name) for _, each in page])
        activity = Activity.read(self.stats, tenant, self.now())
        return Listed[EventTypeView](
            items=[
                EventTypeView(**_seen(each, wanting.of(each.name), newest, activity))
                for _, each in page
            ],
            next_cursor=next_cursor,
        )

    def event_type(self, tenant: str, name: str) -> EventTypeDetails:
        found = self.types().get(name)
        if found is None:
            raise NotFoundError("there is no such event type")
        endpoints = TypeSubscriptions(self.config.endpoints(tenant)).of(name)
        return EventTypeDetails(
            **_seen(
                found,
                endpoints,
                self._newest(tenant, [endpoints]),
                Activity.read(self.stats, tenant, self.now()),
            ),
            json_schema=found.json_schema,
            example=found.example,
            entities=found.entities,
        )

    def _newest(self, tenant: str, wanting: Iterable[list[Endpoint]]) -> dict[str, list[Delivery]]:
        """The newest deliveries by endpoint, for the first LOOKED_AT of these."""
        ids = dict.fromkeys(each.id for endpoints in wanting for each in endpoints)
        return {each: self.lists.newest(tenant, each) for each in list(ids)[:LOOKED_AT]}


class TypeSubscriptions:
    """Who wants a type, without trying each pattern on each type (`matching.wants`)."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._by_pattern: defaultdict[str, dict[str, Endpoint]] = defaultdict(dict)
        for endpoint in endpoints:
            for pattern in endpoint.event_types:
                self._by_pattern[pattern][endpoint.id] = endpoint

    def of(self, name: str) -> list[Endpoint]:
        """Enabled ones first, and then by age."""
        prefixes = (f"{name[:length]}*" for length in range(len(name) + 1))
        found: dict[str, Endpoint] = {}
        for pattern in (name, *prefixes):
            found |= self._by_pattern.get(pattern, {})
        return sorted(found.values(), key=lambda each: (not _is_enabled(each), each.id))


def _seen(
    event_type: EventType,
    endpoints: list[Endpoint],
    newest: Mapping[str, list[Delivery]],
    activity: Activity,
) -> dict[str, Any]:
    told = event_type.model_dump(exclude={"json_schema", "example", "entities"})
    tracked = {_condition(each) for each in endpoints if not each.is_off}
    worst = (TypeCondition.FAILING, TypeCondition.DISABLED, TypeCondition.OK)
    return {
        **told,
        "active": any(map(_is_enabled, endpoints)),
        "health": next((each for each in worst if each in tracked), None),
        "endpoint_count": len(endpoints),
        "endpoints": tuple(
            SubscribingEndpoint(
                id=each.id, name=each.name, status=each.status, health=_condition(each)
            )
            for each in endpoints[:SHOWN_ENDPOINTS]
        ),
        **_last_delivery(event_type.name, endpoints, newest),
        "deliveries_by_hour": activity.deliveries_by_hour(event_type.name),
        "success_rate": activity.success_rate(event_type.name),
        "warning_count": activity.warning_count(event_type.name, endpoints),
    }


def _last_delivery(
    name: str, endpoints: list[Endpoint], newest: Mapping[str, list[Delivery]]
) -> dict[str, Any]:
    """A later delivery may hide behind one of another type in the same partition of the log."""
    known = [each for endpoint in endpoints for each in newest.get(endpoint.id, ())]
    own = [each for each in known if each.event_type == name and not each.test]
    last = max((each.created_at for each in own), default=None)
    hiding = [each for each in known if each not in own]
    return {
        "last_delivery_at": last,
        "last_delivery_exact": all(each.id in newest for each in endpoints)
        and all(last is not None and each.created_at <= last for each in hiding),
    }


def _condition(endpoint: Endpoint) -> TypeCondition:
    if endpoint.status is EndpointStatus.DISABLED:
        return TypeCondition.DISABLED
    return TypeCondition.FAILING if endpoint.health.failing_since else TypeCondition.OK


def _is_enabled(endpoint: Endpoint) -> bool:
    return endpoint.status is EndpointStatus.ENABLED


def _order(event_type: EventType, endpoints: Iterable[Endpoint]) -> Order:
    return not any(map(_is_enabled, endpoints)), event_type.category, event_type.name


def _cursor(order: Order) -> str:
    return base64.urlsafe_b64encode(json.dumps(order).encode()).decode()


def _position(cursor: str) -> Order:
    try:
        match json.loads(base64.urlsafe_b64decode(cursor)):
            case [bool(inactive), str(category), str(name)]:
                return inactive, category, name
    except (ValueError, RecursionError):
        pass
    raise bad_cursor()
