"""The log: a tenant's deliveries, filtered and paged; the first page updates itself."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from console.log import words as log_words
from console.log.filters import RANGE_WORDS, RANGES, LogFilters
from console.pages import attention
from console.pages.names import endpoint_names
from console.web.answer import fragment, page, redirect
from console.web.errors import NO_ERRORS, FieldErrors
from console.web.request import PageRequest
from console.web.routing import Result, Router
from posthorn import wiring
from posthorn.core import ids
from posthorn.core.errors import InvalidError
from posthorn.deliveries.filters import DeliveryFilter, Order
from posthorn.deliveries.page_walk import Position
from posthorn.deliveries.views import DeliveryList, DeliveryView
from posthorn.models import Scope, iso
from posthorn.tenants.console_sessions import Session

LOG, ROWS = "/console/log", "/console/log/rows"
SHOWN = 40
MOST_WARNINGS = 3
MOST_CHOICES = 100  # endpoints or event types in a list; with more, an id or a name is typed
router = Router()


@dataclass(frozen=True)
class Rows:
    """A page of the log. `looked_to` is set if it is short and not the last one."""

    deliveries: tuple[DeliveryView, ...] = ()
    names: dict[str, str] = field(default_factory=dict)  # names of endpoints by id
    older: str = ""
    newest: str = ""
    live: str = ""  # the path that the script polls
    looked_to: datetime | None = None


@router.get(LOG, needs=Scope.LOGS_READ)
def log(visitor: Session, request: PageRequest) -> Result:
    filters = LogFilters.read(request.query)
    path = _path_of(visitor.tenant, filters.q)
    if path:
        return redirect(path)
    values = {"filters": filters, **_choices(visitor.tenant)}
    try:
        rows = _rows(visitor.tenant, filters, request.query.get("cursor"))
    except InvalidError as refusal:
        errors = FieldErrors.of(refusal)
        return page("log.html", status=422, errors=errors, rows=Rows(), signs=[], **values)
    chips = list(filters.words(rows.names))
    signs = [] if rows.newest else _signs(visitor.tenant, filters.endpoint)
    can_replay = visitor.may(Scope.DELIVERIES_WRITE) and filters.is_replayable and rows.deliveries
    replay = f"/console/jobs/new?{filters.query(as_of='', order='', test='')}" if can_replay else ""
    return page(
        "log.html",
        errors=NO_ERRORS,
        rows=rows,
        chips=chips,
        signs=signs,
        replay=replay,
        **values,
    )


@router.get(ROWS, needs=Scope.LOGS_READ)
def first_rows(visitor: Session, request: PageRequest) -> Result:
    """The current first page, for the script."""
    filters = LogFilters.read(request.query)
    return fragment("log_rows.html", filters=filters, rows=_rows(visitor.tenant, filters, ""))


def _rows(tenant: str, filters: LogFilters, cursor: str) -> Rows:
    if not (cursor and filters.as_of):
        filters = replace(filters, as_of=iso(wiring.now()) if filters.range in RANGES else "")
    wanted = filters.wanted(wiring.now())
    listed = _listed(tenant, wanted, filters.q, cursor or None)
    following = listed.next_cursor
    is_short = len(listed.items) < SHOWN
    is_live = not (cursor or filters.q or wanted.until) and wanted.order is Order.NEWEST
    return Rows(
        deliveries=tuple(listed.items),
        names=endpoint_names(tenant, {each.endpoint_id for each in listed.items}),
        older=f"{LOG}?{filters.query(cursor=following)}" if following else "",
        newest=f"{LOG}?{filters.query(as_of='')}" if cursor else "",
        live=f"{ROWS}?{filters.query(as_of='')}" if is_live else "",
        looked_to=_looked_to(following, wanted, filters.q) if following and is_short else None,
    )


def _listed(tenant: str, wanted: DeliveryFilter, text: str, cursor: str | None) -> DeliveryList:
    if text:
        return wiring.delivery_search().search(tenant, wanted, text, limit=SHOWN, cursor=cursor)
    return wiring.delivery_reader().deliveries(tenant, wanted, limit=SHOWN, cursor=cursor)


def _looked_to(cursor: str, wanted: DeliveryFilter, text: str) -> datetime:
    return Position.of(cursor, wanted.fingerprint(*([text] if text else []))).at


def _signs(tenant: str, endpoint_id: str) -> list[attention.ShownWarning]:
    """The tenant's warnings, or those about one endpoint."""
    shown = attention.shown(tenant)
    return [each for each in shown if endpoint_id in ("", each.warning.endpoint_id)]


def _choices(tenant: str) -> dict[str, Any]:
    """The choices of the form; None for a list that is too long."""
    endpoints = {each.id: each.name for each in wiring.config().endpoints(tenant)}
    types = sorted(wiring.catalogue().types())
    by_name = dict(sorted(endpoints.items(), key=lambda each: each[1].casefold()))
    return {
        "endpoints": by_name if len(by_name) <= MOST_CHOICES else None,
        "event_types": types if len(types) <= MOST_CHOICES else None,
        "statuses": log_words.STATUSES,
        "outcomes": log_words.OUTCOMES,
        "status_codes": log_words.STATUS_CLASSES,
        "ranges": RANGE_WORDS,
        "orders": log_words.ORDERS,
        "most_warnings": MOST_WARNINGS,
    }


def _path_of(tenant: str, text: str) -> str:
    """The page of the object with this id; None if it is not an id."""
    if ids.parts_of_delivery(text):
        return f"/console/deliveries/{text}"
    if ids.is_id("evt", text):
        return f"/console/events/{text}"
    if ids.is_id("job", text):
        return f"/console/jobs/{text}"
    published = wiring.delivery_reader().events_published_as(tenant, text).items if text else []
    return f"/console/events/{published[0].id}" if published else ""
