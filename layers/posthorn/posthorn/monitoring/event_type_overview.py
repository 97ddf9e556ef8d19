"""The event types of the catalogue with one tenant's subscriptions, deliveries and warnings."""

import base64
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import ConfigDict, Field

from posthorn.core import api_examples
from posthorn.core.errors import NotFoundError
from posthorn.deliveries.filters import EventFilter
from posthorn.deliveries.queries import LogLists
from posthorn.models import (
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
from posthorn.monitoring.last_day import LastDay
from posthorn.monitoring.stats_store import StatsStore
from posthorn.monitoring.warnings import TenantWarning, WarningSigns

SHOWN_ENDPOINTS = 20  # of one type; `endpoint_count` is the number of all
MATCHED_EVENTS = EventFilter(unmatched=False)
NEWEST_EVENTS = 100  # of the tenant, among which the last one of each type is looked for
# With more rows a day than this, the statistics are left out: a list of types has to be quick.
MAX_ROWS = 10_000
Order = tuple[bool, str, str]  # inactive, category, name: active types come first

Subscribed = tuple[EventType, list[Endpoint]]


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
    """`health` is the worst of its endpoints, without those that their owner switched off."""

    model_config = api_examples.shown(api_examples.SEEN_TYPE)

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
        description=f"Among the {NEWEST_EVENTS} newest events of the tenant that had deliveries"
    )
    last_delivery_exact: bool = Field(
        description="False when there may be one that is older than those events"
    )
    deliveries_by_hour: tuple[int, ...] | None = Field(
        description="Of the last 24 hours, the current one last; null for too many statistics"
    )
    success_rate: float | None = Field(
        description="Share of those deliveries that have succeeded; null when none was tried"
    )
    warning_count: int = Field(
        description="Warnings of `/v1/warnings` about this type or an endpoint that receives it"
    )


class EventTypeDetails(EventTypeView):
    model_config = ConfigDict(
        validate_by_name=True,
        serialize_by_alias=True,
        **api_examples.shown(api_examples.WHOLE_TYPE),
    )

    json_schema: dict[str, Any] = Field(alias="schema")
    example: dict[str, Any]
    entities: tuple[Entity, ...]


@dataclass(frozen=True)
class Filters:
    active: bool | None = None
    category: str | None = None
    text: str | None = None  # in name, category or description; case is ignored

    def take(self, event_type: EventType, *, active: bool) -> bool:
        searched = f"{event_type.name}\n{event_type.category}\n{event_type.description}".casefold()
        return (
            self.active in (None, active)
            and self.category in (None, event_type.category)
            and (self.text is None or self.text.casefold() in searched)
        )


@dataclass(frozen=True)
class EventTypeOverview:
    endpoints: Callable[[str], Sequence[Endpoint]]
    lists: LogLists
    stats: StatsStore
    warnings: WarningSigns
    types: Callable[[], Mapping[str, EventType]]
    now: Callable[[], datetime]

    def page(
        self, tenant: str, filters: Filters, *, limit: int, cursor: str | None = None
    ) -> Listed[EventTypeView]:
        """One page: active types first, then the others, both by category and name."""
        after = _position(cursor) if cursor else None
        endpoints = self.endpoints(tenant)
        subscriptions = TypeSubscriptions(endpoints)
        ordered = sorted(
            ((_order(each, subscriptions.of(each.name)), each) for each in self.types().values()),
            key=lambda placed: placed[0],
        )
        rest = (
            (order, each)
            for order, each in ordered
            if filters.take(each, active=not order[0]) and (after is None or order > after)
        )
        page, next_cursor = cut_page(rest, limit, lambda placed: _cursor(placed[0]))
        types = [(each, subscriptions.of(each.name)) for _, each in page]
        return Listed[EventTypeView](
            items=[EventTypeView(**each) for each in self._seen(tenant, endpoints, types)],
            next_cursor=next_cursor,
        )

    def event_type(self, tenant: str, name: str) -> EventTypeDetails:
        found = self.types().get(name)
        if found is None:
            raise NotFoundError("there is no such event type")
        endpoints = self.endpoints(tenant)
        (seen,) = self._seen(tenant, endpoints, [(found, TypeSubscriptions(endpoints).of(name))])
        return EventTypeDetails(
            **seen,
            json_schema=found.json_schema,
            example=found.example,
            entities=found.entities,
        )

    def _seen(
        self, tenant: str, endpoints: Sequence[Endpoint], types: Sequence[Subscribed]
    ) -> list[dict[str, Any]]:
        """The fields of EventTypeView for each type, by one read of the statistics."""
        now = self.now()
        last_day = LastDay.read(self.stats, tenant, now, max_rows=MAX_ROWS)
        warnings = list(self.warnings.about(tenant, endpoints, last_day))
        events, more = self.lists.events(tenant, MATCHED_EVENTS, limit=NEWEST_EVENTS)
        newest = {each.row.type: each.recorded_at for each in reversed(events)}
        return [_fields(*each, newest, more is None, last_day, warnings) for each in types]


class TypeSubscriptions:
    """The endpoints that receive a type, without trying each pattern (`matching.matches_type`)."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._by_pattern: defaultdict[str, dict[str, Endpoint]] = defaultdict(dict)
        for endpoint in endpoints:
            for pattern in endpoint.event_types:
                self._by_pattern[pattern][endpoint.id] = endpoint

    def of(self, name: str) -> list[Endpoint]:
        """The endpoints: enabled ones first, then by age."""
        prefixes = (f"{name[:length]}*" for length in range(len(name) + 1))
        found: dict[str, Endpoint] = {}
        for pattern in (name, *prefixes):
            found |= self._by_pattern.get(pattern, {})
        return sorted(found.values(), key=lambda each: (not _is_enabled(each), each.id))


def _fields(
    event_type: EventType,
    endpoints: list[Endpoint],
    newest: Mapping[str, datetime],
    is_complete: bool,
    last_day: LastDay | None,
    warnings: Iterable[TenantWarning],
) -> dict[str, Any]:
    name, endpoint_ids = event_type.name, {each.id for each in endpoints}
    kept = event_type.model_dump(exclude={"json_schema", "example", "entities"})
    tracked = {_condition(each) for each in endpoints if not each.is_off}
    worst = (TypeCondition.FAILING, TypeCondition.DISABLED, TypeCondition.OK)
    return {
        **kept,
        "active": any(map(_is_enabled, endpoints)),
        "health": next((each for each in worst if each in tracked), None),
        "endpoint_count": len(endpoints),
        "endpoints": tuple(
            SubscribingEndpoint(
                id=each.id, name=each.name, status=each.status, health=_condition(each)
            )
            for each in endpoints[:SHOWN_ENDPOINTS]
        ),
        "last_delivery_at": newest.get(name),
        "last_delivery_exact": is_complete or name in newest,
        "deliveries_by_hour": last_day and last_day.deliveries_by_hour(name),
        "success_rate": last_day and last_day.success_rate(name),
        "warning_count": sum(each.concerns(name, endpoint_ids) for each in warnings),
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
