"""/v1/event-types: the catalogue as a tenant sees it, and as the platform's own people keep it."""

from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from posthorn import web, wiring
from posthorn.catalogue import EventTypeSpec
from posthorn.cataloguing import TypeChange
from posthorn.models import Scope
from posthorn.overview import EventTypeView, Filters, WholeEventType
from posthorn.views import Listed

logger = Logger()
router = Router()  # type: ignore[no-untyped-call] # its constructor has no annotations
Flag = Annotated[bool, Query()]


@router.get("/v1/event-types")
def list_event_types(
    active: Annotated[bool | None, Query()] = None,
    category: Annotated[str | None, Query()] = None,
    q: Annotated[str | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query()] = None,
) -> Listed[EventTypeView]:
    tenant, _ = web.acting(router, wiring.config(), Scope.CONFIG_READ)
    filters = Filters(active=active, category=category, text=q)
    return wiring.overview().page(tenant, filters, limit=limit, cursor=cursor)


@router.get("/v1/event-types/<name>")
def read_event_type(name: str) -> WholeEventType:
    tenant, _ = web.acting(router, wiring.config(), Scope.CONFIG_READ)
    return wiring.overview().event_type(tenant, name)


@router.put("/v1/event-types/<name>")
def put_event_type(
    name: str, spec: Annotated[EventTypeSpec, Body()], force: Flag = False
) -> Response[str]:
    by = web.admin(router).key_id
    event_type, is_new = wiring.cataloguing().put(name, spec, force=force)
    logger.info("event type put", event_type=name, forced=force, key_id=by)
    return web.answer(201 if is_new else 200, event_type.model_dump(mode="json"))


@router.delete("/v1/event-types/<name>")
def delete_event_type(name: str, force: Flag = False) -> Response[str]:
    by = web.admin(router).key_id
    wiring.cataloguing().delete(name, force=force)
    logger.info("event type deleted", event_type=name, forced=force, key_id=by)
    return Response(204, body="")


@router.post("/v1/event-types/import")
def import_event_types(
    document: Annotated[dict[str, Any], Body()], force: Flag = False, dry_run: Flag = False
) -> Listed[TypeChange]:
    by = web.admin(router).key_id
    changes = wiring.cataloguing().load(document, force=force, dry_run=dry_run)
    logger.info("event types imported", count=len(changes), dry_run=dry_run, key_id=by)
    return Listed[TypeChange](items=changes)
