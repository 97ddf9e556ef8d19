"""Warnings: the current problems of a tenant's endpoints and deliveries."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Any

from pydantic import Field

from posthorn.core import api_examples
from posthorn.deliveries.items import DUE_SHARDS, FIRST_TIME, TENANT_STATUS_SHARDS, due_partitions
from posthorn.deliveries.queries import LogLists
from posthorn.deliveries.store import LogStore
from posthorn.dispatch.sweeper import GRACE
from posthorn.egress.advice import EXPIRY_NOTICE
from posthorn.endpoints.certificates import first_expiry
from posthorn.models import (
    Delivery,
    DeliveryStatus,
    DisabledBy,
    Endpoint,
    EndpointStatus,
    Model,
    Time,
    iso,
)
from posthorn.monitoring.last_day import LastDay
from posthorn.monitoring.stats_store import StatsStore

# Held or retried deliveries of the tenant that are counted, newest first, from each of two shards:
# 4 queries in parallel, whatever the number of endpoints.
COUNTED_PER_SHARD = 200
MAX_OVERDUE = 1000  # overdue deliveries of all tenants that are examined


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
        description="Number of deliveries or publications; held or retried deliveries are counted "
        "among the tenant's "
        f"newest {COUNTED_PER_SHARD * TENANT_STATUS_SHARDS} of that status, so there may be more"
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
    endpoints: Callable[[str], Sequence[Endpoint]]
    log: LogStore
    lists: LogLists
    stats: StatsStore
    now: Callable[[], datetime]

    def of(self, tenant: str) -> list[WarningView]:
        """The tenant's warnings: the most urgent first, then by age of the endpoint."""
        endpoints = self.endpoints(tenant)
        last_day = LastDay.read(self.stats, tenant, self.now())
        found = self.about(tenant, endpoints, last_day)
        order = list(WarningSign)
        return sorted(
            (each.view for each in found),
            key=lambda view: (order.index(view.code), view.endpoint_id or ""),
        )

    def about(
        self, tenant: str, endpoints: Sequence[Endpoint], last_day: LastDay | None
    ) -> Iterator[TenantWarning]:
        """Yield the warnings of the tenant, which has these endpoints.

        Without `last_day`, dead deliveries are left out.
        """
        names = {each.id: each.name for each in endpoints}
        yield from self._overdue(tenant, names)
        if last_day:
            yield from _dead(last_day, names)
            yield from _refused(last_day)
        statuses = (DeliveryStatus.RETRYING, DeliveryStatus.HELD)
        newest = self.lists.newest_of(tenant, statuses, per_shard=COUNTED_PER_SHARD)
        retried, held = (_types_by_endpoint(newest[status]) for status in statuses)
        for each in endpoints:
            yield from self._of_endpoint(each, retried.get(each.id), held.get(each.id))

    def _of_endpoint(
        self, endpoint: Endpoint, retried: Counter[str] | None, held: Counter[str] | None
    ) -> Iterator[TenantWarning]:
        id, name, health = endpoint.id, endpoint.name, endpoint.health
        if endpoint.status is EndpointStatus.DISABLED:
            message, since = _why_disabled(endpoint), endpoint.updated_at
            yield _warning(WarningSign.DISABLED, message, id, name, since=since)
        elif health.failing_since:
            count = retried.total() if retried else 0
            message, since = "no attempt has succeeded since one failed", health.failing_since
            yield _warning(WarningSign.FAILING, message, id, name, since=since, count=count)
        if held:
            message, count = f"deliveries are held; the endpoint is {endpoint.status}", held.total()
            types = held.keys()
            yield _warning(WarningSign.HELD, message, id, name, count=count, event_types=types)
        if expires_at := health.certificate_expires_at:
            message = f"its certificate expires on {expires_at:%Y-%m-%d}: renew it"
            yield _warning(WarningSign.CERTIFICATE, message, id, name, until=expires_at)
        own = first_expiry(endpoint.tls)
        if own and own - self.now() <= EXPIRY_NOTICE:
            message = f"a certificate of its tls settings expires on {own:%Y-%m-%d}: replace it"
            yield _warning(WarningSign.CERTIFICATE, message, id, name, until=own)

    def _overdue(self, tenant: str, names: Mapping[str, str]) -> Iterator[TenantWarning]:
        since = self.now() - GRACE
        most = MAX_OVERDUE // DUE_SHARDS
        shards = self.lists.pool.map(
            lambda key: list(islice(self.log.due(key, FIRST_TIME, iso(since)), most)),
            due_partitions(),
        )
        tasks = [each.task for shard in shards for each in shard]
        late = Counter(each.endpoint_id for each in tasks if each.tenant == tenant)
        message = "attempts are overdue: a delay in Posthorn, not at the endpoint"
        for id, count in late.items():
            yield _warning(
                WarningSign.OVERDUE, message, id, names.get(id), since=since, count=count
            )


def _types_by_endpoint(deliveries: Iterable[Delivery]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for each in deliveries:
        found.setdefault(each.endpoint_id, Counter())[each.event_type] += 1
    return found


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
