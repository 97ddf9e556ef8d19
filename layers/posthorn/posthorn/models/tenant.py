"""Tenants, their API keys, and the limits and retention of each."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import (
    Field,
    StringConstraints,
)

from posthorn.core import api_examples as examples
from posthorn.models.base import MAX_ENDPOINTS, Model, TenantId, Time

MIN_RETENTION_DAYS, MAX_RETENTION_DAYS = 8, 3650  # a retry policy may span 7


class Scope(StrEnum):
    EVENTS_WRITE = "events:write"
    CONFIG_READ = "config:read"
    CONFIG_WRITE = "config:write"
    LOGS_READ = "logs:read"
    DELIVERIES_WRITE = "deliveries:write"
    ADMIN = "admin"  # everything, for any tenant


class ApiKey(Model):
    """An API key as it is stored: the secret itself is not. A key without tenant is an admin's."""

    id: str
    name: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    tenant: TenantId | None
    scopes: tuple[Scope, ...] = Field(min_length=1)
    secret_sha256: str = Field(repr=False)
    created_at: Time
    created_by: str


class Caller(Model):
    """Who asks: the key, the tenant that it acts for, and what it may do."""

    key_id: str
    tenant: TenantId | None
    scopes: tuple[Scope, ...]


class TenantLimits(Model):
    """How much a tenant may have and do; null where the stack's default holds."""

    endpoints: int | None = Field(default=None, ge=0, le=MAX_ENDPOINTS)
    tests_per_minute: int | None = Field(default=None, ge=0, le=1000)


class TenantSpec(Model):
    """What the platform decides about a tenant; null where the stack's default holds."""

    model_config = examples.shown(
        {"name": "Acme"}, {"name": "Acme", "retention_days": 90, "limits": {"endpoints": 20}}
    )

    name: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    retention_days: int | None = Field(
        default=None,
        ge=MIN_RETENTION_DAYS,
        le=MAX_RETENTION_DAYS,
        description="Days for which the log keeps what it records from now on",
    )
    limits: TenantLimits = TenantLimits()


class Tenant(TenantSpec):
    """One customer of the platform; everything else belongs to one."""

    id: TenantId
    longest_retention_days: int = 0  # it ever had (limits.py)
    created_at: Time
    updated_at: Time


@dataclass(frozen=True)
class EffectiveLimits:
    """The defaults are those of a stack, whose retention is one of its settings."""

    retention_days: int
    longest_retention_days: int = 0  # that ever held: what was recorded under it is still kept
    endpoints: int = MAX_ENDPOINTS
    tests_per_minute: int = 60  # enough for people, too few for a flood through us

    @property
    def retention(self) -> timedelta:
        return timedelta(days=self.retention_days)

    @property
    def longest_retention(self) -> timedelta:
        return timedelta(days=max(self.longest_retention_days, self.retention_days))

    def of(self, tenant: Tenant | None) -> "EffectiveLimits":
        """These limits with what the tenant was given instead; a deleted one was given nothing."""
        if tenant is None:
            return self
        given = {
            "retention_days": tenant.retention_days,
            "longest_retention_days": tenant.longest_retention_days,
            **tenant.limits.model_dump(),
        }
        known = {name: value for name, value in given.items() if value is not None}
        return EffectiveLimits(**{**vars(self), **known})
