"""What needs somebody's attention in a tenant, now: each sign with its words and numbers."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice

from pydantic import Field

from posthorn.aws.config_table import ConfigStore
from posthorn.core import api_examples as examples
from posthorn.deliveries.store import LogStore
from posthorn.dispatch.sweeper import GRACE
from posthorn.models import DeliveryStatus, DisabledBy, Endpoint, EndpointStatus, Model, Time
from posthorn.monitoring.counters import NOBODY
from posthorn.monitoring.inventory import Inventory
from posthorn.monitoring.stats_store import StatsStore

RECENTLY = timedelta(hours=24)
MOST_COUNTED = 100  # of what an endpoint holds or retries: more is said to be as many
MOST_OVERDUE = 1000  # of all tenants' that are looked at
_ALWAYS = datetime.fromtimestamp(0, UTC)


class WarningSign(StrEnum):
    """What the signs are, the most urgent first."""

    OVERDUE = "deliveries_overdue"  # ours: their next attempt should have been made by now
    FAILING = "endpoint_failing"  # no attempt has succeeded since one failed
    DEAD = "deliveries_dead"  # in the last 24 hours
    DISABLED = "endpoint_disabled"
    HELD = "deliveries_held"
    CERTIFICATE = "certificate_expires"  # within 14 days


class WarningView(Model):
    model_config = examples.shown(examples.WARNING)

    code: WarningSign
    message: str
    endpoint_id: str
    endpoint_name: str | None = Field(description="Null where the endpoint was deleted")
    count: int | None = Field(
        description=f"Deliveries that it is about; {MOST_COUNTED} may stand for more of those "
        "that are held or retried"
    )
    since: Time | None
    until: Time | None = Field(description="When the certificate expires")


@dataclass(frozen=True)
class WarningSigns:
    config: ConfigStore
    log: LogStore
    census: Inventory
    stats: StatsStore
    now: Callable[[], datetime]

    def of(self, tenant: str) -> list[WarningView]:
        """The tenant's warnings, the most urgent first, those of old endpoints before others."""
        endpoints = self.config.endpoints(tenant)
        names = {each.id: each.name for each in endpoints}
        found = [*self._overdue(tenant, names), *self._dead(tenant, names)]
        for endpoint in endpoints:
            found.extend(self._of_endpoint(endpoint))
        order = list(WarningSign)
        return sorted(found, key=lambda each: (order.index(each.code), each.endpoint_id))

    def _of_endpoint(self, endpoint: Endpoint) -> Iterator[WarningView]:
        failing_since = endpoint.health.failing_since
        if endpoint.status is EndpointStatus.DISABLED:
            yield _warning(
                WarningSign.DISABLED, endpoint, _why_disabled(endpoint), endpoint.updated_at
            )
        elif failing_since:
            retried = self._count(endpoint, DeliveryStatus.RETRYING)
            words = "no attempt has succeeded since one failed"
            yield _warning(WarningSign.FAILING, endpoint, words, failing_since, count=retried)
        if held := self._count(endpoint, DeliveryStatus.HELD):
            words = f"deliveries are held, and the endpoint is {endpoint.status}"
            yield _warning(WarningSign.HELD, endpoint, words, None, count=held)
        if expires_at := endpoint.health.certificate_expires_at:
            words = f"its certificate expires on {expires_at:%Y-%m-%d}: renew it"
            yield _warning(WarningSign.CERTIFICATE, endpoint, words, None, until=expires_at)

    def _count(self, endpoint: Endpoint, status: DeliveryStatus) -> int:
        until = self.now() + timedelta(days=1)
        listed = self.census.listed(endpoint.tenant, endpoint.id, status, _ALWAYS, until)
        return sum(1 for _ in islice(listed, MOST_COUNTED))

    def _dead(self, tenant: str, names: dict[str, str]) -> Iterator[WarningView]:
        since = self.now() - RECENTLY
        died: Counter[str] = Counter()
        for cell, counts in self.stats.rows(tenant, since, self.now()):
            if cell.endpoint_id != NOBODY:
                died[cell.endpoint_id] += counts["died"]
        words = "deliveries used up their retries in the last 24 hours"
        yield from _of_deliveries(WarningSign.DEAD, words, died, names, since)

    def _overdue(self, tenant: str, names: dict[str, str]) -> Iterator[WarningView]:
        since = self.now() - GRACE
        tasks = islice(self.log.due_before(since), MOST_OVERDUE)
        late = Counter(each.endpoint_id for each in tasks if each.tenant == tenant)
        words = "attempts are overdue: not the endpoint's fault, and being repaired"
        yield from _of_deliveries(WarningSign.OVERDUE, words, late, names, since)


def _of_deliveries(
    code: WarningSign, message: str, counts: Counter[str], names: dict[str, str], since: datetime
) -> Iterator[WarningView]:
    """One for each endpoint, there or deleted, that has any."""
    for endpoint_id, count in counts.items():
        if count:
            yield WarningView(
                code=code,
                message=message,
                endpoint_id=endpoint_id,
                endpoint_name=names.get(endpoint_id),
                count=count,
                since=since,
                until=None,
            )


def _warning(
    code: WarningSign,
    endpoint: Endpoint,
    message: str,
    since: datetime | None,
    *,
    count: int | None = None,
    until: datetime | None = None,
) -> WarningView:
    return WarningView(
        code=code,
        message=message,
        endpoint_id=endpoint.id,
        endpoint_name=endpoint.name,
        count=count,
        since=since,
        until=until,
    )


def _why_disabled(endpoint: Endpoint) -> str:
    if endpoint.disabled_by in (None, DisabledBy.OWNER):
        return f"switched off by {endpoint.updated_by}: its events are not tracked"
    return f"disabled by us: {endpoint.status_reason}"
