"""The statistics in LogTable: one row a cell, written exactly once for each record of the stream.

    stats#{tenant}#{day}    {endpoint id}#{hour}#{event type}

A shard's records come in order, one batch at a time, and again when a batch failed or its end was
not heard of. So a row keeps, for each shard, the last record that it counts: what comes again, in
whatever pieces, is told by its number (docs/decisions.md).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from posthorn import items
from posthorn.counters import Cell, Counts
from posthorn.errors import UnavailableError
from posthorn.tables import ConditionFailed, Item, Table

WRITE_TRIES = 20  # against the other shards that write to the same row
# A shard lives for about four hours, so this many are those of a week of one, or a day of six.
SHARDS_KEPT = 40
READ_AT_ONCE = 100  # the most that BatchGetItem takes


@dataclass(frozen=True)
class Addition:
    """What one record of the stream adds to a row, and until when what it tells of is kept."""

    sequence_number: int
    counts: Counts
    expires_at: datetime


@dataclass(frozen=True)
class StatsStore:
    table: Table

    def add(self, shard: str, batch: Mapping[Cell, Sequence[Addition]]) -> None:
        """Add a batch of one shard; raise UnavailableError when a row cannot be written.

        Rows written before that stay. Adding the batch again counts only what is not counted yet.
        """
        cells = list(batch)
        for start in range(0, len(cells), READ_AT_ONCE):
            these = cells[start : start + READ_AT_ONCE]
            rows = self._read(these)
            for cell in these:
                self._add(cell, shard, batch[cell], rows.get(cell))

    def _read(self, cells: list[Cell]) -> dict[Cell, Item]:
        return {_cell(row): row for row in self.table.get_many([_key(each) for each in cells])}

    def _add(self, cell: Cell, shard: str, additions: Sequence[Addition], row: Item | None) -> None:
        for _ in range(WRITE_TRIES):
            if (changed := _with(additions, shard, cell, row)) is None:
                return
            try:
                if row is None:
                    self.table.put(changed, condition="attribute_not_exists(#pk)")
                else:
                    seen = {"seen": row["version"]}
                    self.table.put(changed, condition="#version = :seen", values=seen)
            except ConditionFailed:
                row = self._read([cell]).get(cell)
            else:
                return
        raise UnavailableError("a row of the statistics is written by too many at once")

    def rows(
        self, tenant: str, since: datetime, until: datetime, *, endpoint_id: str | None = None
    ) -> Iterator[tuple[Cell, Counts]]:
        """Yield the rows of the hours from `since` to before `until`, in no order."""
        since = since.astimezone(UTC)
        for days in range((until.astimezone(UTC).date() - since.date()).days + 1):
            condition, values = "#pk = :pk", {"pk": _day(tenant, since + timedelta(days=days))}
            if endpoint_id:
                condition += " AND begins_with(#sk, :endpoint)"
                values["endpoint"] = f"{endpoint_id}#"
            for row in self.table.query(condition, values):
                cell = _cell(row)
                if since <= cell.hour < until:
                    yield cell, _counts(row)


def _with(additions: Sequence[Addition], shard: str, cell: Cell, row: Item | None) -> Item | None:
    """The row with those of the additions that it does not count yet; None when it counts all."""
    counts = _counts(row) if row else Counts()
    shards: dict[str, str] = json.loads(row["shards"]) if row else {}
    last = int(shards.pop(shard, -1))
    new = [each for each in additions if each.sequence_number > last]
    if not new:
        return None
    for each in new:
        counts.update(each.counts)
    shards[shard] = str(new[-1].sequence_number)
    # It outlives the deliveries that it counts, which move to their end.
    expires_at = max(each.expires_at for each in new) + timedelta(days=1)
    expiry = items.expiry(max(expires_at, items.read_expiry(row)) if row else expires_at)
    return {
        **_key(cell),
        "counts": _json({name: count for name, count in counts.items() if count}),
        "shards": _json(dict(list(shards.items())[-SHARDS_KEPT:])),
        "version": row["version"] + 1 if row else 1,
        **expiry,
    }


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))


def _day(tenant: str, moment: datetime) -> str:
    return f"stats#{tenant}#{moment:%Y-%m-%d}"


def _key(cell: Cell) -> Item:
    return {
        "pk": _day(cell.tenant, cell.hour),
        "sk": f"{cell.endpoint_id}#{cell.hour:%H}#{cell.event_type}",
    }


def _cell(row: Item) -> Cell:
    _, tenant, day = row["pk"].split("#")
    endpoint_id, hour, event_type = row["sk"].split("#")
    return Cell(
        tenant, datetime.fromisoformat(f"{day}T{hour}:00:00+00:00"), endpoint_id, event_type
    )


def _counts(row: Item) -> Counts:
    return Counts(json.loads(row["counts"]))
