"""The page of an event type: its schema, its endpoints and their conditions."""

from console.pages import schema_table
from console.web.answer import page
from console.web.request import PageRequest
from console.web.routing import Result, Router
from posthorn import wiring
from posthorn.models import Scope
from posthorn.tenants.console_sessions import Session

router = Router()


@router.get("/console/types/{name}", needs=Scope.CONFIG_READ)
def overview(visitor: Session, request: PageRequest) -> Result:
    event_type = wiring.event_type_overview().event_type(visitor.tenant, request.params["name"])
    return page(
        "event_type.html",
        tab="overview",
        event_type=event_type,
        fields=schema_table.rows(event_type.json_schema),
    )


@router.get("/console/types/{name}/settings", needs=Scope.CONFIG_READ)
def settings(visitor: Session, request: PageRequest) -> Result:
    event_type = wiring.event_type_overview().event_type(visitor.tenant, request.params["name"])
    wanting = {each.id: each for each in wiring.config().endpoints(visitor.tenant)}
    return page(
        "event_type_settings.html",
        tab="settings",
        event_type=event_type,
        endpoints=[wanting[each.id] for each in event_type.endpoints if each.id in wanting],
    )
