"""An event that the platform published."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from posthorn.core.errors import Violation
from posthorn.models.base import Model, TenantId, Time, TypeName


class Operation(StrEnum):
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"


class Change(Model):
    """The change that a notification reports; rules are evaluated on it."""

    entity: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    operation: Operation
    fields: tuple[Annotated[str, StringConstraints(min_length=1, max_length=128)], ...] = Field(
        default=(), max_length=200
    )


class Erasure(Model):
    """When and by whom the payload of an event was erased, and its sizes."""

    at: Time
    by: str
    data_bytes: int
    body_bytes: dict[str, int]  # of each delivery, by endpoint id


class CloudAttributes(Model):
    """The attributes of a CloudEvent that endpoints get as they were published."""

    id: str
    source: str
    subject: str | None = None
    dataschema: str | None = None
    extensions: dict[str, str | int | bool] = Field(default={})


class Event(Model):
    """One published event. `data` is any JSON value."""

    id: str
    tenant: TenantId
    type: TypeName
    time: Time
    data: Any
    change: Change | None = None
    cloud: CloudAttributes | None = None  # of an event that was published as a CloudEvent
    published_id: str | None = None  # the publisher's id, if given
    accepted_at: Time
    traceparent: str | None = None  # W3C Trace Context, sent to endpoints
    warnings: tuple[Violation, ...] = ()  # schema violations, for a type with validation `warn`
    erasure: Erasure | None = None  # then `data` is empty
