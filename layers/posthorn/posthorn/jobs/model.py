"""A job: many deliveries replayed, drained, discarded or exported, one slice after the other.

Pure: what a job is, and what each thing that happens makes of it. A slice is fixed before the first
of its deliveries is touched, and doing it again makes the same of it: so every delivery of the job
is counted once, wherever a step of it dies.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil

from pydantic import Field

from posthorn.core.errors import ConflictError, InvalidError, Violation
from posthorn.deliveries.filters import DeliveryFilter
from posthorn.models import (
    Delivery,
    DeliveryStatus,
    Endpoint,
    EndpointStatus,
    Model,
    TenantId,
    Time,
)

SLOWEST, FASTEST = 0.1, 100  # deliveries a second
SLICE_SECONDS = 10  # what one slice lasts, where that is not too many for one step
MOST_IN_SLICE = 200
# A dispatcher that read an endpoint before it was enabled holds deliveries for as long as it runs
# (60 s), and its index shows them a little later.
SECOND_LOOK = timedelta(seconds=90)
# A step of a cancelled job that is under way has ended by then (JobFunction.Timeout is 60 s).
LAST_STEP = timedelta(seconds=60)
MOST_STALLS = 5


class JobKind(StrEnum):
    REPLAY = "replay"  # deliver again
    DRAIN = "drain"  # deliver what was held
    DISCARD = "discard"  # cancel what was held
    EXPORT = "export"  # write them to a file


OF_HELD = frozenset({JobKind.DRAIN, JobKind.DISCARD})
# The rate is there to spare endpoints, and these call none.
_UNPACED = frozenset({JobKind.DISCARD, JobKind.EXPORT})


class JobStatus(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"  # each of its deliveries has come to an end
    CANCELLED = "cancelled"
    FAILED = "failed"  # no step of it gets through


class Skipped(StrEnum):
    """Why a delivery that was counted is not started."""

    GONE = "gone"  # its log has expired, or its payload was erased
    BEING_ATTEMPTED = "being_attempted"
    CHANGED = "changed"  # it is no longer what the filter asks for
    ENDPOINT_DELETED = "endpoint_deleted"
    ENDPOINT_NOT_ENABLED = "endpoint_not_enabled"


class Job(Model):
    """What was asked for, by whom, and how far it has come. Never changed in place: see below."""

    id: str
    tenant: TenantId
    kind: JobKind
    wanted: DeliveryFilter
    rate_per_second: float = Field(default=10, ge=SLOWEST, le=FASTEST)
    status: JobStatus = JobStatus.RUNNING
    reason: str | None = None
    matched: int  # counted before it began
    counted_all: bool = True  # else there are more than were counted
    started: int = 0
    skipped: dict[Skipped, int] = Field(default={})
    slices: int = 0  # that are done, and counted above
    position: str | None = None  # where the next slice begins, in terms of the kind
    looks_again_at: Time | None = None  # for deliveries held while the endpoint was being enabled
    run: int = 1  # the execution that is at work, counted from 1
    stalls: int = 0  # runs in a row that ended without a slice
    next_step_at: Time | None = None  # none: no execution is at work on it, or needs to be
    all_started_at: Time | None = None
    created_at: Time
    created_by: str
    updated_at: Time
    finished_at: Time | None = None
    expires_at: Time  # the log forgets it then
    revision: int = 1  # grows with every write

    @property
    def is_starting(self) -> bool:
        """Whether it still starts deliveries; else it waits for those that it started."""
        return self.status is JobStatus.RUNNING and self.all_started_at is None

    @property
    def is_second_look(self) -> bool:
        return self.kind in OF_HELD and self.looks_again_at is None

    @property
    def to_start(self) -> int:
        """Deliveries that were counted and not reached yet."""
        if self.all_started_at or self.status is JobStatus.CANCELLED:
            return 0
        return max(0, self.matched - self.started - sum(self.skipped.values()))

    @property
    def slice_size(self) -> int:
        if self.kind in _UNPACED:
            return MOST_IN_SLICE
        return min(MOST_IN_SLICE, ceil(self.rate_per_second * SLICE_SECONDS))

    def after(self, deliveries: int) -> timedelta:
        """How long so many deliveries last at the job's rate."""
        if self.kind in _UNPACED:
            return timedelta()
        return timedelta(seconds=deliveries / self.rate_per_second)

    def ended(self, counted: "JobCounts") -> "JobCounts":
        """What became of its deliveries, as counted; what an export has written, it has done."""
        if self.kind is JobKind.EXPORT:
            return JobCounts(succeeded=self.started)
        return counted


def wanted_by(kind: JobKind, wanted: DeliveryFilter, now: datetime) -> DeliveryFilter:
    """What a job of this kind is about; InvalidError when that is nothing it could do.

    Other jobs are of what is in the log when they begin: what comes later is not their affair.
    """
    if kind in OF_HELD:
        if wanted.status not in (None, DeliveryStatus.HELD):
            message = f"a {kind} is of what is held"
            raise InvalidError.of([Violation("/filter/status", message)])
        return wanted.model_copy(update={"status": DeliveryStatus.HELD})
    if wanted == DeliveryFilter():
        message = f"name at least one field: no {kind} of all deliveries by mistake"
        raise InvalidError.of([Violation("/filter", message)])
    return wanted.model_copy(update={"until": min(wanted.until or now, now)})


class JobCounts(Model):
    """What became of the deliveries that a job started."""

    succeeded: int = 0
    failed: int = 0  # dead
    cancelled: int = 0
    held: int = 0  # its endpoint was paused or disabled meanwhile
    taken_over: int = 0  # by a resend or another job, before they came to an end

    @property
    def finished(self) -> int:
        return self.succeeded + self.failed + self.cancelled + self.held + self.taken_over


@dataclass(frozen=True)
class Slice:
    """What a step came to. The same slice comes to the same, however often it is done."""

    number: int
    size: int
    started: int
    skipped: Mapping[Skipped, int]
    position: str
    is_last: bool


_ENDS = {
    DeliveryStatus.SUCCEEDED: "succeeded",
    DeliveryStatus.DEAD: "failed",
    DeliveryStatus.CANCELLED: "cancelled",
    DeliveryStatus.HELD: "held",
}


def reason_to_skip(
    job: Job, delivery: Delivery | None, endpoint: Endpoint | None
) -> Skipped | None:
    """Why the job leaves this delivery alone; None where it does not."""
    if delivery is None:
        return Skipped.GONE
    if job.status is JobStatus.CANCELLED or not job.wanted.matches(delivery):
        return Skipped.CHANGED
    if job.kind is JobKind.DISCARD:
        return None
    if endpoint is None:
        return Skipped.ENDPOINT_DELETED
    if endpoint.status is not EndpointStatus.ENABLED:
        return Skipped.ENDPOINT_NOT_ENABLED
    return None


def sliced(job: Job, done: Slice, *, began: datetime, now: datetime) -> Job:
    """The job with one more slice done; as it is when somebody else has noted that slice."""
    if job.slices != done.number - 1:
        return job
    # What was skipped is seen again at the second look; what a cancelled job leaves is not skipped.
    is_skipped = job.status is not JobStatus.CANCELLED and not job.is_second_look
    skipped = Counter(job.skipped) + Counter(done.skipped if is_skipped else {})
    after = _changed(
        job,
        now,
        slices=done.number,
        position=done.position,
        started=job.started + done.started,
        skipped=dict(skipped),
        stalls=0,
    )
    if job.status is JobStatus.CANCELLED:
        return _changed(after, now, next_step_at=None)
    if job.status is not JobStatus.RUNNING:
        return after
    if not done.is_last:
        return _changed(after, now, next_step_at=began + job.after(done.size))
    if job.looks_again_at:
        again_at = max(job.looks_again_at, began + job.after(done.size))
        return _changed(after, now, position=None, looks_again_at=None, next_step_at=again_at)
    return _all_started(after, now)


def _all_started(job: Job, now: datetime) -> Job:
    """The job at the end of its range. What it counted and did not meet again has changed."""
    reached = job.started + sum(job.skipped.values())
    skipped = Counter(job.skipped) + Counter({Skipped.CHANGED: max(0, job.matched - reached)})
    return _changed(
        job,
        now,
        matched=max(job.matched, reached),
        counted_all=True,
        skipped=dict(skipped),
        all_started_at=now,
        next_step_at=None,
    )


def finished(job: Job, progress: JobCounts, now: datetime) -> Job:
    """The job as completed, if all of its deliveries were started and came to an end."""
    if job.status is not JobStatus.RUNNING or job.all_started_at is None:
        return job
    if job.ended(progress).finished < job.started:
        return job
    return _changed(job, now, status=JobStatus.COMPLETED, finished_at=now)


def paused(job: Job, now: datetime, *, by: str) -> Job:
    """The job with its next slice put off; the execution ends by itself when it finds that."""
    if job.status is JobStatus.PAUSED:
        return job
    _check_starting(job)
    return _changed(job, now, status=JobStatus.PAUSED, reason=f"paused by {by}", next_step_at=None)


def resumed(job: Job, now: datetime) -> Job:
    if job.is_starting:
        return job
    if job.status not in (JobStatus.PAUSED, JobStatus.FAILED):
        raise ConflictError(f"the job is {job.status}", code="job_not_paused")
    running = {"status": JobStatus.RUNNING, "reason": None, "stalls": 0, "finished_at": None}
    return _changed(job, now, **running, run=job.run + 1, next_step_at=now)


def cancelled(job: Job, now: datetime, *, by: str) -> Job:
    """The job ended. A slice that is under way is counted by one last step."""
    if job.status is JobStatus.CANCELLED:
        return job
    if job.status is not JobStatus.PAUSED:
        _check_starting(job)
    return _changed(
        job,
        now,
        status=JobStatus.CANCELLED,
        reason=f"cancelled by {by}",
        run=job.run + (job.status is JobStatus.PAUSED),
        next_step_at=now + LAST_STEP,
        finished_at=now,
    )


def at_rate(job: Job, rate_per_second: float, now: datetime) -> Job:
    """The job at another rate, from its next slice on."""
    if job.status is not JobStatus.PAUSED:
        _check_starting(job)
    return _changed(job, now, rate_per_second=rate_per_second)


def in_next_run(job: Job, now: datetime) -> Job:
    """The job in the hands of another execution: the history of one may not grow for ever."""
    return _changed(job, now, run=job.run + 1)


def restarted(job: Job, now: datetime) -> Job:
    """The job after its execution was lost: in a new one, unless one after the other fails."""
    if job.status is JobStatus.CANCELLED:
        return _changed(job, now, next_step_at=None)
    if job.stalls < MOST_STALLS:
        return _changed(job, now, run=job.run + 1, stalls=job.stalls + 1, next_step_at=now)
    reason = f"no step got through in {MOST_STALLS + 1} runs"
    return _changed(
        job, now, status=JobStatus.FAILED, reason=reason, next_step_at=None, finished_at=now
    )


def counted(before: Delivery | None, after: Delivery) -> Iterator[tuple[str, Counter[str]]]:
    """Yield what a delivery's transition adds to which job's Progress.

    A delivery counts once for a job: when its run for that job ends, or another one begins.
    """
    was_open = before is not None and before.status not in _ENDS
    if before and before.job_id and before.job_id != after.job_id and was_open:
        yield before.job_id, Counter(["taken_over"])
    is_another = before is None or before.job_id != after.job_id
    if after.job_id and after.status in _ENDS and (is_another or was_open):
        yield after.job_id, Counter([_ENDS[after.status]])


def _check_starting(job: Job) -> None:
    if job.status is JobStatus.RUNNING and job.all_started_at:
        raise ConflictError(
            "all of its deliveries are on their way: nothing is left to stop",
            code="job_all_started",
        )
    if job.status is not JobStatus.RUNNING:
        raise ConflictError(f"the job is {job.status}", code="job_not_running")


def _changed(job: Job, now: datetime, **changes: object) -> Job:
    return job.model_copy(update={**changes, "updated_at": now})
