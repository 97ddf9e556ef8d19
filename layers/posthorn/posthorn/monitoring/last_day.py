"""The statistics of a tenant's last 24 hours, by one read: for event types and for warnings."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from posthorn.monitoring.counters import Counts, StatsKey, hour_of
from posthorn.monitoring.stats_store import StatsStore
from posthorn.monitoring.stats_views import success_rate

HOURS = 24


@dataclass(frozen=True)
class LastDay:
    """The current hour and the 23 before it, from `since` on; the rows by event type."""

    since: datetime
    rows: Mapping[str, Sequence[tuple[StatsKey, Counts]]]

    @staticmethod
    def read(
        stats: StatsStore, tenant: str, now: datetime, *, max_rows: int | None = None
    ) -> "LastDay | None":
        """None when there are more than `max_rows`."""
        until = hour_of(now) + timedelta(hours=1)
        since = until - timedelta(hours=HOURS)
        rows: defaultdict[str, list[tuple[StatsKey, Counts]]] = defaultdict(list)
        for number, (key, counts) in enumerate(stats.rows(tenant, since, until)):
            if number == max_rows:
                return None
            rows[key.event_type].append((key, counts))
        return LastDay(since, rows)

    def deliveries_by_hour(self, event_type: str) -> tuple[int, ...]:
        by_hour = [0] * HOURS
        for key, counts in self.rows.get(event_type, ()):
            by_hour[(key.hour - self.since) // timedelta(hours=1)] += counts["created"]
        return tuple(by_hour)

    def success_rate(self, event_type: str) -> float | None:
        total = Counts()
        for _, counts in self.rows.get(event_type, ()):
            total.update(counts)
        return success_rate(total)

    def refused(self) -> Counter[str]:
        """The numbers of refused publications, by event type."""
        return Counter(
            {
                event_type: count
                for event_type, rows in self.rows.items()
                if (count := sum(counts["refused"] for _, counts in rows))
            }
        )

    def died(self) -> dict[str, Counter[str]]:
        """The numbers of deliveries that died, by endpoint and event type."""
        died: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for rows in self.rows.values():
            for key, counts in rows:
                if counts["died"]:
                    died[key.endpoint_id][key.event_type] += counts["died"]
        return died
