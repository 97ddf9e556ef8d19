"""The sweeper: put overdue deliveries back on RetryQueue.

It repairs wake-ups lost by Step Functions, a deployment or a bug. A duplicate is harmless: the
first message that claims the delivery makes the attempt, and the others find it made.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from posthorn.aws.sqs import Queue
from posthorn.core.errors import UnavailableError
from posthorn.deliveries.store import LogStore

# A wake-up may be late without being lost: Step Functions, the queue and a busy dispatcher add up.
GRACE = timedelta(minutes=2)
# Per run, so that a slow backlog is not doubled every five minutes.
MOST_PER_RUN = 1000


@dataclass(frozen=True)
class SweepResult:
    """The result of one run; `more` if it stopped at MOST_PER_RUN."""

    requeued: int
    more: bool
    restarted: tuple[str, ...]  # ids of jobs


@dataclass(frozen=True)
class Sweeper:
    log: LogStore
    retry_queue: Queue
    restart_jobs: Callable[[], Sequence[str]]  # returns the ids of restarted jobs
    now: Callable[[], datetime]

    def sweep(self) -> SweepResult:
        """Queue deliveries overdue by GRACE and restart jobs whose execution was lost.

        Raise UnavailableError if SQS did not accept all.
        """
        overdue = self.log.due_before(self.now() - GRACE)
        tasks = list(islice(overdue, MOST_PER_RUN))
        if self.retry_queue.send_all(tasks):
            raise UnavailableError("the queue did not accept all overdue deliveries")
        more = next(overdue, None) is not None
        restarted = tuple(self.restart_jobs())
        return SweepResult(requeued=len(tasks), more=more, restarted=restarted)
