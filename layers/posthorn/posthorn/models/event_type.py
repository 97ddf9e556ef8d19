"""An entry of the catalogue of event types."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints

from posthorn.core import api_examples as examples
from posthorn.models.base import Model, TypeName


class EventTypeKind(StrEnum):
    EVENT = "event"  # raised by the platform on its own
    NOTIFICATION = "notification"  # a change that rules watch for (norce.md §1.5)


class Validation(StrEnum):
    """What ingest does about data that breaks the schema."""

    OFF = "off"
    WARN = "warn"
    REJECT = "reject"


class Source(StrEnum):
    BUILTIN = "builtin"
    CUSTOM = "custom"


class Entity(Model):
    """What a rule row of a notification can watch; no fields: they are not known."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    label: Annotated[str, StringConstraints(max_length=128)] = ""
    fields: tuple[str, ...] = Field(default=(), max_length=200)


class EventTypeSpec(Model):
    """What the platform's own people decide about an event type."""

    model_config = ConfigDict(
        validate_by_name=True, serialize_by_alias=True, **examples.shown(examples.TYPE_SPEC)
    )

    kind: EventTypeKind = EventTypeKind.EVENT
    category: Annotated[str, StringConstraints(min_length=1, max_length=64)] = "Other"
    description: Annotated[str, StringConstraints(max_length=2048)] = ""
    # Pydantic's models have a `schema` of their own.
    json_schema: dict[str, Any] = Field(alias="schema")
    example: dict[str, Any]
    validation: Validation = Validation.REJECT
    deprecated: bool = False
    deprecated_reason: Annotated[str, StringConstraints(max_length=512)] | None = None
    entities: tuple[Entity, ...] = Field(default=(), max_length=100)


class EventType(EventTypeSpec):
    model_config = examples.shown(examples.EVENT_TYPE)

    name: TypeName
    source: Source = Source.CUSTOM
