"""/v1/tenants and /v1/api-keys, for administrators of the platform."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Path

from api.routing import admin, logger, named_tenant, router
from posthorn import wiring
from posthorn.core import api_examples
from posthorn.core.errors import InvalidError
from posthorn.http_api.openapi import described
from posthorn.http_api.requests import Cursor, Limit
from posthorn.models import Listed, Scope, Tenant, TenantSpec
from posthorn.tenants.views import ApiKeySpec, ApiKeyView, TenantView, key_view, tenant_view

TenantId = Annotated[str, Path(description="A tenant's id", examples=["acme"])]
KeyId = Annotated[str, Path(description="An API key's id", examples=[api_examples.KEY_ID])]


@router.get("/v1/tenants")
@described("Tenants", Scope.ADMIN)
def list_tenants(limit: Limit = 50, cursor: Cursor = None) -> Listed[TenantView]:
    """List the tenants, by id."""
    admin()
    page, next_cursor = wiring.tenants().tenants(limit=limit, cursor=cursor)
    return Listed[TenantView](items=[_view(each) for each in page], next_cursor=next_cursor)


@router.get("/v1/tenants/<id>")
@described("Tenants", Scope.ADMIN)
def read_tenant(id: TenantId) -> TenantView:
    """Read a tenant."""
    admin()
    return _view(wiring.tenants().tenant(id))


@router.put("/v1/tenants/<id>")
@described("Tenants", Scope.ADMIN)
def put_tenant(id: TenantId, spec: Annotated[TenantSpec, Body()]) -> TenantView:
    """Create or replace a tenant.

    Its id is 1 to 40 lower-case letters, digits and hyphens. A setting that is left out gets its
    default.
    """
    by = admin()
    tenant = wiring.tenants().put(
        id, name=spec.name, retention_days=spec.retention_days, limits=spec.limits
    )
    logger.info(
        "tenant put",
        tenant=id,
        retention_days=spec.retention_days,
        limits=spec.limits.model_dump(),
        key_id=by,
    )
    return _view(tenant)


@router.delete("/v1/tenants/<id>", status_code=204)
@described("Tenants", Scope.ADMIN, "tenant_in_use")
def delete_tenant(id: TenantId) -> None:
    """Delete a tenant without endpoints, and its API keys. Its log expires."""
    by = admin()
    wiring.tenants().delete(id)
    logger.info("tenant deleted", tenant=id, key_id=by)


@router.get("/v1/api-keys")
@described("API keys", Scope.ADMIN)
def list_api_keys(limit: Limit = 50, cursor: Cursor = None) -> Listed[ApiKeyView]:
    """List the API keys, newest first, without their secrets.

    With the header `posthorn-tenant`, only those of this tenant.
    """
    admin()
    page, next_cursor = wiring.api_keys().keys(limit=limit, cursor=cursor, tenant=named_tenant())
    found = [key_view(each) for each in page]
    return Listed[ApiKeyView](items=found, next_cursor=next_cursor)


@router.post("/v1/api-keys", status_code=201)
@described("API keys", Scope.ADMIN)
def create_api_key(spec: Annotated[ApiKeySpec, Body()]) -> ApiKeyView:
    """Create an API key. Only this answer shows the key itself.

    Its tenant is `tenant`, or the one in the header `posthorn-tenant`; both must be equal.
    """
    by = admin()
    tenant, named = spec.tenant, named_tenant()
    if tenant and named and tenant != named:
        raise InvalidError.at("/tenant", "differs from the header posthorn-tenant")
    key, text = wiring.api_keys().create_key(
        name=spec.name,
        tenant=tenant or (None if Scope.ADMIN in spec.scopes else named),
        scopes=spec.scopes,
        by=by,
    )
    logger.info("API key created", new_key_id=key.id, tenant=key.tenant, key_id=by)
    return key_view(key, text=text)


@router.delete("/v1/api-keys/<id>", status_code=204)
@described("API keys", Scope.ADMIN)
def delete_api_key(id: KeyId) -> None:
    """Delete an API key. It may still be accepted for up to a minute."""
    by = admin()
    wiring.api_keys().delete_key(id)
    logger.info("API key deleted", old_key_id=id, key_id=by)


def _view(tenant: Tenant) -> TenantView:
    return tenant_view(tenant, wiring.tenants().stack.of(tenant))
