"""/v1/tenants and /v1/api-keys: for the platform's own people."""

from typing import Annotated

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Body

from posthorn import views, web, wiring
from posthorn.models import Tenant, TenantSpec
from posthorn.views import ApiKeySpec, ApiKeyView, Listed, TenantView

logger = Logger()
router = Router()  # type: ignore[no-untyped-call] # its constructor has no annotations


@router.get("/v1/tenants")
def list_tenants() -> Listed[TenantView]:
    web.admin(router)
    return Listed[TenantView](items=[_seen(each) for each in wiring.config().tenants()])


@router.get("/v1/tenants/<id>")
def read_tenant(id: str) -> TenantView:
    web.admin(router)
    return _seen(wiring.tenancy().tenant(id))


@router.put("/v1/tenants/<id>")
def put_tenant(id: str, spec: Annotated[TenantSpec, Body()]) -> TenantView:
    by = web.admin(router).key_id
    tenant = wiring.tenancy().put(
        id, name=spec.name, retention_days=spec.retention_days, limits=spec.limits
    )
    logger.info(
        "tenant put",
        tenant=id,
        retention_days=spec.retention_days,
        limits=spec.limits.model_dump(),
        key_id=by,
    )
    return _seen(tenant)


@router.delete("/v1/tenants/<id>")
def delete_tenant(id: str) -> Response[str]:
    by = web.admin(router).key_id
    wiring.tenancy().delete(id)
    logger.info("tenant deleted", tenant=id, key_id=by)
    return Response(204, body="")


@router.get("/v1/api-keys")
def list_api_keys() -> Listed[ApiKeyView]:
    web.admin(router)
    return Listed[ApiKeyView](items=[views.of_key(each) for each in wiring.config().api_keys()])


@router.post("/v1/api-keys")
def create_api_key(spec: Annotated[ApiKeySpec, Body()]) -> Response[str]:
    by = web.admin(router).key_id
    key, text = wiring.access().create_key(
        name=spec.name, tenant=spec.tenant, scopes=spec.scopes, by=by
    )
    logger.info("API key created", new_key_id=key.id, tenant=key.tenant, key_id=by)
    return web.answer(201, views.of_key(key, text=text).model_dump(mode="json"))


@router.delete("/v1/api-keys/<id>")
def delete_api_key(id: str) -> Response[str]:
    by = web.admin(router).key_id
    wiring.access().delete_key(id)
    logger.info("API key deleted", old_key_id=id, key_id=by)
    return Response(204, body="")


def _seen(tenant: Tenant) -> TenantView:
    return views.of_tenant(tenant, wiring.tenancy().stack.of(tenant))
