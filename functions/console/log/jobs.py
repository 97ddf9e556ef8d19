"""The pages of jobs: count, start, progress, pause, resume and cancel."""

import secrets
from dataclasses import replace

from aws_lambda_powertools import Logger

from console.log import job_words
from console.log.filters import LogFilters, of_wanted
from console.pages.names import endpoint_names
from console.web.answer import Page, fragment, page, redirect
from console.web.errors import NO_ERRORS, FieldErrors
from console.web.request import Fields, PageRequest
from console.web.routing import Result, Router
from posthorn import wiring
from posthorn.core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    Violation,
)
from posthorn.deliveries.filters import DeliveryFilter, Order, WithTests
from posthorn.jobs import views as job_views
from posthorn.jobs.model import FASTEST, SLOWEST, Job, JobKind, JobStatus
from posthorn.jobs.store import JobRequest
from posthorn.jobs.transitions import filter_for
from posthorn.jobs.views import DEFAULT_RATE, JobView
from posthorn.models import Scope
from posthorn.tenants.console_sessions import Session

JOBS, JOB = "/console/jobs", "/console/jobs/{id}"
SHOWN = 25
_MOVING = frozenset({JobStatus.RUNNING, JobStatus.PAUSED})
logger = Logger()
router = Router()


@router.get(JOBS, needs=Scope.LOGS_READ)
def show_all(visitor: Session, request: PageRequest) -> Result:
    cursor = request.query.get("cursor")
    found, following = wiring.jobs().jobs(visitor.tenant, limit=SHOWN, cursor=cursor or None)
    jobs = [(job_views.job_view(*each, wiring.now()), each[0].filter) for each in found]
    endpoints = {each for _, wanted in jobs for each in wanted.endpoint_ids}
    names = endpoint_names(visitor.tenant, endpoints)
    return page(
        "jobs.html",
        jobs=[(view, of_wanted(wanted, names)) for view, wanted in jobs],
        words_of=job_words,
        older=f"{JOBS}?cursor={following}" if following else "",
        newest=JOBS if cursor else "",
        may_act=visitor.may(Scope.DELIVERIES_WRITE),
    )


@router.get(f"{JOBS}/new", needs=Scope.DELIVERIES_WRITE)
def count_first(visitor: Session, request: PageRequest) -> Result:
    """The number of deliveries that a replay with these filters would send."""
    return _new(visitor, request.query)


@router.post(JOBS, needs=Scope.DELIVERIES_WRITE)
def start(visitor: Session, request: PageRequest) -> Result:
    """Start the counted job; the form's idempotency key starts only one, however often sent."""
    try:
        wanted = _replayed(LogFilters.read(request.form))
        job = wiring.jobs().start(
            visitor.tenant,
            JobKind.REPLAY,
            wanted,
            rate_per_second=_rate(request.form),
            by=visitor.key_id,
            asked=JobRequest(f"console {request.form.get('key')}", wanted.model_dump_json()),
        )
    except (InvalidError, ConflictError) as refusal:
        return _new(visitor, request.form, refusal)
    _log("job started", job, visitor)
    return redirect(f"{JOBS}/{job.id}", flash="The replay has begun.")


@router.get(JOB, needs=Scope.LOGS_READ)
def show(visitor: Session, request: PageRequest) -> Result:
    return _page(visitor, request.params["id"])


@router.get(f"{JOB}/live", needs=Scope.LOGS_READ)
def live(visitor: Session, request: PageRequest) -> Result:
    """The current page, for the script."""
    return fragment("job_live.html", **_page(visitor, request.params["id"]).values)


@router.post(f"{JOB}/{{verb}}", needs=Scope.DELIVERIES_WRITE)
def act(visitor: Session, request: PageRequest) -> Result:
    """Pause, resume or cancel it, or change its rate."""
    id, verb, jobs = request.params["id"], request.params["verb"], wiring.jobs()
    try:
        match verb:
            case "pause":
                job = jobs.pause(visitor.tenant, id, by=visitor.key_id)
            case "resume":
                job = jobs.resume(visitor.tenant, id)
            case "cancel":
                job = jobs.cancel(visitor.tenant, id, by=visitor.key_id)
            case "rate":
                job = jobs.change_rate(visitor.tenant, id, _rate(request.form))
            case _:
                raise NotFoundError("there is no such page")
    except (ConflictError, InvalidError) as refusal:
        return _page(visitor, id, refusal)
    _log("job changed", job, visitor)
    return redirect(f"{JOBS}/{id}", flash=job_words.DONE[verb])


def _page(visitor: Session, id: str, refusal: ConflictError | InvalidError | None = None) -> Page:
    job, progress = wiring.jobs().job(visitor.tenant, id)
    names = endpoint_names(visitor.tenant, job.filter.endpoint_ids)
    may_act = visitor.may(Scope.DELIVERIES_WRITE)
    view = job_views.job_view(job, progress, wiring.now())
    return page(
        "job.html",
        status=refusal.status if refusal else 200,
        job=view,
        about=of_wanted(job.filter, names),
        in_log=LogFilters.of(job.filter).query(),
        words_of=job_words,
        can=_possible(job) if may_act else frozenset(),
        refused=job_words.refusal(refusal) if refusal else "",
        rates=(SLOWEST, FASTEST),
        live=f"{JOBS}/{job.id}/live" if _is_moving(view) else "",
    )


def _possible(job: Job) -> frozenset[str]:
    """The actions that its status allows."""
    if job.status is JobStatus.PAUSED:
        return frozenset({"resume", "cancel", "rate"})
    if job.status is JobStatus.FAILED:
        return frozenset({"resume"})
    return frozenset({"pause", "cancel", "rate"}) if job.is_starting else frozenset()


def _is_moving(view: JobView) -> bool:
    """Deliveries that a cancelled job has started continue, too."""
    return view.status in _MOVING or view.left > 0


def _new(
    visitor: Session, sent: Fields, refusal: InvalidError | ConflictError | None = None
) -> Page:
    if not visitor.may(Scope.LOGS_READ):
        raise ForbiddenError(f"this needs the scope {Scope.LOGS_READ}, too")
    counted, errors, fixed = None, NO_ERRORS, LogFilters.read(sent)
    about: list[str] = []
    try:
        wanted = _replayed(fixed)
        fixed = LogFilters.of(wanted)
        about = of_wanted(wanted, endpoint_names(visitor.tenant, wanted.endpoint_ids))
        counted = wiring.jobs().count(visitor.tenant, JobKind.REPLAY, wanted)
    except InvalidError as broken:
        errors = FieldErrors.of(broken)
    if isinstance(refusal, InvalidError):
        errors = FieldErrors.of(refusal)
    return page(
        "job_new.html",
        status=refusal.status if refusal else 422 if errors else 200,
        errors=errors,
        refused=refusal.detail if isinstance(refusal, ConflictError) else "",
        filters=fixed,
        about=about,
        counted=counted,
        rate=sent.get("rate") or f"{DEFAULT_RATE:g}",
        rates=(SLOWEST, FASTEST),
        key=sent.get("key") or secrets.token_hex(16),
        back=f"/console/log?{replace(fixed, as_of='').query()}",
    )


def _replayed(filters: LogFilters) -> DeliveryFilter:
    """The filter of the replay: up to now, so that it equals the count; never tests."""
    if filters.q:
        message = "a text is not what a replay goes by: use the other filters"
        raise InvalidError.of([Violation("q", message)])
    now = wiring.now()
    plain = {"test": WithTests.EXCLUDE, "order": Order.NEWEST}
    return filter_for(JobKind.REPLAY, filters.wanted(now).model_copy(update=plain), now)


def _rate(form: Fields) -> float:
    message = f"is a number from {SLOWEST:g} to {FASTEST:g}"
    try:
        rate = float(form.get("rate").replace(",", "."))
    except ValueError:
        raise InvalidError.of([Violation("rate", message)]) from None
    if not SLOWEST <= rate <= FASTEST:
        raise InvalidError.of([Violation("rate", message)])
    return rate


def _log(message: str, job: Job, visitor: Session) -> None:
    logger.info(
        message,
        tenant=visitor.tenant,
        job_id=job.id,
        key_id=visitor.key_id,
        kind=job.kind,
        status=job.status,
        filter=job.filter.model_dump(mode="json", exclude_defaults=True),
        rate_per_second=job.rate_per_second,
        matched=job.matched,
    )
