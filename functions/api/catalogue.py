"""/v1/event-types: the catalogue for tenants, and its changes by administrators."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query

from api.routing import acting, admin, logger, router
from posthorn import wiring
from posthorn.core import api_examples
from posthorn.events.catalogue import TypeChange
from posthorn.http_api.openapi import described
from posthorn.http_api.requests import Cursor, Force, Limit, answer
from posthorn.models import EventType, EventTypeSpec, Listed, Scope
from posthorn.monitoring.event_type_overview import EventTypeDetails, EventTypeView, Filters

TypeName = Annotated[str, Path(description="An event type's name", examples=["StockCountedEvent"])]


@router.get("/v1/event-types")
@described("Event types", Scope.CONFIG_READ)
def list_event_types(
    active: Annotated[
        bool | None,
        Query(description="Only types that an enabled endpoint receives, or only the others"),
    ] = None,
    category: Annotated[str | None, Query(description="Only of this category")] = None,
    q: Annotated[
        str | None, Query(description="Only with this text in name, category or description")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Listed[EventTypeView]:
    """List the event types, active ones first, with the state of their endpoints."""
    tenant, _ = acting(Scope.CONFIG_READ)
    filters = Filters(active=active, category=category, text=q)
    return wiring.event_type_overview().page(tenant, filters, limit=limit, cursor=cursor)


@router.get("/v1/event-types/<name>")
@described("Event types", Scope.CONFIG_READ)
def read_event_type(name: TypeName) -> EventTypeDetails:
    """Read an event type with its schema and example."""
    tenant, _ = acting(Scope.CONFIG_READ)
    return wiring.event_type_overview().event_type(tenant, name)


@router.put("/v1/event-types/<name>")
@described("Event types", Scope.ADMIN, "incompatible_change", also=(201,))
def put_event_type(
    name: TypeName, spec: Annotated[EventTypeSpec, Body()], force: Force = False
) -> Response[EventType]:
    """Create or replace an event type. It overrides a built-in type of the same name."""
    by = admin()
    event_type, is_new = wiring.catalogue().put(name, spec, force=force)
    logger.info("event type put", event_type=name, forced=force, key_id=by)
    return answer(event_type, 201 if is_new else 200)


@router.delete("/v1/event-types/<name>", status_code=204)
@described("Event types", Scope.ADMIN, "builtin_event_type", "incompatible_change")
def delete_event_type(name: TypeName, force: Force = False) -> None:
    """Delete a custom event type. A built-in type of the same name takes effect again."""
    by = admin()
    wiring.catalogue().delete(name, force=force)
    logger.info("event type deleted", event_type=name, forced=force, key_id=by)


@router.post("/v1/event-types/import")
@described("Event types", Scope.ADMIN, "incompatible_change")
def import_event_types(
    document: Annotated[dict[str, Any], Body(examples=[api_examples.CATALOGUE])],
    force: Force = False,
    dry_run: Annotated[
        bool, Query(description="Only return the changes that the import would make")
    ] = False,
) -> Listed[TypeChange]:
    """Import a catalogue file, or the `webhooks` of an OpenAPI 3.1 document.

    All of its types are created or replaced; none when one of them is invalid.
    """
    by = admin()
    changes = wiring.catalogue().load(document, force=force, dry_run=dry_run)
    logger.info("event types imported", count=len(changes), dry_run=dry_run, key_id=by)
    return Listed[TypeChange](items=changes)
