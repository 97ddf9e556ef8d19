"""The rules of jobs: the job that follows from each event.

A batch is fixed before its first delivery is changed, and repeating a batch has the same result: so
every delivery of a job is counted once, wherever one of its steps fails.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from posthorn.core.errors import ConflictError, InvalidError
from posthorn.deliveries.filters import DeliveryFilter
from posthorn.jobs.model import OF_HELD, BatchOutcome, Job, JobCounts, JobKind, JobStatus, Skipped
from posthorn.models import Delivery, DeliveryStatus, Endpoint, EndpointStatus

# A step of a cancelled job that is under way has ended by then (JobFunction.Timeout is 60 s).
LAST_STEP = timedelta(seconds=60)
MAX_STALLS = 5
_ENDS = {
    DeliveryStatus.SUCCEEDED: "succeeded",
    DeliveryStatus.DEAD: "failed",
    DeliveryStatus.CANCELLED: "cancelled",
    DeliveryStatus.HELD: "held",
}


def filter_for(kind: JobKind, filter: DeliveryFilter, now: datetime) -> DeliveryFilter:
    """The filter that a job of this kind works with; InvalidError when it allows none.

    A drain or discard is restricted to held deliveries, and takes those that are held while it
    runs. The others end at `now`.
    """
    if kind in OF_HELD:
        if filter.status not in (None, DeliveryStatus.HELD):
            raise InvalidError.at("/filter/status", f"must be held, or left out, for a {kind}")
        return filter.model_copy(update={"status": DeliveryStatus.HELD})
    if filter == DeliveryFilter():
        message = "needs at least one field: a job without one would affect all deliveries"
        raise InvalidError.at("/filter", message)
    return filter.model_copy(update={"until": min(filter.until or now, now)})


def reason_to_skip(
    job: Job, delivery: Delivery | None, endpoint: Endpoint | None
) -> Skipped | None:
    """Why the job does not start this delivery; None when it does."""
    if delivery is None:
        return Skipped.GONE
    if job.status is JobStatus.CANCELLED or not job.filter.matches(delivery):
        return Skipped.CHANGED
    if job.kind is JobKind.DISCARD:
        return None
    if endpoint is None:
        return Skipped.ENDPOINT_DELETED
    if endpoint.status is not EndpointStatus.ENABLED:
        return Skipped.ENDPOINT_NOT_ENABLED
    return None


def after_batch(job: Job, done: BatchOutcome, *, began: datetime, now: datetime) -> Job:
    """The job with one more batch done; unchanged when that batch was counted before."""
    if job.batches != done.number - 1:
        return job
    # The second look examines skipped deliveries again; a cancelled job skips nothing.
    is_skipped = job.status is not JobStatus.CANCELLED and not job.is_second_look
    skipped = Counter(job.skipped) + Counter(done.skipped if is_skipped else {})
    after = _changed(
        job,
        now,
        batches=done.number,
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
        return _changed(after, now, next_step_at=began + job.duration(done.size))
    if job.looks_again_at:
        again_at = max(job.looks_again_at, began + job.duration(done.size))
        return _changed(after, now, position=None, looks_again_at=None, next_step_at=again_at)
    return _all_started(after, now)


def _all_started(job: Job, now: datetime) -> Job:
    """The job at the end of its range. A counted delivery that it did not reach has changed."""
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


def completed_if_finished(job: Job, counts: JobCounts, now: datetime) -> Job:
    """The job as completed, if all of its deliveries were started and have ended."""
    if job.status is not JobStatus.RUNNING or job.all_started_at is None:
        return job
    if job.results(counts).finished < job.started:
        return job
    return _changed(job, now, status=JobStatus.COMPLETED, finished_at=now)


def paused(job: Job, now: datetime, *, by: str) -> Job:
    """The job without a next step; its execution ends when it reads that."""
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
    """The job as ended. One last step counts the batch that is under way."""
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
    """The job at another rate, from its next batch on."""
    if job.status is not JobStatus.PAUSED:
        _check_starting(job)
    return _changed(job, now, rate_per_second=rate_per_second)


def in_next_run(job: Job, now: datetime) -> Job:
    """The job in another execution: the history of one is limited."""
    return _changed(job, now, run=job.run + 1)


def restarted(job: Job, now: datetime) -> Job:
    """The job after its execution was lost: in a new one, or failed after MAX_STALLS of them."""
    if job.status is JobStatus.CANCELLED:
        return _changed(job, now, next_step_at=None)
    if job.stalls < MAX_STALLS:
        return _changed(job, now, run=job.run + 1, stalls=job.stalls + 1, next_step_at=now)
    reason = f"no step succeeded in {MAX_STALLS + 1} runs"
    return _changed(
        job, now, status=JobStatus.FAILED, reason=reason, next_step_at=None, finished_at=now
    )


def counts_of(before: Delivery | None, after: Delivery) -> Iterator[tuple[str, Counter[str]]]:
    """Yield job ids, each with the JobCounts that a delivery's transition adds to it.

    A delivery counts once for a job: when its run for that job ends, or when another run begins.
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
            "all deliveries of the job are started, so it cannot be stopped or slowed down",
            code="job_all_started",
        )
    if job.status is not JobStatus.RUNNING:
        raise ConflictError(f"the job is {job.status}", code="job_not_running")


def _changed(job: Job, now: datetime, **changes: object) -> Job:
    return job.model_copy(update={**changes, "updated_at": now})
