"""The statistics in LogTable: one row for each StatsKey, counting each stream record once.

stats#{tenant}#{day}    {endpoint id}#{hour}#{event type}
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from posthorn.aws.dynamodb import Table
from posthorn.aws.stream_counters import CounterRow, Increment, StreamCounters, counts_of
from posthorn.models import Item
from posthorn.monitoring.counters import Counts, StatsKey


@dataclass(frozen=True)
class StatsStore:
    table: Table

    def add(self, shard: str, batch: Mapping[StatsKey, Sequence[Increment]]) -> None:
        """Add a batch of one shard; UnavailableError when a row cannot be written."""
        rows = {_row(key): additions for key, additions in batch.items()}
        StreamCounters(self.table).add(shard, rows)

    def rows(
        self, tenant: str, since: datetime, until: datetime, *, endpoint_id: str | None = None
    ) -> Iterator[tuple[StatsKey, Counts]]:
        """Yield the rows of the hours from `since` to before `until`, unordered."""
        since = since.astimezone(UTC)
        for days in range((until.astimezone(UTC).date() - since.date()).days + 1):
            condition, values = "#pk = :pk", {"pk": _day(tenant, since + timedelta(days=days))}
            if endpoint_id:
                condition += " AND begins_with(#sk, :endpoint)"
                values["endpoint"] = f"{endpoint_id}#"
            for row in self.table.query(condition, values):
                key = _key(row)
                if since <= key.hour < until:
                    yield key, counts_of(row)


def _day(tenant: str, moment: datetime) -> str:
    return f"stats#{tenant}#{moment:%Y-%m-%d}"


def _row(key: StatsKey) -> CounterRow:
    sort_key = f"{key.endpoint_id}#{key.hour:%H}#{key.event_type}"
    return CounterRow(_day(key.tenant, key.hour), sort_key)


def _key(row: Item) -> StatsKey:
    _, tenant, day = row["pk"].split("#")
    endpoint_id, hour, event_type = row["sk"].split("#")
    return StatsKey(
        tenant, datetime.fromisoformat(f"{day}T{hour}:00:00+00:00"), endpoint_id, event_type
    )
