"""Tenants, their API keys, their limits and retention."""

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from posthorn.core import api_examples
from posthorn.models.base import MAX_ENDPOINTS, Model, TenantId, Time

MIN_RETENTION_DAYS, MAX_RETENTION_DAYS = 8, 3650  # a retry policy may span 7 days


class Scope(StrEnum):
    EVENTS_WRITE = "events:write"
    CONFIG_READ = "config:read"
    CONFIG_WRITE = "config:write"
    LOGS_READ = "logs:read"
    DELIVERIES_WRITE = "deliveries:write"
    ADMIN = "admin"  # all operations, for any tenant


class ApiKey(Model):
    """An API key as stored, with the hash of its secret. Admin keys have no tenant."""

    id: str
    name: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    tenant: TenantId | None
    scopes: tuple[Scope, ...] = Field(min_length=1)
    secret_sha256: str = Field(repr=False)
    created_at: Time
    created_by: str


class Caller(Model):
    """The caller of a request: its key, tenant and scopes."""

    key_id: str
    tenant: TenantId | None
    scopes: tuple[Scope, ...]


class TenantLimits(Model):
    """The limits of a tenant; null for the stack's default."""

    endpoints: int | None = Field(default=None, ge=0, le=MAX_ENDPOINTS)
    tests_per_minute: int | None = Field(default=None, ge=0, le=1000)


class TenantSpec(Model):
    """The settings of a tenant; null for the stack's default."""

    model_config = api_examples.shown(
        {"name": "Acme"}, {"name": "Acme", "retention_days": 90, "limits": {"endpoints": 20}}
    )

    name: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    retention_days: int | None = Field(
        default=None,
        ge=MIN_RETENTION_DAYS,
        le=MAX_RETENTION_DAYS,
        description="Retention in days of everything recorded from now on",
    )
    limits: TenantLimits = TenantLimits()


class Tenant(TenantSpec):
    """A customer of the platform, to whom all other data belongs."""

    id: TenantId
    longest_retention_days: int = 0  # ever in force: older records are kept that long
    created_at: Time
    updated_at: Time


@dataclass(frozen=True)
class EffectiveLimits:
    """The limits in force for a tenant; the defaults are the stack's."""

    retention_days: int
    longest_retention_days: int = 0
    endpoints: int = MAX_ENDPOINTS
    tests_per_minute: int = 60  # enough for people, too few to flood a receiver

    @property
    def retention(self) -> timedelta:
        return timedelta(days=self.retention_days)

    @property
    def longest_retention(self) -> timedelta:
        return timedelta(days=max(self.longest_retention_days, self.retention_days))

    def of(self, tenant: Tenant | None) -> "EffectiveLimits":
        """These limits, overridden by the tenant's own; None for a deleted tenant."""
        if tenant is None:
            return self
        overrides = {
            "retention_days": tenant.retention_days,
            "longest_retention_days": tenant.longest_retention_days,
            **tenant.limits.model_dump(),
        }
        given = {name: value for name, value in overrides.items() if value is not None}
        return replace(self, **given)
