"""Tenants and API keys as the API shows them."""

from typing import Annotated

from pydantic import Field, StringConstraints

from posthorn.core import api_examples
from posthorn.models import (
    ApiKey,
    EffectiveLimits,
    Model,
    Scope,
    Tenant,
    TenantId,
    TenantSpec,
    Time,
)
from posthorn.models.paging import ONLY_IF_SET


class EffectiveLimitsView(Model):
    endpoints: int
    tests_per_minute: int


class EffectiveTermsView(Model):
    """The values in force: the tenant's own, and the stack's where it has none."""

    retention_days: int
    limits: EffectiveLimitsView


class TenantView(TenantSpec):
    """A tenant with its limits in force."""

    model_config = api_examples.shown(api_examples.TENANT)

    id: TenantId
    created_at: Time
    updated_at: Time
    effective: EffectiveTermsView


class ApiKeySpec(Model):
    """An API key to create. A key with the scope `admin` has no tenant."""

    model_config = api_examples.shown(
        {"name": "Acme shop", "tenant": "acme", "scopes": ["events:write", "logs:read"]},
        {"name": "On call", "scopes": ["admin"]},
    )

    name: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    tenant: TenantId | None = None
    scopes: tuple[Scope, ...] = Field(min_length=1)


class ApiKeyView(Model):
    """`key` is only in the answer to the request that created it."""

    model_config = api_examples.shown(api_examples.API_KEY)

    id: str
    name: str
    tenant: str | None
    scopes: tuple[Scope, ...]
    created_at: Time
    created_by: str
    key: str | None = ONLY_IF_SET


def tenant_view(tenant: Tenant, limits: EffectiveLimits) -> TenantView:
    shown = EffectiveLimitsView(
        endpoints=limits.endpoints, tests_per_minute=limits.tests_per_minute
    )
    return TenantView(
        **tenant.model_dump(exclude={"longest_retention_days"}),
        effective=EffectiveTermsView(retention_days=limits.retention_days, limits=shown),
    )


def key_view(key: ApiKey, *, text: str | None = None) -> ApiKeyView:
    return ApiKeyView(**key.model_dump(exclude={"secret_sha256"}), key=text)
