"""The sweeper: what is overdue goes back on RetryQueue (design.md §3).

A wake-up that Step Functions, a deploy or a bug lost is found here. Sending one that was not lost
is harmless: the first message to claim the delivery makes the attempt, the others find it made.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from posthorn.aws.sqs import Queue
from posthorn.core.errors import UnavailableError
from posthorn.deliveries.store import LogStore

# A wake-up may be a little late by itself: Step Functions, then the queue, then a busy dispatcher.
GRACE = timedelta(minutes=2)
# What one run puts back: a backlog that is merely slow is not doubled every five minutes.
MOST_PER_RUN = 1000


@dataclass(frozen=True)
class SweepResult:
    """What one run found. `more` says that it stopped at its limit."""

    requeued: int
    more: bool
    restarted: tuple[str, ...]  # ids of jobs


@dataclass(frozen=True)
class Sweeper:
    log: LogStore
    retry_queue: Queue
    restart_jobs: Callable[[], Sequence[str]]  # ids of the jobs that it started again
    now: Callable[[], datetime]

    def sweep(self) -> SweepResult:
        """Put back what is overdue by GRACE, and start anew jobs whose execution was lost.

        Raise UnavailableError if SQS did not take all.
        """
        overdue = self.log.due_before(self.now() - GRACE)
        tasks = list(islice(overdue, MOST_PER_RUN))
        if self.retry_queue.send_all(tasks):
            raise UnavailableError("the queue did not take all that is overdue")
        more = next(overdue, None) is not None
        restarted = tuple(self.restart_jobs())
        return SweepResult(requeued=len(tasks), more=more, restarted=restarted)
