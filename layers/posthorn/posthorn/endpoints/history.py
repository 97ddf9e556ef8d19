"""The history of an endpoint: its versions, and the changes that each one made."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Any

from pydantic import Field

from posthorn.aws.config_table import ConfigStore, EndpointVersion
from posthorn.aws.kms import Secrets, Vault
from posthorn.core import api_examples, ids
from posthorn.core.errors import NotFoundError, pointer
from posthorn.endpoints.views import EndpointView, endpoint_view
from posthorn.models import MASK, Endpoint, EndpointSpec, Listed, Model, Time
from posthorn.models.paging import bad_cursor, cut_page

_COMPARED = {*EndpointSpec.model_fields, "status_reason"}
_SHAPE = ("kind", "mode")  # the fields that choose one of several shapes of an object


class DifferenceView(Model):
    """A field that differs between two versions. A changed secret has masks on both sides.

    `null` stands for a field that a version does not have.
    """

    model_config = api_examples.shown(
        {"field": "/timeout_seconds", "before": 15.0, "after": 20.0},
        {"field": "/auth/token", "before": MASK, "after": MASK},
    )

    field: str = Field(description="JSON pointer (RFC 6901)")
    before: Any
    after: Any


class VersionView(Model):
    """One version: its author and time, its changes, and the endpoint at that version."""

    model_config = api_examples.shown(api_examples.VERSION)

    version: int
    at: Time
    by: str
    deleted: bool
    changes: list[DifferenceView]
    endpoint: EndpointView


@dataclass(frozen=True)
class EndpointHistoryReader:
    config: ConfigStore
    vault: Vault

    def versions(
        self, tenant: str, endpoint_id: str, *, limit: int, cursor: str | None = None
    ) -> Listed[VersionView]:
        """One page, newest first, also for a deleted endpoint."""
        if not ids.is_id("ep", endpoint_id):
            raise NotFoundError("there is no such endpoint")
        below = _below(cursor)
        # One more than the page: the last one shown is compared with it.
        stored = self.config.versions(tenant, endpoint_id, below=below, page=limit + 1)
        entries = list(islice(stored, limit + 1))
        if not entries and below is None:
            raise NotFoundError("there is no such endpoint")
        shown, next_cursor = cut_page(entries, limit, lambda each: str(each.version))
        return Listed[VersionView](
            items=[
                self._view(entry, before)
                for entry, before in zip_longest(shown, entries[1:][: len(shown)])
            ],
            next_cursor=next_cursor,
        )

    def between(
        self, tenant: str, endpoint_id: str, before: int, after: int
    ) -> list[DifferenceView]:
        """The differences from one version to another, which may be the older one."""
        both = (before, after) if ids.is_id("ep", endpoint_id) else ()
        entries = [self.config.version(tenant, endpoint_id, each) for each in both]
        found = [each.endpoint for each in entries if each]
        if len(found) < 2:
            raise NotFoundError("there is no such version")
        return list(self._differences(*found))

    def _view(self, entry: EndpointVersion, before: EndpointVersion | None) -> VersionView:
        changes = self._differences(before.endpoint, entry.endpoint) if before else ()
        return VersionView(
            version=entry.version,
            at=entry.at,
            by=entry.by,
            deleted=entry.deleted,
            changes=list(changes),
            endpoint=endpoint_view(entry.endpoint),
        )

    def _differences(self, before: Endpoint, after: Endpoint) -> Iterator[DifferenceView]:
        old, new = (each.model_dump(mode="json", include=_COMPARED) for each in (before, after))
        yield from _compared(old, new)
        if before.sealed != after.sealed:
            yield from _replaced(self._secrets(before), self._secrets(after), before, after)

    def _secrets(self, endpoint: Endpoint) -> Secrets:
        return self.vault.open(endpoint.sealed, tenant=endpoint.tenant, endpoint_id=endpoint.id)


def _compared(
    before: Mapping[str, Any], after: Mapping[str, Any], at: str = ""
) -> Iterator[DifferenceView]:
    """Yield the differences, each at the deepest object of both. A list differs as a whole."""
    for name in [*before, *(each for each in after if each not in before)]:
        field = at + pointer(name)
        old, new = before.get(name), after.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping) and _have_one_shape(old, new):
            yield from _compared(old, new, field)
        elif old != new:
            yield DifferenceView(field=field, before=old, after=new)


def _have_one_shape(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """In another shape, a field of the same name has another meaning."""
    return all(old.get(choice) == new.get(choice) for choice in _SHAPE)


def _replaced(
    old: Secrets, new: Secrets, before: Endpoint, after: Endpoint
) -> Iterator[DifferenceView]:
    """Yield the secrets whose values differ, although both versions show a mask."""
    if before.auth.kind == after.auth.kind:
        yield from _masked("/auth", old.auth, new.auth)
    yield from _masked("/headers", old.headers, new.headers)
    yield from _masked("/tls", old.tls, new.tls)
    yield from _masked(
        "/signing", {"secret": old.signing[0].secret}, {"secret": new.signing[0].secret}
    )


def _masked(at: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[DifferenceView]:
    for name in old:
        if name in new and old[name] != new[name]:
            yield DifferenceView(field=at + pointer(name), before=MASK, after=MASK)


def _below(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if cursor.isascii() and cursor.isdecimal() and len(cursor) <= 6 and int(cursor):
        return int(cursor)
    raise bad_cursor()
