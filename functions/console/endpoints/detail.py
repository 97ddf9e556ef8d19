"""The list of a tenant's endpoints, and the page of one: settings, status and test."""

from datetime import datetime
from urllib.parse import urlencode

from aws_lambda_powertools import Logger

from console.endpoints import preview_and_test, retry_plan
from console.endpoints.fields import placed
from console.endpoints.form import EndpointForm, version_sent
from console.endpoints.preview_and_test import Tried
from console.pages import wording
from console.web.answer import Page, fragment, page, redirect
from console.web.errors import NO_ERRORS, FieldErrors
from console.web.request import PageRequest
from console.web.routing import Result, Router
from posthorn import wiring
from posthorn.core.errors import InvalidError, LimitedError, PosthornError, StaleVersionError
from posthorn.deliveries.filters import DeliveryFilter
from posthorn.dispatch.endpoint_health import DISABLE_AFTER
from posthorn.models import DeliveryStatus, Endpoint, Scope
from posthorn.models.paging import cut_page
from posthorn.monitoring.statistics import StatsQuery
from posthorn.monitoring.stats_views import By, StatsNumbers
from posthorn.tenants.console_sessions import Session

LIST = "/console/endpoints"
SHOWN = 50
HELD_COUNTED = 100
logger = Logger()
router = Router()


@router.get(LIST, needs=Scope.CONFIG_READ)
def endpoints(visitor: Session, request: PageRequest) -> Result:
    query = request.query
    all_of_them = wiring.config().endpoints(visitor.tenant)
    wanted = [each for each in reversed(all_of_them) if _is_wanted(each, request)]
    cursor = query.get("cursor")
    rest = (each for each in wanted if not cursor or each.id < cursor)
    shown, following = cut_page(rest, SHOWN, lambda each: each.id)
    kept = {name: query.get(name) for name in ("q", "status") if query.get(name)}
    older = urlencode({**kept, "cursor": following}) if following else ""
    return page(
        "endpoints.html",
        endpoints=shown,
        count=len(wanted),
        any=bool(all_of_them),
        q=query.get("q"),
        status_wanted=query.get("status"),
        older=f"{LIST}?{older}" if older else "",
        newest=f"{LIST}?{urlencode(kept)}" if cursor else "",
        disabled_at=disabled_at,
        numbers=_numbers(visitor),
    )


@router.get("/console/endpoints/{id}", needs=Scope.CONFIG_READ)
def endpoint(visitor: Session, request: PageRequest) -> Result:
    return _page(visitor, request, _endpoint(visitor, request))


@router.post("/console/endpoints/{id}", needs=Scope.CONFIG_WRITE)
def try_out(visitor: Session, request: PageRequest) -> Result:
    """Preview, test or dry run of the saved endpoint."""
    endpoint = _endpoint(visitor, request)
    kind = request.form.get("do")
    try:
        draft = wiring.drafts().of_saved(visitor.tenant, endpoint.id, {})
        tried = preview_and_test.tried(
            kind if kind in preview_and_test.KINDS else "preview", visitor, draft, request.form
        )
    except InvalidError as refusal:
        errors = placed(EndpointForm.blank(), refusal)
        return _page(visitor, request, endpoint, errors=errors, status=refusal.status)
    except LimitedError as refusal:
        return refused(visitor, request, endpoint, refusal)
    return _page(visitor, request, _endpoint(visitor, request), tried=tried)


@router.get("/console/endpoints/{id}/delete", needs=Scope.CONFIG_WRITE)
def ask_to_delete(visitor: Session, request: PageRequest) -> Result:
    return page("endpoint_delete.html", endpoint=_endpoint(visitor, request), stale=False)


@router.post("/console/endpoints/{id}/delete", needs=Scope.CONFIG_WRITE)
def delete(visitor: Session, request: PageRequest) -> Result:
    endpoint = _endpoint(visitor, request)
    try:
        wiring.endpoint_remover().delete(
            visitor.tenant,
            endpoint.id,
            by=visitor.key_id,
            expected_version=version_sent(request.form),
        )
    except StaleVersionError as refusal:
        return page("endpoint_delete.html", status=refusal.status, endpoint=endpoint, stale=True)
    logger.info("endpoint deleted", tenant=endpoint.tenant, endpoint_id=endpoint.id)
    return redirect(LIST, flash=f"{endpoint.name} is deleted. Its log stays.")


def disabled_at(endpoint: Endpoint) -> datetime | None:
    """The time at which Posthorn disables it, unless a delivery succeeds before."""
    failing_since = endpoint.health.failing_since
    return failing_since + DISABLE_AFTER if failing_since else None


def refused(
    visitor: Session, request: PageRequest, endpoint: Endpoint, refusal: PosthornError
) -> Page:
    """The endpoint's page with the reason for which an action was refused."""
    is_stale = isinstance(refusal, StaleVersionError)
    words = "somebody changed the endpoint in between: look at it again" if is_stale else ""
    return _page(visitor, request, endpoint, refused=words or refusal.detail, status=refusal.status)


def _page(
    visitor: Session,
    request: PageRequest,
    endpoint: Endpoint,
    *,
    tried: Tried | None = None,
    errors: FieldErrors = NO_ERRORS,
    refused: str = "",
    status: int = 200,
) -> Page:
    values = {
        "saved": endpoint,
        "tried": tried,
        "errors": errors,
        "refused": refused,
        "plan": retry_plan.plan(endpoint.retry),
    }
    if "fragment" in request.form:
        return fragment("trial.html", **values)
    return page(
        "endpoint.html",
        status=status,
        tab="settings",
        endpoint=endpoint,
        choices=preview_and_test.choices(
            visitor, endpoint.event_types, request.form, endpoint_id=endpoint.id
        ),
        disabled_at=disabled_at(endpoint),
        held=_held(visitor, endpoint),
        require_test=wiring.settings().require_test,
        **values,
    )


def _held(visitor: Session, endpoint: Endpoint) -> str:
    """The number of its held deliveries, if the visitor may act on them; else None."""
    if not visitor.may(Scope.CONFIG_WRITE):
        return ""
    held = DeliveryFilter(endpoint_ids=(endpoint.id,), status=DeliveryStatus.HELD)
    found, more = wiring.delivery_reader().page(visitor.tenant, held, limit=HELD_COUNTED)
    words = wording.count(len(found), "delivery is held", "deliveries are held")
    return f"At least {words}" if more else words if found else ""


def _numbers(visitor: Session) -> dict[str, StatsNumbers]:
    """Counts of the last 24 hours by endpoint; empty if there is too much to count."""
    if not visitor.may(Scope.LOGS_READ):
        return {}
    try:
        view = wiring.statistics().view(visitor.tenant, StatsQuery(by=By.ENDPOINT))
    except InvalidError:
        return {}
    return {each.key: each.numbers for each in view.groups if each.numbers}


def _endpoint(visitor: Session, request: PageRequest) -> Endpoint:
    return wiring.endpoints().endpoint(visitor.tenant, request.params["id"])


def _path(endpoint: Endpoint) -> str:
    return f"{LIST}/{endpoint.id}"


def _is_wanted(endpoint: Endpoint, request: PageRequest) -> bool:
    text, status = request.query.get("q").casefold(), request.query.get("status")
    told = "\n".join((endpoint.name, endpoint.url, endpoint.id, *endpoint.event_types)).casefold()
    failing = endpoint.health.failing_since is not None
    return text in told and (status in ("", endpoint.status) or (status == "failing" and failing))
