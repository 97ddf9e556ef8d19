"""/v1/tenants and /v1/api-keys: for the platform's own people."""

from typing import Annotated

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Body, Path

from posthorn import wiring
from posthorn.core import api_examples as examples
from posthorn.http_api import requests as web
from posthorn.http_api.openapi import described
from posthorn.http_api.requests import Cursor, Limit
from posthorn.models import Listed, Scope, Tenant, TenantSpec
from posthorn.tenants import views as tenants_views
from posthorn.tenants.views import ApiKeySpec, ApiKeyView, TenantView

logger = Logger()
router = Router()  # type: ignore[no-untyped-call] # its constructor has no annotations
TenantId = Annotated[str, Path(description="A tenant's id", examples=["acme"])]
KeyId = Annotated[str, Path(description="An API key's id", examples=[examples.KEY_ID])]


@router.get("/v1/tenants")
@described("Tenants", Scope.ADMIN)
def list_tenants(limit: Limit = 50, cursor: Cursor = None) -> Listed[TenantView]:
    """List the tenants, by id."""
    web.admin(router)
    page, next_cursor = wiring.tenancy().tenants(limit=limit, cursor=cursor)
    return Listed[TenantView](items=[_seen(each) for each in page], next_cursor=next_cursor)


@router.get("/v1/tenants/<id>")
@described("Tenants", Scope.ADMIN)
def read_tenant(id: TenantId) -> TenantView:
    """Read a tenant."""
    web.admin(router)
    return _seen(wiring.tenancy().tenant(id))


@router.put("/v1/tenants/<id>")
@described("Tenants", Scope.ADMIN)
def put_tenant(id: TenantId, spec: Annotated[TenantSpec, Body()]) -> TenantView:
    """Make a tenant, or decide anew about it.

    Its id is 1 to 40 lower-case letters, digits and hyphens. What is left out is the default again.
    """
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


@router.delete("/v1/tenants/<id>", status_code=204)
@described("Tenants", Scope.ADMIN, "tenant_in_use")
def delete_tenant(id: TenantId) -> None:
    """Delete a tenant that has no endpoints, and its API keys with it. Its log expires."""
    by = web.admin(router).key_id
    wiring.tenancy().delete(id)
    logger.info("tenant deleted", tenant=id, key_id=by)


@router.get("/v1/api-keys")
@described("API keys", Scope.ADMIN)
def list_api_keys(limit: Limit = 50, cursor: Cursor = None) -> Listed[ApiKeyView]:
    """List the API keys, newest first, without what opens anything."""
    web.admin(router)
    page, next_cursor = wiring.access().keys(limit=limit, cursor=cursor)
    found = [tenants_views.of_key(each) for each in page]
    return Listed[ApiKeyView](items=found, next_cursor=next_cursor)


@router.post("/v1/api-keys", status_code=201)
@described("API keys", Scope.ADMIN)
def create_api_key(spec: Annotated[ApiKeySpec, Body()]) -> ApiKeyView:
    """Make an API key, and show it this once."""
    by = web.admin(router).key_id
    key, text = wiring.access().create_key(
        name=spec.name, tenant=spec.tenant, scopes=spec.scopes, by=by
    )
    logger.info("API key created", new_key_id=key.id, tenant=key.tenant, key_id=by)
    return tenants_views.of_key(key, text=text)


@router.delete("/v1/api-keys/<id>", status_code=204)
@described("API keys", Scope.ADMIN)
def delete_api_key(id: KeyId) -> None:
    """Delete an API key. It opens nothing from a minute later on."""
    by = web.admin(router).key_id
    wiring.access().delete_key(id)
    logger.info("API key deleted", old_key_id=id, key_id=by)


def _seen(tenant: Tenant) -> TenantView:
    return tenants_views.of_tenant(tenant, wiring.tenancy().stack.of(tenant))
