"""The consumer of LogTable's stream: it counts each fact once, for statistics and jobs."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from posthorn.aws.stream_counters import Increment
from posthorn.deliveries import stream
from posthorn.deliveries.stream import Fact, StreamChange, Transition
from posthorn.jobs.tracker import JobTracker
from posthorn.monitoring.counters import StatsKey, counted
from posthorn.monitoring.stats_store import StatsStore


@dataclass(frozen=True)
class CountedBatch:
    """The result of a batch: its counted facts, the rows written, and its unreadable records."""

    facts: int
    rows: int
    unreadable: tuple[int, ...]  # sequence numbers


@dataclass(frozen=True)
class StreamConsumer:
    stats: StatsStore
    jobs: JobTracker

    def count(self, shard: str, changes: Iterable[StreamChange]) -> CountedBatch:
        """Count one batch of a shard; UnavailableError means that the batch must be repeated.

        An unreadable record is reported and skipped: it would block its shard for a day, and then
        be lost anyway.
        """
        facts, unreadable = _facts(changes)
        batch: defaultdict[StatsKey, list[Increment]] = defaultdict(list)
        for number, fact in facts:
            for key, counts in counted(fact):
                batch[key].append(Increment(number, counts, fact.expires_at))
        self.stats.add(shard, batch)
        self.jobs.count(shard, [(n, fact) for n, fact in facts if isinstance(fact, Transition)])
        return CountedBatch(len(facts), len(batch), tuple(unreadable))


def _facts(
    changes: Iterable[StreamChange],
) -> tuple[list[tuple[int, Fact]], list[int]]:
    facts: list[tuple[int, Fact]] = []
    unreadable: list[int] = []
    for change in changes:
        try:
            fact = stream.read(change)
        except Exception:  # noqa: BLE001 - one unreadable record must not stop the others
            unreadable.append(change.sequence_number)
        else:
            if fact:
                facts.append((change.sequence_number, fact))
    return facts, unreadable
