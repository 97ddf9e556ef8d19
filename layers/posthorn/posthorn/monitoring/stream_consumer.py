"""From a batch of LogTable's stream to statistics and jobs: each fact once (design.md §5)."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from posthorn.aws.stream_counters import Addition
from posthorn.deliveries import stream as transitions
from posthorn.deliveries.stream import Change, EventRecorded, Transition
from posthorn.jobs.progress import JobProgress
from posthorn.monitoring.counters import Cell, counted
from posthorn.monitoring.stats_store import StatsStore


@dataclass(frozen=True)
class Counted:
    """What a batch had: facts, and records that could not be read and are not counted."""

    facts: int
    rows: int
    unreadable: tuple[int, ...]  # sequence numbers


@dataclass(frozen=True)
class Counting:
    stats: StatsStore
    jobs: JobProgress

    def count(self, shard: str, changes: Iterable[Change]) -> Counted:
        """Count one batch of a shard, whole or again; raise UnavailableError to get it again.

        A record that cannot be read is told of and passed over: it would hold up its shard for a
        day, and be lost then.
        """
        facts, unreadable = _facts(changes)
        batch: defaultdict[Cell, list[Addition]] = defaultdict(list)
        for number, fact in facts:
            for cell, counts in counted(fact):
                batch[cell].append(Addition(number, counts, fact.expires_at))
        self.stats.add(shard, batch)
        self.jobs.count(shard, [(n, fact) for n, fact in facts if isinstance(fact, Transition)])
        return Counted(len(facts), len(batch), tuple(unreadable))


def _facts(
    changes: Iterable[Change],
) -> tuple[list[tuple[int, EventRecorded | Transition]], list[int]]:
    facts: list[tuple[int, EventRecorded | Transition]] = []
    unreadable: list[int] = []
    for change in changes:
        try:
            fact = transitions.read(change)
        except Exception:  # noqa: BLE001 - whatever is wrong with one record is no other's affair
            unreadable.append(change.sequence_number)
        else:
            if fact:
                facts.append((change.sequence_number, fact))
    return facts, unreadable
