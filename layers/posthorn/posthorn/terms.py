"""What holds for a tenant: what it was given, and what the stack gives everyone for the rest."""

from dataclasses import dataclass
from datetime import timedelta

from posthorn.models import MAX_ENDPOINTS, Tenant


@dataclass(frozen=True)
class Terms:
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

    def of(self, tenant: Tenant | None) -> "Terms":
        """These terms with what the tenant was given instead; a deleted one was given nothing."""
        if tenant is None:
            return self
        given = {
            "retention_days": tenant.retention_days,
            "longest_retention_days": tenant.longest_retention_days,
            **tenant.limits.model_dump(),
        }
        known = {name: value for name, value in given.items() if value is not None}
        return Terms(**{**vars(self), **known})
