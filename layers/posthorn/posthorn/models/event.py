"""An event that the platform published."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    Field,
    StringConstraints,
)

from posthorn.core.errors import Violation
from posthorn.models.base import Model, TenantId, Time, TypeName


class Operation(StrEnum):
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"


class Change(Model):
    """What changed, for the rule rows of notifications (norce.md §1.5)."""

    entity: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    operation: Operation
    fields: tuple[Annotated[str, StringConstraints(min_length=1, max_length=128)], ...] = Field(
        default=(), max_length=200
    )


class Erasure(Model):
    """That the payload of an event was erased on request, and how many bytes are gone."""

    at: Time
    by: str
    data_bytes: int
    body_bytes: dict[str, int]  # of each delivery's body, by endpoint


class Event(Model):
    """One occurrence that the platform published. `data` is any JSON object."""

    id: str
    tenant: TenantId
    type: TypeName
    time: Time
    data: dict[str, Any]
    change: Change | None = None
    published_id: str | None = None  # the publisher's own id, when it gave one
    accepted_at: Time
    traceparent: str | None = None  # W3C Trace Context, handed on to endpoints
    warnings: tuple[Violation, ...] = ()  # how it breaks its schema, where that only warns
    erasure: Erasure | None = None  # since then, `data` is empty
