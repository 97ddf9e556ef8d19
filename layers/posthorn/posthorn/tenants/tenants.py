"""Tenants. A tenant is created by the first PUT of its id."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from posthorn.aws.config_table import ConfigStore
from posthorn.core.errors import ConflictError, InvalidError, NotFoundError
from posthorn.models import EffectiveLimits, Tenant, TenantId, TenantLimits
from posthorn.models.paging import check_cursor, cut_page

_TENANT_ID = TypeAdapter(TenantId)


def is_id(text: str) -> bool:
    """Whether this is a valid id of a tenant, which may be read from the table."""
    try:
        _TENANT_ID.validate_python(text)
    except ValidationError:
        return False
    return True


@dataclass(frozen=True)
class TenantService:
    config: ConfigStore
    stack: EffectiveLimits
    now: Callable[[], datetime]

    def tenant(self, tenant_id: str) -> Tenant:
        tenant = self.config.tenant(tenant_id) if is_id(tenant_id) else None
        if tenant is None:
            raise NotFoundError("there is no such tenant")
        return tenant

    def tenants(self, *, limit: int, cursor: str | None = None) -> tuple[list[Tenant], str | None]:
        """One page, by id, and the cursor of the next."""
        check_cursor(cursor, is_id)
        found = self.config.tenants(after=cursor, page=limit + 1)
        return cut_page(found, limit, lambda each: each.id)

    def limits(self, tenant_id: str) -> EffectiveLimits:
        """The tenant's limits in force, by one read."""
        return self.stack.of(self.config.tenant(tenant_id))

    def put(
        self,
        tenant_id: str,
        *,
        name: str,
        retention_days: int | None = None,
        limits: TenantLimits = TenantLimits(),  # noqa: B008 - frozen
    ) -> Tenant:
        """Create or replace the tenant. A setting that is left out gets its default."""
        if not is_id(tenant_id):
            message = "must be 1 to 40 lower-case letters, digits and hyphens, no hyphen first"
            raise InvalidError.at("id", message)
        before = self.config.tenant(tenant_id)
        now = self.now()
        created_at = before.created_at if before else now
        tenant = Tenant(
            id=tenant_id,
            name=name,
            retention_days=retention_days,
            limits=limits,
            longest_retention_days=self.stack.of(before).longest_retention.days if before else 0,
            created_at=created_at,
            updated_at=now,
        )
        self.config.put_tenant(tenant)
        return tenant

    def delete(self, tenant_id: str) -> None:
        """Delete a tenant without endpoints, and its API keys. Its log expires."""
        self.tenant(tenant_id)
        if self.config.endpoints(tenant_id):
            raise ConflictError("delete the tenant's endpoints first", code="tenant_in_use")
        for key in list(self.config.api_keys()):
            if key.tenant == tenant_id:
                self.config.delete_key(key.id)
        self.config.delete_tenant(tenant_id)
