"""What became of the deliveries that jobs started, and when a job is completed by that.

A row of counts stands beside each job, under `job#{job id}`; LogTable's stream feeds it.
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
from posthorn.jobs import model as job
from posthorn.jobs.model import Job, JobCounts
from posthorn.jobs.store import JobStore


@dataclass(frozen=True)
class JobTracker:
    jobs: JobStore
    tallies: StreamCounters
    now: Callable[[], datetime]

    def of(self, job_ids: list[str]) -> dict[str, JobCounts]:
        found = self.tallies.read([_row(each) for each in job_ids])
        return {each: JobCounts(**found.get(_row(each), Counter())) for each in job_ids}

    def count(self, shard: str, facts: Iterable[tuple[int, Transition]]) -> None:
        """Count a batch of one shard, whole or again, and complete the jobs that it ended."""
        batch: defaultdict[CounterRow, list[Increment]] = defaultdict(list)
        touched: dict[str, str] = {}  # tenants by job
        for number, fact in facts:
            for job_id, counts in job.counted(fact.before, fact.after):
                touched[job_id] = fact.after.tenant
                batch[_row(job_id)].append(Increment(number, counts, fact.expires_at))
        self.tallies.add(shard, batch)
        for job_id, tenant in touched.items():
            with suppress(NotFoundError):  # it has expired
                self._settle(tenant, job_id)

    def settle(self, of: Job) -> Job:
        """Complete the job if all of its deliveries were started and came to an end.

        Asked by whoever wrote the last of both, starts and ends, so one of the two sees it.
        """
        return self._settle(of.tenant, of.id)

    def _settle(self, tenant: str, job_id: str) -> Job:
        progress = self.of([job_id])[job_id]
        change = partial(job.finished, progress=progress, now=self.now())
        return self.jobs.change(tenant, job_id, change)


def _row(job_id: str) -> CounterRow:
    return CounterRow(f"job#{job_id}", "progress")
