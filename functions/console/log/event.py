"""The page of an event: its data, the decision about each endpoint, and its deliveries."""

import json
from typing import Any

from console.log import excerpts
from console.web.answer import Download, fragment, page
from console.web.request import PageRequest
from console.web.routing import Result, Router
from posthorn import wiring
from posthorn.core.errors import NotFoundError
from posthorn.deliveries.event_trace import EndpointResult, EventTrace
from posthorn.deliveries.state import WAITING
from posthorn.models import Scope
from posthorn.tenants.console_sessions import Session

EVENT = "/console/events/{id}"
DATA = 24_000  # of HTML, for each of two forms
MOST_FATES = 60  # of up to 1,000 endpoints; those with a delivery come first
router = Router()


@router.get(EVENT, needs=Scope.LOGS_READ)
def show(visitor: Session, request: PageRequest) -> Result:
    trace = _trace(visitor, request)
    event = trace.history.event
    return page(
        "event.html",
        event=event,
        recorded_at=trace.history.recorded_at,
        refusals=trace.history.refusals,
        data=None if event.erasure else excerpts.body(_json(event.data), DATA),
        **_fates(trace),
    )


@router.get(f"{EVENT}/fates", needs=Scope.LOGS_READ)
def fates(visitor: Session, request: PageRequest) -> Result:
    """The current deliveries, for the script."""
    return fragment("event_fates.html", **_fates(_trace(visitor, request)))


@router.get(f"{EVENT}/data", needs=Scope.LOGS_READ)
def download_data(visitor: Session, request: PageRequest) -> Result:
    event = _trace(visitor, request).history.event
    if event.erasure:
        raise NotFoundError("the payload was erased")
    return Download(_json(event.data), f"{event.id}-data.txt")


def _trace(visitor: Session, request: PageRequest) -> EventTrace:
    return wiring.delivery_reader().trace(visitor.tenant, request.params["id"])


def _fates(trace: EventTrace) -> dict[str, Any]:
    ordered = sorted(
        trace.results, key=lambda each: each.delivery is None
    )  # the rest does not change
    return {
        "event_id": trace.history.event.id,
        "fates": ordered[:MOST_FATES],
        "left_out": max(0, len(ordered) - MOST_FATES),
        "summary": trace.summary,
        "nobody": not any(each.delivery for each in ordered),
        "live": f"/console/events/{trace.history.event.id}/fates" if _is_moving(ordered) else "",
    }


def _json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False)


def _is_moving(fates: list[EndpointResult]) -> bool:
    return any(each.delivery and each.delivery.status in WAITING for each in fates)
