"""From a batch of LogTable's stream to statistics and jobs: each fact once (design.md §5)."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from posthorn.aws.stream_counters import Increment
from posthorn.deliveries import stream as transitions
from posthorn.deliveries.stream import EventRecorded, StreamChange, Transition
from posthorn.jobs.progress import JobTracker
from posthorn.monitoring.counters import StatsKey, counted
from posthorn.monitoring.stats_store import StatsStore


@dataclass(frozen=True)
class CountedBatch:
    """What a batch had: facts, and records that could not be read and are not counted."""

    facts: int
    rows: int
    unreadable: tuple[int, ...]  # sequence numbers


@dataclass(frozen=True)
class StreamConsumer:
    stats: StatsStore
    jobs: JobTracker

    def count(self, shard: str, changes: Iterable[StreamChange]) -> CountedBatch:
        """Count one batch of a shard, whole or again; raise UnavailableError to get it again.

        A record that cannot be read is told of and passed over: it would hold up its shard for a
        day, and be lost then.
        """
        facts, unreadable = _facts(changes)
        batch: defaultdict[StatsKey, list[Increment]] = defaultdict(list)
        for number, fact in facts:
            for cell, counts in counted(fact):
                batch[cell].append(Increment(number, counts, fact.expires_at))
        self.stats.add(shard, batch)
        self.jobs.count(shard, [(n, fact) for n, fact in facts if isinstance(fact, Transition)])
        return CountedBatch(len(facts), len(batch), tuple(unreadable))


def _facts(
    changes: Iterable[StreamChange],
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
