"""The home page: the event types, which of them are active, and their health."""

from urllib.parse import urlencode

from console.web.answer import page, redirect
from console.web.request import PageRequest
from console.web.routing import Result, Router
from console.web.session import HOME
from posthorn import wiring
from posthorn.models import Scope
from posthorn.monitoring.event_type_overview import Filters
from posthorn.tenants.console_sessions import Session

SHOWN = 100
router = Router()


@router.get(HOME)
def home(visitor: Session, request: PageRequest) -> Result:
    """The home page; the log for a key that may not read the configuration."""
    if not visitor.may(Scope.CONFIG_READ):
        return redirect("/console/log")
    text, category = request.query.get("q"), request.query.get("category")
    listed = wiring.event_type_overview().page(
        visitor.tenant,
        Filters(text=text or None, category=category or None),
        limit=SHOWN,
        cursor=request.query.get("cursor") or None,
    )
    categories = sorted({each.category for each in wiring.catalogue().types().values()})
    active = [each for each in listed.items if each.active]
    inactive = [each for each in listed.items if not each.active]
    return page(
        "events.html",
        q=text,
        category=category,
        categories=categories,
        active=active,
        inactive={
            name: [each for each in inactive if each.category == name]
            for name in dict.fromkeys(each.category for each in inactive)
        },
        older=_older(request, listed.next_cursor),
    )


def _older(request: PageRequest, cursor: str | None) -> str:
    """The path of the next page; None at the end."""
    kept = {name: request.query.get(name) for name in ("q", "category") if name in request.query}
    return f"{HOME}?{urlencode({**kept, 'cursor': cursor})}" if cursor else ""
