"""Warnings: the current problems of a tenant's endpoints and deliveries."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Any

from pydantic import Field

from posthorn.aws.config_table import ConfigStore
from posthorn.core import api_examples
from posthorn.deliveries.store import LogStore
from posthorn.dispatch.sweeper import GRACE
from posthorn.models import DeliveryStatus, DisabledBy, Endpoint, EndpointStatus, Model, Time
from posthorn.monitoring.inventory import Inventory
from posthorn.monitoring.last_day import LastDay
from posthorn.monitoring.stats_store import StatsStore

MAX_COUNTED = 100  # held or retried deliveries of an endpoint: counting has to be quick
MAX_OVERDUE = 1000  # overdue deliveries of all tenants that are examined
_EARLIEST = datetime.fromtimestamp(0, UTC)


class WarningSign(StrEnum):
    """The kinds of warnings, the most urgent first."""

    OVERDUE = "deliveries_overdue"  # their next attempt is late, which is Posthorn's fault
    FAILING = "endpoint_failing"  # no attempt has succeeded since one failed
    DEAD = "deliveries_dead"  # in the last 24 hours
    REFUSED = "publications_refused"  # in the last 24 hours
    DISABLED = "endpoint_disabled"
    HELD = "deliveries_held"
    CERTIFICATE = "certificate_expires"  # within 14 days


class WarningView(Model):
    model_config = api_examples.shown(api_examples.WARNING)

    code: WarningSign
    message: str
    endpoint_id: str | None = Field(description="Null for refused publications")
    endpoint_name: str | None = Field(description="Null for a deleted endpoint")
    count: int | None = Field(
        description="Number of deliveries or publications;"
        f" {MAX_COUNTED} held or retried deliveries may be more"
    )
    since: Time | None
    until: Time | None = Field(description="When the certificate expires")


@dataclass(frozen=True)
class TenantWarning:
    """A warning, and the event types that it concerns: None for all that its endpoint receives."""

    view: WarningView
    event_types: AbstractSet[str] | None = None

    def concerns(self, event_type: str, endpoint_ids: AbstractSet[str]) -> bool:
        """Whether it is about this event type, which these endpoints receive."""
        if self.event_types is None:
            return self.view.endpoint_id in endpoint_ids
        return event_type in self.event_types


@dataclass(frozen=True)
class WarningSigns:
    config: ConfigStore
    log: LogStore
    inventory: Inventory
    stats: StatsStore
    now: Callable[[], datetime]

    def of(self, tenant: str) -> list[WarningView]:
        """The tenant's warnings: the most urgent first, then by age of the endpoint."""
        endpoints = self.config.endpoints(tenant)
        last_day = LastDay.read(self.stats, tenant, self.now())
        found = self.about(tenant, endpoints, last_day, counted={each.id for each in endpoints})
        order = list(WarningSign)
        return sorted(
            (each.view for each in found),
            key=lambda view: (order.index(view.code), view.endpoint_id or ""),
        )

    def about(
        self,
        tenant: str,
        endpoints: Sequence[Endpoint],
        last_day: LastDay | None,
        *,
        counted: AbstractSet[str],
    ) -> Iterator[TenantWarning]:
        """Yield the warnings of the tenant, which has these endpoints.

        Without `last_day`, dead deliveries are left out. Held and retried deliveries are counted
        only for the endpoints with an id in `counted`: that takes four queries each.
        """
        names = {each.id: each.name for each in endpoints}
        yield from self._overdue(tenant, names)
        if last_day:
            yield from _dead(last_day, names)
            yield from _refused(last_day)
        for endpoint in endpoints:
            yield from self._of_endpoint(endpoint, is_counted=endpoint.id in counted)

    def _of_endpoint(self, endpoint: Endpoint, *, is_counted: bool) -> Iterator[TenantWarning]:
        id, name, health = endpoint.id, endpoint.name, endpoint.health
        if endpoint.status is EndpointStatus.DISABLED:
            message, since = _why_disabled(endpoint), endpoint.updated_at
            yield _warning(WarningSign.DISABLED, message, id, name, since=since)
        elif health.failing_since:
            retried = self._types(endpoint, DeliveryStatus.RETRYING).total() if is_counted else None
            message, since = "no attempt has succeeded since one failed", health.failing_since
            yield _warning(WarningSign.FAILING, message, id, name, since=since, count=retried)
        if is_counted and (held := self._types(endpoint, DeliveryStatus.HELD)):
            message, count = f"deliveries are held; the endpoint is {endpoint.status}", held.total()
            types = held.keys() if count < MAX_COUNTED else None
            yield _warning(WarningSign.HELD, message, id, name, count=count, event_types=types)
        if expires_at := health.certificate_expires_at:
            message = f"its certificate expires on {expires_at:%Y-%m-%d}: renew it"
            yield _warning(WarningSign.CERTIFICATE, message, id, name, until=expires_at)

    def _types(self, endpoint: Endpoint, status: DeliveryStatus) -> Counter[str]:
        """The event types of the endpoint's deliveries with this status, up to MAX_COUNTED."""
        until = self.now() + timedelta(days=1)
        found = self.inventory.with_status(endpoint.tenant, endpoint.id, status, _EARLIEST, until)
        return Counter(each.event_type for each in islice(found, MAX_COUNTED))

    def _overdue(self, tenant: str, names: Mapping[str, str]) -> Iterator[TenantWarning]:
        since = self.now() - GRACE
        tasks = islice(self.log.due_before(since), MAX_OVERDUE)
        late = Counter(each.endpoint_id for each in tasks if each.tenant == tenant)
        message = "attempts are overdue: a delay in Posthorn, not at the endpoint"
        for id, count in late.items():
            yield _warning(
                WarningSign.OVERDUE, message, id, names.get(id), since=since, count=count
            )


def _dead(last_day: LastDay, names: Mapping[str, str]) -> Iterator[TenantWarning]:
    message = "deliveries used up their retries in the last 24 hours"
    for id, died in last_day.died().items():
        yield _warning(
            WarningSign.DEAD,
            message,
            id,
            names.get(id),
            since=last_day.since,
            count=died.total(),
            event_types=died.keys(),
        )


def _refused(last_day: LastDay) -> Iterator[TenantWarning]:
    for event_type, count in last_day.refused().items():
        message = (
            f"publications of {event_type} were not delivered in the last 24 hours: their ids are"
            " those of events with other content"
        )
        yield _warning(
            WarningSign.REFUSED,
            message,
            None,
            None,
            since=last_day.since,
            count=count,
            event_types={event_type},
        )


def _warning(
    code: WarningSign,
    message: str,
    endpoint_id: str | None,
    endpoint_name: str | None,
    *,
    event_types: AbstractSet[str] | None = None,
    **facts: Any,
) -> TenantWarning:
    subject = {"endpoint_id": endpoint_id, "endpoint_name": endpoint_name}
    fields = {"count": None, "since": None, "until": None, **subject, **facts}
    return TenantWarning(WarningView(code=code, message=message, **fields), event_types)


def _why_disabled(endpoint: Endpoint) -> str:
    if endpoint.disabled_by in (None, DisabledBy.OWNER):
        return f"switched off by {endpoint.updated_by}: its events are not tracked"
    return f"disabled by Posthorn: {endpoint.status_reason}"
