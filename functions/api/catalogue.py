"""/v1/event-types: the catalogue as a tenant sees it, and as the platform's own people keep it."""

from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query

from posthorn import wiring
from posthorn.core import api_examples as examples
from posthorn.events.catalogue import TypeChange
from posthorn.http_api import requests as web
from posthorn.http_api.openapi import described
from posthorn.http_api.requests import Cursor, Force, Limit
from posthorn.models import EventType, EventTypeSpec, Listed, Scope
from posthorn.monitoring.event_type_overview import EventTypeDetails, EventTypeView, Filters

logger = Logger()
router = Router()  # type: ignore[no-untyped-call] # its constructor has no annotations
TypeName = Annotated[str, Path(description="An event type's name", examples=["StockCountedEvent"])]


@router.get("/v1/event-types")
@described("Event types", Scope.CONFIG_READ)
def list_event_types(
    active: Annotated[
        bool | None, Query(description="Only those that an enabled endpoint wants, or no such")
    ] = None,
    category: Annotated[str | None, Query(description="Only of this category")] = None,
    q: Annotated[str | None, Query(description="Only with this in name, category or text")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Listed[EventTypeView]:
    """List the event types, active ones first, with their endpoints and how these are doing."""
    tenant, _ = web.acting(router, wiring.config(), Scope.CONFIG_READ)
    filters = Filters(active=active, category=category, text=q)
    return wiring.overview().page(tenant, filters, limit=limit, cursor=cursor)


@router.get("/v1/event-types/<name>")
@described("Event types", Scope.CONFIG_READ)
def read_event_type(name: TypeName) -> EventTypeDetails:
    """Read an event type with its schema and example."""
    tenant, _ = web.acting(router, wiring.config(), Scope.CONFIG_READ)
    return wiring.overview().event_type(tenant, name)


@router.put("/v1/event-types/<name>")
@described("Event types", Scope.ADMIN, "incompatible_change", also=(201,))
def put_event_type(
    name: TypeName, spec: Annotated[EventTypeSpec, Body()], force: Force = False
) -> Response[EventType]:
    """Add an event type, or replace it; one of the name of a built-in type takes its place."""
    by = web.admin(router).key_id
    event_type, is_new = wiring.cataloguing().put(name, spec, force=force)
    logger.info("event type put", event_type=name, forced=force, key_id=by)
    return web.answer(event_type, 201 if is_new else 200)


@router.delete("/v1/event-types/<name>", status_code=204)
@described("Event types", Scope.ADMIN, "builtin_event_type", "incompatible_change")
def delete_event_type(name: TypeName, force: Force = False) -> None:
    """Delete an event type that was added; a built-in type of its name is there again."""
    by = web.admin(router).key_id
    wiring.cataloguing().delete(name, force=force)
    logger.info("event type deleted", event_type=name, forced=force, key_id=by)


@router.post("/v1/event-types/import")
@described("Event types", Scope.ADMIN, "incompatible_change")
def import_event_types(
    document: Annotated[dict[str, Any], Body(examples=[examples.CATALOGUE])],
    force: Force = False,
    dry_run: Annotated[
        bool, Query(description="Tell what would change, and change nothing")
    ] = False,
) -> Listed[TypeChange]:
    """Load a catalogue file, or the `webhooks` of an OpenAPI 3.1 document.

    All of its types are put, or none when one of them is wrong.
    """
    by = web.admin(router).key_id
    changes = wiring.cataloguing().load(document, force=force, dry_run=dry_run)
    logger.info("event types imported", count=len(changes), dry_run=dry_run, key_id=by)
    return Listed[TypeChange](items=changes)
