"""Jobs as the API reads and shows them."""

from datetime import datetime

from pydantic import Field

from posthorn.core import api_examples
from posthorn.deliveries.filters import DeliveryFilter, StatusClass
from posthorn.endpoints.views import EndpointView
from posthorn.jobs.export import ExportView
from posthorn.jobs.model import FASTEST, SLOWEST, Job, JobCounts, JobKind, JobStatus, Skipped
from posthorn.jobs.service import HeldAction
from posthorn.models import DeliveryStatus, Model, Outcome, Time

DEFAULT_RATE = 10


class JobFilter(Model):
    """Selects deliveries, with the filters of their list. Deliveries of tests never match."""

    endpoint: str | None = None
    event_type: str | None = None
    event_id: str | None = None
    status: DeliveryStatus | None = None
    outcome: Outcome | None = None
    status_code: StatusClass | None = None
    since: Time | None = None
    until: Time | None = None

    @property
    def delivery_filter(self) -> DeliveryFilter:
        shared = self.model_dump(exclude={"endpoint", "status_code"})
        endpoint_ids = (self.endpoint,) if self.endpoint else ()
        return DeliveryFilter(**shared, endpoint_ids=endpoint_ids, status_class=self.status_code)


class JobCountSpec(Model):
    """The deliveries to count, for a job of this kind."""

    model_config = api_examples.shown({"filter": api_examples.JOB_FILTER})

    kind: JobKind = JobKind.REPLAY
    filter: JobFilter


class JobSpec(JobCountSpec):
    """A job to start, with the deliveries it starts per second."""

    model_config = api_examples.shown(api_examples.JOB_SPEC)

    kind: JobKind
    rate_per_second: float = Field(default=DEFAULT_RATE, ge=SLOWEST, le=FASTEST)


class JobPatch(Model):
    """The field of a job that can be changed."""

    model_config = api_examples.shown({"rate_per_second": 2})

    rate_per_second: float = Field(ge=SLOWEST, le=FASTEST)


class ResumeSpec(Model):
    """The decision about the deliveries that were held."""

    model_config = api_examples.shown({"held": "drain", "rate_per_second": 10})

    held: HeldAction
    rate_per_second: float = Field(default=DEFAULT_RATE, ge=SLOWEST, le=FASTEST)


class JobView(Model):
    """The state of a job. First it starts or skips each of the `matched` deliveries, until
    `all_started_at`. Each started delivery then ends in one of the five counts that follow.
    """

    model_config = api_examples.shown(api_examples.JOB)

    id: str
    kind: JobKind
    status: JobStatus
    reason: str | None
    filter: JobFilter
    rate_per_second: float
    matched: int
    counted_all: bool = Field(description="False when more deliveries match than `matched`")
    started: int = Field(description="Queued for their attempt; exported, for an export")
    skipped: int = Field(description="Not eligible any more when their turn came")
    skipped_reasons: dict[Skipped, int]
    succeeded: int
    failed: int = Field(description="Dead: all retries are used up")
    cancelled: int
    held: int
    taken_over: int = Field(description="By a resend or another job, before they ended")
    left: int = Field(description="Not started yet, or started and not ended")
    eta_at: Time | None = Field(description="When the last one will be started, at this rate")
    all_started_at: Time | None
    created_at: Time
    created_by: str
    updated_at: Time
    finished_at: Time | None
    export: ExportView | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description="Only for an export, and only when the job is read by its id",
    )


class ResumedView(Model):
    """The endpoint, and the job for its held deliveries; null when these are kept."""

    model_config = api_examples.shown({"endpoint": api_examples.ENDPOINT, "job": api_examples.JOB})

    endpoint: EndpointView
    job: JobView | None


def job_view(
    job: Job, counts: JobCounts, now: datetime, *, export: ExportView | None = None
) -> JobView:
    results = job.results(counts)
    computed = {"filter", "skipped", "skipped_reasons", "left", "eta_at", "export"}
    kept = JobView.model_fields.keys() - computed - JobCounts.model_fields.keys()
    return JobView(
        **{name: getattr(job, name) for name in kept},
        **results.model_dump(),
        filter=_job_filter(job.filter),
        skipped=sum(job.skipped.values()),
        skipped_reasons=job.skipped,
        left=job.to_start + max(0, job.started - results.finished),
        eta_at=_eta(job, now),
        export=export,
    )


def _job_filter(filter: DeliveryFilter) -> JobFilter:
    endpoint = filter.endpoint_ids[0] if filter.endpoint_ids else None
    shared = filter.model_dump(exclude={"endpoint_ids", "status_class", "test", "order"})
    return JobFilter(**shared, endpoint=endpoint, status_code=filter.status_class)


def _eta(job: Job, now: datetime) -> datetime | None:
    if not job.is_starting or not job.counted_all or job.kind is JobKind.EXPORT:
        return None
    return now + job.duration(job.to_start)
