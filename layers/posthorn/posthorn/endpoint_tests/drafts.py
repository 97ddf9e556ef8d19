"""The endpoint to test: saved, saved with changes, or not saved."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from posthorn.core.errors import InvalidError, Violation
from posthorn.endpoints.service import EndpointService
from posthorn.models import Endpoint, EndpointSpec


@dataclass(frozen=True)
class Draft:
    """`saved` is the version that it is based on; only without one is the signing secret set."""

    endpoint: Endpoint
    saved: Endpoint | None = None
    signing_secret: str | None = None

    @property
    def is_changed(self) -> bool:
        return self.endpoint is not self.saved


@dataclass(frozen=True)
class Drafts:
    endpoints: EndpointService

    def of_saved(self, tenant: str, endpoint_id: str, changes: Mapping[str, Any]) -> Draft:
        saved = self.endpoints.endpoint(tenant, endpoint_id)
        if not changes:
            return Draft(saved, saved)
        with _within("/changes"):
            return Draft(self.endpoints.changed_draft(saved, changes), saved)

    def of_unsaved(self, tenant: str, spec: EndpointSpec) -> Draft:
        with _within("/endpoint"):
            endpoint, secret = self.endpoints.draft(tenant, spec)
        return Draft(endpoint, signing_secret=secret)


@contextmanager
def _within(field: str) -> Iterator[None]:
    """Make the fields of an InvalidError pointers into this request."""
    try:
        yield
    except InvalidError as error:
        if not error.violations:
            raise
        moved = [Violation(field + each.field, each.message) for each in error.violations]
        raise InvalidError.of(moved, code=error.code) from None
