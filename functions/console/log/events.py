"""The list of published events, also those that no endpoint received."""

from urllib.parse import urlencode

from console.web.answer import page
from console.web.request import PageRequest
from console.web.routing import Result, Router
from posthorn import wiring
from posthorn.deliveries.filters import EventFilter
from posthorn.models import Scope
from posthorn.tenants.console_sessions import Session

EVENTS = "/console/log/events"
SHOWN = 40
router = Router()


@router.get(EVENTS, needs=Scope.LOGS_READ)
def events(visitor: Session, request: PageRequest) -> Result:
    chosen = {name: request.query.get(name) for name in ("event_type", "unmatched")}
    cursor = request.query.get("cursor")
    filters = EventFilter(
        event_type=chosen["event_type"] or None, unmatched=True if chosen["unmatched"] else None
    )
    found = wiring.delivery_reader().events(
        visitor.tenant, filters, limit=SHOWN, cursor=cursor or None
    )
    kept = {name: value for name, value in chosen.items() if value}
    older = f"{EVENTS}?{urlencode({**kept, 'cursor': found.next_cursor})}"
    return page(
        "log_events.html",
        events=found.items,
        chosen=chosen,
        older=older if found.next_cursor else "",
        newest=f"{EVENTS}?{urlencode(kept)}" if cursor else "",
    )
