"""Tenants' endpoints and limits, kept in an execution environment while their stamp is unchanged.

Every change of a tenant's endpoints moves a stamp on the tenant's item (aws/config_table). A batch
reads that item, once and consistently; the endpoints are read and parsed again only if the stamp
moved. With 1,000 endpoints that is 1 read unit for a batch instead of 375.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from posthorn.aws.config_table import ConfigStore
from posthorn.core.single_flight import SingleFlight
from posthorn.models import EffectiveLimits, Endpoint

# Bounds how long a health is unknown whose writer died before it moved the stamp.
MAX_AGE = timedelta(minutes=1)
TENANTS_KEPT = 100  # with 1,000 endpoints of 10 KB in memory each, a tenant is 10 MB


@dataclass(frozen=True)
class TenantConfig:
    """A tenant's limits, and its endpoints, oldest first, as they were when the batch read them."""

    limits: EffectiveLimits
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True)
class _Kept:
    stamp: int
    read_at: datetime
    endpoints: tuple[Endpoint, ...]


class TenantCache:
    def __init__(
        self, config: ConfigStore, stack: EffectiveLimits, now: Callable[[], datetime]
    ) -> None:
        self._config = config
        self._stack = stack
        self._now = now
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = Lock()

    def for_batch(self) -> Callable[[str], TenantConfig]:
        """A reader for the messages of one batch: each tenant is read once, when first asked for.

        So no change that was made before an event was published is missed.
        """
        return SingleFlight(self._read, size=TENANTS_KEPT)

    def _read(self, tenant_id: str) -> TenantConfig:
        tenant, stamp = self._config.stamped_tenant(tenant_id)
        now = self._now()
        with self._lock:
            kept = self._kept.get(tenant_id)
        if kept is None or kept.stamp != stamp or now - kept.read_at > MAX_AGE:
            kept = _Kept(stamp, now, tuple(self._config.endpoints(tenant_id)))
        with self._lock:
            self._kept[tenant_id] = kept
            self._kept.move_to_end(tenant_id)
            if len(self._kept) > TENANTS_KEPT:
                self._kept.popitem(last=False)
        return TenantConfig(self._stack.of(tenant), kept.endpoints)
