"""Queues waiting deliveries when their time comes: those of a cell, and those that are overdue.

A cell's execution calls `wake` when the cell begins. Once a minute `sweep` queues the deliveries
whose wake-up was lost, whether by Step Functions, a deployment or a failed start. Queueing one
twice is harmless: the first message to claim the delivery makes the attempt.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from posthorn.aws.sqs import Queue
from posthorn.core.errors import UnavailableError
from posthorn.deliveries.items import FIRST_TIME, DueTask, due_partitions
from posthorn.deliveries.store import LogStore
from posthorn.dispatch.retry_timer import seconds_until
from posthorn.models import Task, Trigger, iso

# A wake-up may be late without being lost: a second in Step Functions, then queue and dispatcher.
GRACE = timedelta(seconds=30)
# Rows of `due` that one call reads per shard: 20,000 tasks of 8 shards, in 2,000 calls of SQS.
MOST_PER_SHARD = 2500


@dataclass(frozen=True)
class WakeUp:
    """The result of one call: the tasks queued, and the sort key from which to continue, if any."""

    queued: int
    continue_from: str | None

    @property
    def more(self) -> bool:
        return self.continue_from is not None


@dataclass(frozen=True)
class SweepResult:
    """The result of one sweep; `more` if it stopped at its limit."""

    requeued: int
    more: bool
    restarted: tuple[str, ...]  # ids of jobs


@dataclass(frozen=True)
class Sweeper:
    log: LogStore
    retry_queue: Queue
    restart_jobs: Callable[[], Sequence[str]]  # returns the ids of restarted jobs
    pool: Executor
    now: Callable[[], datetime]
    most_per_shard: int = MOST_PER_SHARD

    def wake(self, begin: str, end: str) -> WakeUp:
        """Queue the deliveries due in `[begin, end)`, each with the delay to its own time.

        Both are times as `iso` writes them; `begin` may be the `continue_from` of the call before.
        Raise UnavailableError if SQS did not accept all.
        """
        found, continue_from = self._due(begin, end)
        now = self.now()
        self._send(
            [each.task for each in found], [seconds_until(each.due_at, now) for each in found]
        )
        return WakeUp(len(found), continue_from)

    def sweep(self) -> SweepResult:
        """Queue deliveries overdue by GRACE, and restart jobs whose execution was lost.

        Messages that RetryQueue still has are not doubled: as many are left to the next run. Raise
        UnavailableError if SQS did not accept all.
        """
        overdue, more = self._due(FIRST_TIME, iso(self.now() - GRACE))
        if overdue:
            overdue = overdue[self.retry_queue.depth(with_delayed=False) :]
        trigger = {"trigger": Trigger.SWEEPER}
        tasks = [each.task.model_copy(update=trigger) for each in overdue]
        self._send(tasks, [0] * len(tasks))
        return SweepResult(len(tasks), more is not None, tuple(self.restart_jobs()))

    def _due(self, begin: str, end: str) -> tuple[list[DueTask], str | None]:
        """The tasks due in the interval by time, and where to continue if a shard has more."""
        read = self.pool.map(
            lambda shard: list(islice(self.log.due(shard, begin, end), self.most_per_shard)),
            due_partitions(),
        )
        shards = list(read)
        full = [rows[-1].sort_key for rows in shards if len(rows) == self.most_per_shard]
        rows = sorted((row for rows in shards for row in rows), key=lambda row: row.sort_key)
        if not full:
            return rows, None
        last = min(full)
        return [row for row in rows if row.sort_key <= last], last + "#"  # the next sort key

    def _send(self, tasks: Sequence[Task], delays: Sequence[int]) -> None:
        if self.retry_queue.send_all(tasks, delays=delays, pool=self.pool):
            raise UnavailableError("the queue did not accept all due deliveries")
