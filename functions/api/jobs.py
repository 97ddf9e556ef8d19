"""/v1/jobs: many deliveries at once, and /v1/endpoints/{id}/resume, which starts one."""

from typing import Annotated

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Path

from posthorn import wiring
from posthorn.core import api_examples as examples
from posthorn.endpoints import views as endpoints_views
from posthorn.http_api import requests as web
from posthorn.http_api.openapi import described
from posthorn.http_api.requests import Cursor, EndpointId, IfMatch, Limit
from posthorn.jobs import views as job_views
from posthorn.jobs.model import Job, JobCounts, JobKind
from posthorn.jobs.service import HeldAction, JobEstimate
from posthorn.jobs.store import JobRequest
from posthorn.jobs.views import JobCountSpec, JobPatch, JobSpec, JobView, ResumedView, ResumeSpec
from posthorn.models import Listed, Scope

logger = Logger()
router = Router()  # type: ignore[no-untyped-call] # its constructor has no annotations
JobId = Annotated[str, Path(description="A job's id", examples=[examples.JOB_ID])]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="idempotency-key",
        min_length=1,
        max_length=255,
        description="The same key starts one job, however often it is sent",
    ),
]


def _acting(scope: Scope) -> tuple[str, str]:
    return web.acting(router, wiring.config(), scope)


@router.post("/v1/jobs/count")
@described("Jobs", Scope.LOGS_READ)
def count_deliveries(spec: Annotated[JobCountSpec, Body()]) -> JobEstimate:
    """Count what a job would be about.

    It stops after ten thousand, or ten seconds, and says so.
    """
    tenant, _ = _acting(Scope.LOGS_READ)
    return wiring.jobs().count(tenant, spec.kind, spec.filter.wanted)


@router.post("/v1/jobs", status_code=201)
@described("Jobs", Scope.DELIVERIES_WRITE, "idempotency_key_reused", "too_many_jobs")
def start_job(spec: Annotated[JobSpec, Body()], idempotency_key: IdempotencyKey = None) -> JobView:
    """Start a job.

    A replay delivers again, with the whole retry policy of the endpoint for each delivery. A drain
    delivers what is held, a discard cancels it. They go endpoint by endpoint, oldest first, no
    faster than the rate. Deliveries that are being attempted, or whose endpoint is not enabled, are
    skipped; tests are never among them. A replay is of what is in the log when it begins.

    An export writes them to files, also those of deleted endpoints: as lines of JSON, each a
    delivery with its attempts and its event. For that, the key needs `logs:read` as well.
    """
    tenant, key_id = _acting(Scope.DELIVERIES_WRITE)
    if spec.kind is JobKind.EXPORT:
        _acting(Scope.LOGS_READ)
    job = wiring.jobs().start(
        tenant,
        spec.kind,
        spec.filter.wanted,
        rate_per_second=spec.rate_per_second,
        by=key_id,
        asked=JobRequest(idempotency_key, spec.model_dump_json()) if idempotency_key else None,
    )
    _log_change("job started", job, key_id)
    return _as_it_is(job)


@router.get("/v1/jobs")
@described("Jobs", Scope.LOGS_READ)
def list_jobs(limit: Limit = 50, cursor: Cursor = None) -> Listed[JobView]:
    """List jobs, newest first."""
    tenant, _ = _acting(Scope.LOGS_READ)
    page, next_cursor = wiring.jobs().jobs(tenant, limit=limit, cursor=cursor)
    return Listed[JobView](items=[_view(*each) for each in page], next_cursor=next_cursor)


@router.get("/v1/jobs/<id>")
@described("Jobs", Scope.LOGS_READ)
def read_job(id: JobId) -> JobView:
    """Read a job, with its progress; of an export, with links to its files."""
    tenant, _ = _acting(Scope.LOGS_READ)
    job, progress = wiring.jobs().job(tenant, id)
    now = wiring.now()
    export = wiring.exporting().view(job, now) if job.kind is JobKind.EXPORT else None
    return job_views.of_job(job, progress, now, export=export)


@router.patch("/v1/jobs/<id>")
@described("Jobs", Scope.DELIVERIES_WRITE, "job_all_started", "job_not_running")
def change_job(id: JobId, patch: Annotated[JobPatch, Body()]) -> JobView:
    """Change the rate of a job, from its next step on."""
    tenant, key_id = _acting(Scope.DELIVERIES_WRITE)
    return _changed(wiring.jobs().change_rate(tenant, id, patch.rate_per_second), key_id)


@router.post("/v1/jobs/<id>/pause")
@described("Jobs", Scope.DELIVERIES_WRITE, "job_all_started", "job_not_running")
def pause_job(id: JobId) -> JobView:
    """Pause a job. What it has put on its way goes on."""
    tenant, key_id = _acting(Scope.DELIVERIES_WRITE)
    return _changed(wiring.jobs().pause(tenant, id, by=key_id), key_id)


@router.post("/v1/jobs/<id>/resume")
@described("Jobs", Scope.DELIVERIES_WRITE, "job_not_paused", "too_many_jobs")
def resume_job(id: JobId) -> JobView:
    """Go on with a job that is paused, or that failed."""
    tenant, key_id = _acting(Scope.DELIVERIES_WRITE)
    return _changed(wiring.jobs().resume(tenant, id), key_id)


@router.post("/v1/jobs/<id>/cancel")
@described("Jobs", Scope.DELIVERIES_WRITE, "job_all_started", "job_not_running")
def cancel_job(id: JobId) -> JobView:
    """End a job. What it has put on its way goes on.

    Those can be cancelled one by one. `started` may grow by one more step within a minute.
    """
    tenant, key_id = _acting(Scope.DELIVERIES_WRITE)
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
    """Enable an endpoint again, and drain, discard or keep what was held for it.

    To drain or discard, the key needs `deliveries:write` as well. Asked again, it makes no second
    job.
    """
    tenant, key_id = _acting(Scope.CONFIG_WRITE)
    if spec.held is not HeldAction.KEEP:
        _acting(Scope.DELIVERIES_WRITE)
    endpoint, job = wiring.resuming().resume(
        tenant,
        id,
        spec.held,
        rate_per_second=spec.rate_per_second,
        by=key_id,
        expected_version=if_match,
    )
    if job:
        _log_change("job started", job, key_id)
    return ResumedView(
        endpoint=endpoints_views.of_endpoint(endpoint), job=_as_it_is(job) if job else None
    )


def _changed(job: Job, key_id: str) -> JobView:
    _log_change("job changed", job, key_id)
    return _as_it_is(job)


def _as_it_is(job: Job) -> JobView:
    return _view(*wiring.jobs().job(job.tenant, job.id))


def _view(job: Job, progress: JobCounts) -> JobView:
    return job_views.of_job(job, progress, wiring.now())


def _log_change(message: str, job: Job, key_id: str) -> None:
    """The entry for an audit: who did what; the job itself keeps what was asked for."""
    logger.info(
        message,
        tenant=job.tenant,
        job_id=job.id,
        key_id=key_id,
        kind=job.kind,
        status=job.status,
        filter=job.wanted.model_dump(mode="json", exclude_defaults=True),
        rate_per_second=job.rate_per_second,
        matched=job.matched,
    )
