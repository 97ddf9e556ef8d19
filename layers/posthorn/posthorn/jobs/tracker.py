"""The results of the deliveries that jobs started, and the completion of jobs.

Each job has a row of counts under `job#{job id}`, which LogTable's stream updates.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from posthorn.aws.stream_counters import CounterRow, Increment, StreamCounters
from posthorn.core.errors import NotFoundError
from posthorn.deliveries.stream import Transition
from posthorn.jobs import transitions
from posthorn.jobs.model import Job, JobCounts
from posthorn.jobs.store import JobStore


@dataclass(frozen=True)
class JobTracker:
    jobs: JobStore
    counters: StreamCounters
    now: Callable[[], datetime]

    def counts(self, job_ids: list[str]) -> dict[str, JobCounts]:
        found = self.counters.read([_row(each) for each in job_ids])
        return {each: JobCounts(**found.get(_row(each), Counter())) for each in job_ids}

    def count(self, shard: str, facts: Iterable[tuple[int, Transition]]) -> None:
        """Count a batch of one shard, once however often it comes, and complete finished jobs."""
        batch: defaultdict[CounterRow, list[Increment]] = defaultdict(list)
        touched: dict[str, str] = {}  # tenants by job
        for number, fact in facts:
            for job_id, counts in transitions.counts_of(fact.before, fact.after):
                touched[job_id] = fact.after.tenant
                batch[_row(job_id)].append(Increment(number, counts, fact.expires_at))
        self.counters.add(shard, batch)
        for job_id, tenant in touched.items():
            with suppress(NotFoundError):  # it has expired
                self.complete(tenant, job_id)

    def complete(self, tenant: str, job_id: str) -> Job:
        """Complete the job if all of its deliveries were started and have ended.

        Called after the last start and after the last end, so one of the two calls sees both.
        """
        counts = self.counts([job_id])[job_id]
        change = partial(transitions.completed_if_finished, counts=counts, now=self.now())
        return self.jobs.change(tenant, job_id, change)


def _row(job_id: str) -> CounterRow:
    return CounterRow(f"job#{job_id}", "progress")
