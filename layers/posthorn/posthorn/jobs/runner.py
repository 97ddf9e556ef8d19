"""The engine of jobs: what an execution of statemachines/job.asl.json does each time it wakes up.

It knows nothing of what the steps of a kind do. An execution is named after the job and a number,
so that starting it twice is harmless; it ends when the job has gone on to the next number.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from math import ceil

from posthorn.aws.step_functions import StateMachine
from posthorn.jobs import model as job
from posthorn.jobs.model import Job, JobKind, Slice
from posthorn.jobs.progress import JobTracker
from posthorn.jobs.store import JobStore
from posthorn.models import Model, TenantId

# An execution's history takes 25,000 events: a step makes ten, a failed try of it four.
STEPS_IN_RUN = 1000
# The step of an execution may be a little late by itself, and take a minute.
OVERDUE = timedelta(minutes=3)


class JobRun(Model):
    """What goes round in an execution: whose step is next, and how long to wait before it."""

    tenant: TenantId
    job_id: str
    run: int
    steps: int = 0
    wait_seconds: int = 1
    done: bool = False


@dataclass(frozen=True)
class JobExecutions:
    """Executions of jobs. Starting one that was started is harmless."""

    machine: StateMachine

    def start(self, of: Job) -> None:
        run = JobRun(tenant=of.tenant, job_id=of.id, run=of.run)
        self.machine.start(f"{of.id}-{of.run}", run.model_dump(mode="json"))


@dataclass(frozen=True)
class StepResult:
    """What a step came to: the fact behind one log line."""

    run: JobRun
    job: Job | None
    slice: Slice | None = None


@dataclass(frozen=True)
class JobRunner:
    jobs: JobStore
    runs: JobExecutions
    progress: JobTracker
    kinds: Mapping[JobKind, Callable[[Job], Slice]]
    now: Callable[[], datetime]

    def step(self, run: JobRun) -> StepResult:
        """Do the job's next slice if it is due; whatever dies here may be called again."""
        began = self.now()
        of = self.jobs.job(run.tenant, run.job_id)
        if of is None or of.next_step_at is None:
            # The step that ended it may have died before it could settle it.
            return self._ended(run, of and self.progress.settle(of))
        if of.run != run.run:
            self.runs.start(of)
            return self._ended(run, of)
        if began < of.next_step_at:
            return StepResult(self._waiting(run, of.next_step_at), of)
        done = self.kinds[of.kind](of)
        note = partial(job.sliced, done=done, began=began, now=self.now())
        after = self.jobs.change(of.tenant, of.id, note)
        if after.next_step_at is None:
            return self._ended(run, self.progress.settle(after), done)
        if run.steps + 1 >= STEPS_IN_RUN and after.run == run.run:
            return self._ended(run, self._handed_on(after), done)
        ahead = run.model_copy(update={"steps": run.steps + 1})
        return StepResult(self._waiting(ahead, after.next_step_at), after, done)

    def _handed_on(self, of: Job) -> Job:
        after = self.jobs.change(of.tenant, of.id, partial(job.in_next_run, now=self.now()))
        self.runs.start(after)
        return after

    def _waiting(self, run: JobRun, until: datetime) -> JobRun:
        seconds = ceil((until - self.now()).total_seconds())
        return run.model_copy(update={"wait_seconds": max(1, seconds)})

    def _ended(self, run: JobRun, of: Job | None, done: Slice | None = None) -> StepResult:
        return StepResult(run.model_copy(update={"done": True}), of, done)


@dataclass(frozen=True)
class JobRecovery:
    """For the sweeper: jobs whose execution was lost go on in another one."""

    jobs: JobStore
    runs: JobExecutions
    now: Callable[[], datetime]

    def restarted_ids(self) -> list[str]:
        """Start an execution for each job whose step is overdue, and return their ids."""
        now = self.now()
        found = list(self.jobs.overdue(now - OVERDUE))
        for tenant, job_id in found:
            self._restart(tenant, job_id, now)
        return [job_id for _, job_id in found]

    def _restart(self, tenant: str, job_id: str, now: datetime) -> None:
        def anew(of: Job) -> Job:
            is_overdue = of.next_step_at is not None and of.next_step_at < now - OVERDUE
            return job.restarted(of, now) if is_overdue else of

        after = self.jobs.change(tenant, job_id, anew)
        if after.next_step_at is not None:
            self.runs.start(after)
