"""Rows of counts in LogTable that each record of its stream adds to exactly once.

A shard's records come in order, one batch at a time, and again when a batch failed or its end was
not heard of. So a row keeps, for each shard, the last record that it counts: what comes again, in
whatever pieces, is told by its number (docs/decisions.md).
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from posthorn.aws.dynamodb import ConditionFailed, Table
from posthorn.core.errors import UnavailableError
from posthorn.models import Item, expiry, read_expiry

WRITE_TRIES = 20  # against the other shards that write to the same row
# A shard lives for about four hours, so this many are those of a week of one, or a day of six.
SHARDS_KEPT = 40
READ_AT_ONCE = 100  # the most that BatchGetItem takes


class CounterRow(NamedTuple):
    """The key of a row."""

    pk: str
    sk: str

    @property
    def key(self) -> Item:
        return {"pk": self.pk, "sk": self.sk}


@dataclass(frozen=True)
class Increment:
    """What one record of the stream adds to a row, and until when what it tells of is kept."""

    sequence_number: int
    counts: Counter[str]
    expires_at: datetime


@dataclass(frozen=True)
class StreamCounters:
    table: Table

    def add(self, shard: str, batch: Mapping[CounterRow, Sequence[Increment]]) -> None:
        """Add a batch of one shard; raise UnavailableError when a row cannot be written.

        Rows written before that stay. Adding the batch again counts only what is not counted yet.
        """
        rows = list(batch)
        for start in range(0, len(rows), READ_AT_ONCE):
            these = rows[start : start + READ_AT_ONCE]
            found = self._read(these)
            for row in these:
                self._add(row, shard, batch[row], found.get(row))

    def read(self, rows: Sequence[CounterRow]) -> dict[CounterRow, Counter[str]]:
        """The counts of those rows that there are, consistently."""
        found: dict[CounterRow, Counter[str]] = {}
        for start in range(0, len(rows), READ_AT_ONCE):
            read = self._read(rows[start : start + READ_AT_ONCE])
            found |= {row: counts_of(item) for row, item in read.items()}
        return found

    def _read(self, rows: Sequence[CounterRow]) -> dict[CounterRow, Item]:
        read = self.table.get_many([each.key for each in rows])
        return {CounterRow(item["pk"], item["sk"]): item for item in read}

    def _add(
        self, row: CounterRow, shard: str, additions: Sequence[Increment], item: Item | None
    ) -> None:
        for _ in range(WRITE_TRIES):
            if (changed := _with(additions, shard, row, item)) is None:
                return
            try:
                if item is None:
                    self.table.put(changed, condition="attribute_not_exists(#pk)")
                else:
                    seen = {"seen": item["version"]}
                    self.table.put(changed, condition="#version = :seen", values=seen)
            except ConditionFailed:
                item = self._read([row]).get(row)
            else:
                return
        raise UnavailableError("a row of counts is written by too many at once")


def counts_of(item: Item) -> Counter[str]:
    return Counter(json.loads(item["counts"]))


def _with(
    additions: Sequence[Increment], shard: str, row: CounterRow, item: Item | None
) -> Item | None:
    """The row with those of the additions that it does not count yet; None when it counts all."""
    counts = counts_of(item) if item else Counter()
    shards: dict[str, str] = json.loads(item["shards"]) if item else {}
    last = int(shards.pop(shard, -1))
    new = [each for each in additions if each.sequence_number > last]
    if not new:
        return None
    for each in new:
        counts.update(each.counts)
    shards[shard] = str(new[-1].sequence_number)
    # It outlives the deliveries that it counts, which move to their end.
    expires_at = max(each.expires_at for each in new) + timedelta(days=1)
    if item:
        expires_at = max(expires_at, read_expiry(item))
    return {
        **row.key,
        "counts": _json({name: count for name, count in counts.items() if count}),
        "shards": _json(dict(list(shards.items())[-SHARDS_KEPT:])),
        "version": item["version"] + 1 if item else 1,
        **expiry(expires_at),
    }


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))
