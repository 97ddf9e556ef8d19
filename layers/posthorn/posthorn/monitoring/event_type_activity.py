"""How a tenant's event types did in the last 24 hours: one read of the statistics for all."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from posthorn.models import Endpoint, EndpointStatus
from posthorn.monitoring.counters import Counts, StatsKey, hour_of
from posthorn.monitoring.stats_store import StatsStore
from posthorn.monitoring.stats_views import success_rate

HOURS = 24
# A tenant with more rows a day than this is told without: a list of types has to be quick.
MOST_ROWS = 10_000


@dataclass(frozen=True)
class Activity:
    """The hours from `since` on; `rows` by event type, None where there are too many."""

    since: datetime
    rows: dict[str, list[tuple[StatsKey, Counts]]] | None

    @staticmethod
    def read(stats: StatsStore, tenant: str, now: datetime) -> "Activity":
        until = hour_of(now) + timedelta(hours=1)
        since = until - timedelta(hours=HOURS)
        found = list(islice(stats.rows(tenant, since, until), MOST_ROWS + 1))
        if len(found) > MOST_ROWS:
            return Activity(since, None)
        rows: defaultdict[str, list[tuple[StatsKey, Counts]]] = defaultdict(list)
        for cell, counts in found:
            rows[cell.event_type].append((cell, counts))
        return Activity(since, dict(rows))

    def deliveries_by_hour(self, event_type: str) -> tuple[int, ...] | None:
        if self.rows is None:
            return None
        by_hour = [0] * HOURS
        for cell, counts in self.rows.get(event_type, ()):
            by_hour[(cell.hour - self.since) // timedelta(hours=1)] += counts["created"]
        return tuple(by_hour)

    def success_rate(self, event_type: str) -> float | None:
        total = Counts()
        for _, counts in (self.rows or {}).get(event_type, ()):
            total.update(counts)
        return success_rate(total)

    def warning_count(self, event_type: str, endpoints: list[Endpoint]) -> int:
        """How many signs there are: an endpoint that fails, was disabled by us, has a certificate
        that expires soon, or has dead or held deliveries of the type. Each is one.
        """
        signs = sum(
            _is_in_trouble(each) + (each.health.certificate_expires_at is not None)
            for each in endpoints
        )
        rows = (self.rows or {}).get(event_type, ())
        dead = {cell.endpoint_id for cell, counts in rows if counts["died"]}
        held = {cell.endpoint_id for cell, counts in rows if counts["status.held"]}
        return signs + len(dead) + len(held)


def _is_in_trouble(endpoint: Endpoint) -> bool:
    is_disabled = endpoint.status is EndpointStatus.DISABLED
    return not endpoint.is_off and (is_disabled or endpoint.health.failing_since is not None)
