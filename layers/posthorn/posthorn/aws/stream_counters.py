"""Counters in LogTable, incremented exactly once by each record of its stream.

Lambda delivers the records of a shard in order, and repeats a batch that failed. So a row stores,
for each shard, the sequence number of the last counted record, and skips records up to that
(docs/decisions.md).
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

WRITE_TRIES = 20  # other shards write to the same row
# A shard lasts about four hours: 40 are a week of one shard, or a day of six.
SHARDS_KEPT = 40
READ_AT_ONCE = 100  # the limit of BatchGetItem


class CounterRow(NamedTuple):
    """The key of a row."""

    pk: str
    sk: str

    @property
    def key(self) -> Item:
        return {"pk": self.pk, "sk": self.sk}


@dataclass(frozen=True)
class Increment:
    """The counts that one record adds to a row, and the expiry of the record's item."""

    sequence_number: int
    counts: Counter[str]
    expires_at: datetime


@dataclass(frozen=True)
class StreamCounters:
    table: Table

    def add(self, shard: str, batch: Mapping[CounterRow, Sequence[Increment]]) -> None:
        """Add a batch of one shard; raise UnavailableError.

        Rows written before the error keep their counts; repeating the batch adds the others.
        """
        rows = list(batch)
        for start in range(0, len(rows), READ_AT_ONCE):
            chunk = rows[start : start + READ_AT_ONCE]
            found = self._read(chunk)
            for row in chunk:
                self._add(row, shard, batch[row], found.get(row))

    def read(self, rows: Sequence[CounterRow]) -> dict[CounterRow, Counter[str]]:
        """The counts of the existing rows, read consistently."""
        found: dict[CounterRow, Counter[str]] = {}
        for start in range(0, len(rows), READ_AT_ONCE):
            read = self._read(rows[start : start + READ_AT_ONCE])
            found |= {row: counts_of(item) for row, item in read.items()}
        return found

    def _read(self, rows: Sequence[CounterRow]) -> dict[CounterRow, Item]:
        read = self.table.get_many([each.key for each in rows])
        return {CounterRow(item["pk"], item["sk"]): item for item in read}

    def _add(
        self, row: CounterRow, shard: str, increments: Sequence[Increment], item: Item | None
    ) -> None:
        for _ in range(WRITE_TRIES):
            if (changed := _incremented(row, item, shard, increments)) is None:
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
        raise UnavailableError("a row of counts has too many concurrent writes")


def counts_of(item: Item) -> Counter[str]:
    return Counter(json.loads(item["counts"]))


def _incremented(
    row: CounterRow, item: Item | None, shard: str, increments: Sequence[Increment]
) -> Item | None:
    """The row with the increments that it does not count yet; None if it counts all."""
    counts = counts_of(item) if item else Counter()
    shards: dict[str, str] = json.loads(item["shards"]) if item else {}
    last = int(shards.pop(shard, -1))
    new = [each for each in increments if each.sequence_number > last]
    if not new:
        return None
    for each in new:
        counts.update(each.counts)
    shards[shard] = str(new[-1].sequence_number)
    # The row outlasts its deliveries, which may change until they expire.
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
