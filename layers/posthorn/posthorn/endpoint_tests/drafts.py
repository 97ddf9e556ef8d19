"""The configuration that is tried: saved as it is, saved with changes, or not saved at all."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from posthorn.core.errors import InvalidError, Violation
from posthorn.endpoints.service import EndpointService
from posthorn.models import Endpoint, EndpointSpec


@dataclass(frozen=True)
class Draft:
    """`saved` is the version that it starts from; the signing secret is there without one."""

    endpoint: Endpoint
    saved: Endpoint | None = None
    signing_secret: str | None = None

    @property
    def is_changed(self) -> bool:
        return self.endpoint is not self.saved


@dataclass(frozen=True)
class Drafts:
    configuration: EndpointService

    def of_saved(self, tenant: str, endpoint_id: str, changes: Mapping[str, Any]) -> Draft:
        saved = self.configuration.endpoint(tenant, endpoint_id)
        if not changes:
            return Draft(saved, saved)
        with _within("/changes"):
            return Draft(self.configuration.changed_draft(saved, changes), saved)

    def of_unsaved(self, tenant: str, spec: EndpointSpec) -> Draft:
        with _within("/endpoint"):
            endpoint, secret = self.configuration.draft(tenant, spec)
        return Draft(endpoint, signing_secret=secret)


@contextmanager
def _within(field: str) -> Iterator[None]:
    """Point to where the refused field stands in this request."""
    try:
        yield
    except InvalidError as error:
        moved = [Violation(field + each.field, each.message) for each in error.violations]
        detail = f"{moved[0].field}: {moved[0].message}" if moved else error.detail
        raise InvalidError(detail, moved, code=error.code) from None
