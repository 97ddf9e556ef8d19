"""How jobs look from outside: what is asked for them, and how they stand."""

from datetime import datetime

from pydantic import Field

from posthorn.core import api_examples as examples
from posthorn.deliveries.filters import DeliveryFilter, StatusClass
from posthorn.endpoints.views import EndpointView
from posthorn.jobs.export import ExportView
from posthorn.jobs.model import FASTEST, SLOWEST, Job, JobCounts, JobKind, JobStatus, Skipped
from posthorn.jobs.service import HeldAction
from posthorn.models import DeliveryStatus, Model, Outcome, Time

DEFAULT_RATE = 10


class JobFilter(Model):
    """Which deliveries, as the list of deliveries is filtered. Tests are never among them."""

    endpoint: str | None = None
    event_type: str | None = None
    event_id: str | None = None
    status: DeliveryStatus | None = None
    outcome: Outcome | None = None
    status_code: StatusClass | None = None
    since: Time | None = None
    until: Time | None = None

    @property
    def wanted(self) -> DeliveryFilter:
        shared = self.model_dump(exclude={"endpoint", "status_code"})
        endpoint_ids = (self.endpoint,) if self.endpoint else ()
        return DeliveryFilter(**shared, endpoint_ids=endpoint_ids, status_class=self.status_code)


class JobCountSpec(Model):
    """What a job would be about."""

    model_config = examples.shown({"filter": examples.JOB_FILTER})

    kind: JobKind = JobKind.REPLAY
    filter: JobFilter


class JobSpec(JobCountSpec):
    """What a job is to do, and how fast."""

    model_config = examples.shown(examples.JOB_SPEC)

    kind: JobKind
    rate_per_second: float = Field(default=DEFAULT_RATE, ge=SLOWEST, le=FASTEST)


class JobPatch(Model):
    """What may be changed of a job that is under way."""

    model_config = examples.shown({"rate_per_second": 2})

    rate_per_second: float = Field(ge=SLOWEST, le=FASTEST)


class ResumeSpec(Model):
    """What becomes of the deliveries that were held."""

    model_config = examples.shown({"held": "drain", "rate_per_second": 10})

    held: HeldAction
    rate_per_second: float = Field(default=DEFAULT_RATE, ge=SLOWEST, le=FASTEST)


class JobView(Model):
    """How a job stands. First it starts its deliveries: `matched` counts down to `started` and
    `skipped`, until `all_started_at`. Each then ends as one of the five numbers that follow.
    """

    model_config = examples.shown(examples.JOB)

    id: str
    kind: JobKind
    status: JobStatus
    reason: str | None
    filter: JobFilter
    rate_per_second: float
    matched: int
    counted_all: bool = Field(description="False while there are more than `matched`")
    started: int = Field(description="Put on their way, or written")
    skipped: int = Field(description="Not eligible when their turn came")
    skipped_reasons: dict[Skipped, int]
    succeeded: int
    failed: int = Field(description="Dead: all retries are used up")
    cancelled: int
    held: int
    taken_over: int = Field(description="By a resend or another job, before they ended")
    left: int = Field(description="To be started, or started and not ended")
    eta_at: Time | None = Field(description="When the last one will be started, at this rate")
    all_started_at: Time | None
    created_at: Time
    created_by: str
    updated_at: Time
    finished_at: Time | None
    export: ExportView | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description="There when the job is an export, and read alone",
    )


class ResumedView(Model):
    """The endpoint as it is now, and the job for what was held; none where that is kept."""

    model_config = examples.shown({"endpoint": examples.ENDPOINT, "job": examples.JOB})

    endpoint: EndpointView
    job: JobView | None


def of_job(
    job: Job, counted: JobCounts, now: datetime, *, export: ExportView | None = None
) -> JobView:
    progress = job.ended(counted)
    kept = (
        "id",
        "kind",
        "status",
        "reason",
        "rate_per_second",
        "matched",
        "counted_all",
        "started",
    )
    times = ("all_started_at", "created_at", "created_by", "updated_at", "finished_at")
    return JobView(
        **{name: getattr(job, name) for name in (*kept, *times)},
        **progress.model_dump(),
        filter=_filter(job.wanted),
        skipped=sum(job.skipped.values()),
        skipped_reasons=job.skipped,
        left=job.to_start + max(0, job.started - progress.finished),
        eta_at=_eta(job, now),
        export=export,
    )


def _filter(wanted: DeliveryFilter) -> JobFilter:
    endpoint = wanted.endpoint_ids[0] if wanted.endpoint_ids else None
    shared = wanted.model_dump(exclude={"endpoint_ids", "status_class", "test", "order"})
    return JobFilter(**shared, endpoint=endpoint, status_code=wanted.status_class)


def _eta(job: Job, now: datetime) -> datetime | None:
    if not job.is_starting or not job.counted_all or job.kind is JobKind.EXPORT:
        return None
    return now + job.after(job.to_start)
