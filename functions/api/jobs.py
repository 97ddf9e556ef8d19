"""/v1/jobs: many deliveries at once; and /v1/endpoints/{id}/resume, which starts a job."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Path

from api.routing import acting, logger, router
from posthorn import wiring
from posthorn.core import api_examples
from posthorn.endpoints.views import endpoint_view
from posthorn.http_api.openapi import described
from posthorn.http_api.requests import Cursor, EndpointId, IfMatch, Limit
from posthorn.jobs.model import Job, JobCounts, JobKind
from posthorn.jobs.service import HeldAction, JobEstimate
from posthorn.jobs.store import JobRequest
from posthorn.jobs.views import (
    JobCountSpec,
    JobPatch,
    JobSpec,
    JobView,
    ResumedView,
    ResumeSpec,
    job_view,
)
from posthorn.models import Listed, Scope

JobId = Annotated[str, Path(description="A job's id", examples=[api_examples.JOB_ID])]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="idempotency-key",
        min_length=1,
        max_length=255,
        description="Requests with the same key start one job only",
    ),
]


@router.post("/v1/jobs/count")
@described("Jobs", Scope.LOGS_READ)
def count_deliveries(spec: Annotated[JobCountSpec, Body()]) -> JobEstimate:
    """Count the deliveries that a job would include.

    Counting stops at ten thousand, or after ten seconds; then `complete` is false.
    """
    tenant, _ = acting(Scope.LOGS_READ)
    return wiring.jobs().count(tenant, spec.kind, spec.filter.delivery_filter)


@router.post("/v1/jobs", status_code=201)
@described("Jobs", Scope.DELIVERIES_WRITE, "idempotency_key_reused", "too_many_jobs")
def start_job(spec: Annotated[JobSpec, Body()], idempotency_key: IdempotencyKey = None) -> JobView:
    """Start a job.

    A replay delivers again, with the endpoint's whole retry policy for each delivery. A drain
    delivers held deliveries, a discard cancels them. Jobs go endpoint by endpoint, oldest first, at
    the given rate or slower. They skip deliveries that are being attempted or whose endpoint is not
    enabled, and never include tests. A replay includes the deliveries that are in the log when it
    starts.

    An export writes deliveries to files, those of deleted endpoints included. A file has lines of
    JSON, each a delivery with its attempts and its event. The key also needs `logs:read`.
    """
    tenant, key_id = acting(Scope.DELIVERIES_WRITE)
    if spec.kind is JobKind.EXPORT:
        acting(Scope.LOGS_READ)
    job = wiring.jobs().start(
        tenant,
        spec.kind,
        spec.filter.delivery_filter,
        rate_per_second=spec.rate_per_second,
        by=key_id,
        asked=JobRequest(idempotency_key, spec.model_dump_json()) if idempotency_key else None,
    )
    _log_change("job started", job, key_id)
    return _current(job)


@router.get("/v1/jobs")
@described("Jobs", Scope.LOGS_READ)
def list_jobs(limit: Limit = 50, cursor: Cursor = None) -> Listed[JobView]:
    """List jobs, newest first."""
    tenant, _ = acting(Scope.LOGS_READ)
    page, next_cursor = wiring.jobs().jobs(tenant, limit=limit, cursor=cursor)
    return Listed[JobView](items=[_view(*each) for each in page], next_cursor=next_cursor)


@router.get("/v1/jobs/<id>")
@described("Jobs", Scope.LOGS_READ)
def read_job(id: JobId) -> JobView:
    """Read a job with its progress; an export with links to its files."""
    tenant, _ = acting(Scope.LOGS_READ)
    job, counts = wiring.jobs().job(tenant, id)
    now = wiring.now()
    export = wiring.exporter().view(job, now) if job.kind is JobKind.EXPORT else None
    return job_view(job, counts, now, export=export)


@router.patch("/v1/jobs/<id>")
@described("Jobs", Scope.DELIVERIES_WRITE, "job_all_started", "job_not_running")
def change_job(id: JobId, patch: Annotated[JobPatch, Body()]) -> JobView:
    """Change the rate of a job. It applies from the job's next batch on."""
    tenant, key_id = acting(Scope.DELIVERIES_WRITE)
    return _changed(wiring.jobs().change_rate(tenant, id, patch.rate_per_second), key_id)


@router.post("/v1/jobs/<id>/pause")
@described("Jobs", Scope.DELIVERIES_WRITE, "job_all_started", "job_not_running")
def pause_job(id: JobId) -> JobView:
    """Pause a job. Deliveries that it has started continue."""
    tenant, key_id = acting(Scope.DELIVERIES_WRITE)
    return _changed(wiring.jobs().pause(tenant, id, by=key_id), key_id)


@router.post("/v1/jobs/<id>/resume")
@described("Jobs", Scope.DELIVERIES_WRITE, "job_not_paused", "too_many_jobs")
def resume_job(id: JobId) -> JobView:
    """Continue a paused or failed job."""
    tenant, key_id = acting(Scope.DELIVERIES_WRITE)
    return _changed(wiring.jobs().resume(tenant, id), key_id)


@router.post("/v1/jobs/<id>/cancel")
@described("Jobs", Scope.DELIVERIES_WRITE, "job_all_started", "job_not_running")
def cancel_job(id: JobId) -> JobView:
    """Cancel a job. Deliveries that it has started continue.

    They can be cancelled one by one. `started` may grow by one more batch within a minute.
    """
    tenant, key_id = acting(Scope.DELIVERIES_WRITE)
    return _changed(wiring.jobs().cancel(tenant, id, by=key_id), key_id)


@router.post("/v1/endpoints/<id>/resume")
@described(
    "Jobs",
    Scope.CONFIG_WRITE,
    *("stale_version", "test_required", "too_many_jobs"),
)
def resume_endpoint(
    id: EndpointId, spec: Annotated[ResumeSpec, Body()], if_match: IfMatch = None
) -> ResumedView:
    """Enable an endpoint again, and drain, discard or keep its held deliveries.

    To drain or discard, the key also needs `deliveries:write`. A repeated request starts no second
    job.
    """
    tenant, key_id = acting(Scope.CONFIG_WRITE)
    if spec.held is not HeldAction.KEEP:
        acting(Scope.DELIVERIES_WRITE)
    endpoint, job = wiring.endpoint_resumer().resume(
        tenant,
        id,
        spec.held,
        rate_per_second=spec.rate_per_second,
        by=key_id,
        expected_version=if_match,
    )
    if job:
        _log_change("job started", job, key_id)
    return ResumedView(endpoint=endpoint_view(endpoint), job=_current(job) if job else None)


def _changed(job: Job, key_id: str) -> JobView:
    _log_change("job changed", job, key_id)
    return _current(job)


def _current(job: Job) -> JobView:
    return _view(*wiring.jobs().job(job.tenant, job.id))


def _view(job: Job, counts: JobCounts) -> JobView:
    return job_view(job, counts, wiring.now())


def _log_change(message: str, job: Job, key_id: str) -> None:
    """Write an audit entry: the key, the change and the job."""
    logger.info(
        message,
        tenant=job.tenant,
        job_id=job.id,
        key_id=key_id,
        kind=job.kind,
        status=job.status,
        filter=job.filter.model_dump(mode="json", exclude_defaults=True),
        rate_per_second=job.rate_per_second,
        matched=job.matched,
    )
