"""From a request to its answer: session, scope, route, page; errors are pages too."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from console.endpoints import detail, editing, history, secrets, status
from console.log import deliveries, delivery, event, jobs
from console.log import events as log_events
from console.pages import dashboard, entrance, event_types, events, portal
from console.web import assets, render, routing, session
from console.web.answer import (
    Download,
    PageAnswer,
    Redirect,
    download_headers,
    page,
    private_headers,
    redirect,
)
from console.web.errors import error_page
from console.web.request import PageRequest
from console.web.routing import OpenRoute, Result
from posthorn.core.errors import ForbiddenError, NotFoundError, PosthornError
from posthorn.tenants.console_sessions import Session, TenantRequiredError

ROUTES = (
    *entrance.router.routes,
    *events.router.routes,
    *event_types.router.routes,
    *editing.router.routes,  # `new` before any id
    *detail.router.routes,
    *status.router.routes,
    *secrets.router.routes,
    *history.router.routes,
    *dashboard.router.routes,
    *portal.router.routes,
    *log_events.router.routes,  # before the id of a delivery
    *deliveries.router.routes,
    *delivery.router.routes,
    *event.router.routes,
    *jobs.router.routes,
)


def answer(event: Mapping[str, Any], request: PageRequest, visitor: Session | None) -> PageAnswer:
    """Answer a request. PosthornError is raised for errors, which `refusal` makes a page of."""
    if request.path.startswith(assets.PREFIX):
        return assets.answer(request.path)
    return written(_result(request.with_form(event), visitor), request, visitor)


def refusal(error: PosthornError, request: PageRequest, visitor: Session | None) -> PageAnswer:
    if isinstance(error, TenantRequiredError):
        return written(redirect(f"{entrance.TENANT}?next={quote(request.target)}"), request, None)
    return written(error_page(error), request, visitor)


def _result(request: PageRequest, visitor: Session | None) -> Result:
    if request.path == "/":
        return redirect(session.HOME)
    found = routing.find(ROUTES, request)
    if found is None:
        raise NotFoundError("there is no such page")
    route, request = found
    if request.method == "POST":
        session.check_origin(request)
    if isinstance(route, OpenRoute):
        return route.make(request)
    if visitor is None:
        return _to_sign_in(request)
    if request.method == "POST":
        session.check_token(visitor, request)
    if route.needs and not visitor.may(route.needs):
        raise ForbiddenError(f"this needs the scope {route.needs}, which you do not have")
    return route.make(visitor, request)


def _to_sign_in(request: PageRequest) -> Result:
    """A link on another site arrives without the strict cookie; a request from our page has it."""
    if request.headers.get("sec-fetch-site") == "cross-site":
        return page("again.html", target=request.target)
    ended = session.COOKIE in request.cookies
    changing = request.method == "POST"
    words = "Your session has ended." + (" Nothing was changed." if changing else "")
    next_path = session.HOME if changing else request.target
    return redirect(
        f"{entrance.SIGN_IN}?next={quote(next_path)}", flash=words if ended or changing else ""
    )


def written(result: Result, request: PageRequest, visitor: Session | None) -> PageAnswer:
    origins = visitor.frame_origins if visitor else ()
    framed = bool(origins)
    if isinstance(result, Redirect):
        said = (session.set_flash(request, result.flash, framed=framed),) if result.flash else ()
        headers = {**private_headers(origins), "location": result.path}
        return PageAnswer(303, "", headers, (*result.cookies, *said))
    if isinstance(result, Download):
        return PageAnswer(200, result.text, download_headers(result.name))
    flash = session.flash_of(request) if result.whole else ""
    gone = (session.set_flash(request, "", framed=framed),) if flash else ()
    return PageAnswer(
        result.status,
        render.render(result, request, visitor, flash=flash),
        private_headers((*origins, *result.frame_origins)),
        (*result.cookies, *gone),
    )
