"""The steps of jobs, as the executions of statemachines/job.asl.json call them.

Independent of the kinds of jobs. An execution is named after the job and the number of its run, so
starting it twice is harmless; it ends when the job is at a later run.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from math import ceil

from posthorn.aws.step_functions import StateMachine
from posthorn.core.errors import NotFoundError
from posthorn.jobs import transitions
from posthorn.jobs.model import BatchOutcome, Job, JobKind
from posthorn.jobs.store import JobStore
from posthorn.jobs.tracker import JobTracker
from posthorn.models import Model, TenantId

# An execution's history is limited to 25,000 events: a step makes ten, a failed try of it four.
STEPS_IN_RUN = 1000
# Step Functions may call a step late, and a step takes up to a minute.
OVERDUE = timedelta(minutes=3)


class JobRun(Model):
    """The state of an execution: its job, and how long it waits before the next step."""

    tenant: TenantId
    job_id: str
    run: int
    steps: int = 0
    wait_seconds: int = 1
    done: bool = False


@dataclass(frozen=True)
class JobExecutions:
    machine: StateMachine

    def start(self, job: Job) -> None:
        """Start the execution of the job's current run, unless it was started before."""
        run = JobRun(tenant=job.tenant, job_id=job.id, run=job.run)
        self.machine.start(f"{job.id}-{job.run}", run.model_dump(mode="json"))


@dataclass(frozen=True)
class StepResult:
    """One step, for the log: `job` is None when it has expired, `batch` when none was due."""

    run: JobRun
    job: Job | None
    batch: BatchOutcome | None = None


@dataclass(frozen=True)
class JobRunner:
    jobs: JobStore
    executions: JobExecutions
    tracker: JobTracker
    kinds: Mapping[JobKind, Callable[[Job], BatchOutcome]]
    now: Callable[[], datetime]

    def step(self, run: JobRun) -> StepResult:
        """Do the job's next batch if it is due. A step that failed anywhere may be repeated."""
        began = self.now()
        job = self.jobs.job(run.tenant, run.job_id)
        if job is None or job.next_step_at is None:
            # The step that ended the job may have failed before it could complete it.
            return self._ended(run, job and self.tracker.complete(job.tenant, job.id))
        if job.run != run.run:
            self.executions.start(job)
            return self._ended(run, job)
        if began < job.next_step_at:
            return StepResult(self._waiting(run, job.next_step_at), job)
        done = self.kinds[job.kind](job)
        change = partial(transitions.after_batch, done=done, began=began, now=self.now())
        after = self.jobs.change(job.tenant, job.id, change)
        if after.next_step_at is None:
            return self._ended(run, self.tracker.complete(job.tenant, job.id), done)
        if run.steps + 1 >= STEPS_IN_RUN and after.run == run.run:
            return self._ended(run, self._handed_on(after), done)
        ahead = run.model_copy(update={"steps": run.steps + 1})
        return StepResult(self._waiting(ahead, after.next_step_at), after, done)

    def _handed_on(self, job: Job) -> Job:
        after = self.jobs.change(
            job.tenant, job.id, partial(transitions.in_next_run, now=self.now())
        )
        self.executions.start(after)
        return after

    def _waiting(self, run: JobRun, until: datetime) -> JobRun:
        seconds = ceil((until - self.now()).total_seconds())
        return run.model_copy(update={"wait_seconds": max(1, seconds)})

    def _ended(self, run: JobRun, job: Job | None, done: BatchOutcome | None = None) -> StepResult:
        return StepResult(run.model_copy(update={"done": True}), job, done)


@dataclass(frozen=True)
class JobRecovery:
    """For the sweeper: continues jobs whose execution was lost."""

    jobs: JobStore
    executions: JobExecutions
    now: Callable[[], datetime]

    def restarted_ids(self) -> list[str]:
        """Start an execution for each job whose step is overdue, and return their ids."""
        now = self.now()
        found = list(self.jobs.overdue(now - OVERDUE))
        restarted = []
        for tenant, job_id in found:
            with suppress(NotFoundError):  # it has expired, and its row of the index not yet
                self._restart(tenant, job_id, now)
                restarted.append(job_id)
        return restarted

    def _restart(self, tenant: str, job_id: str, now: datetime) -> None:
        def change(job: Job) -> Job:
            is_overdue = job.next_step_at is not None and job.next_step_at < now - OVERDUE
            return transitions.restarted(job, now) if is_overdue else job

        after = self.jobs.change(tenant, job_id, change)
        if after.next_step_at is not None:
            self.executions.start(after)
