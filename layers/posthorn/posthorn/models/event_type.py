"""An entry of the catalogue of event types."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints

from posthorn.core import api_examples
from posthorn.models.base import Model, TypeName


class EventTypeKind(StrEnum):
    EVENT = "event"  # an occurrence
    NOTIFICATION = "notification"  # a change of data, for the rules of endpoints


class Validation(StrEnum):
    """The treatment of published data that violates the schema."""

    OFF = "off"
    WARN = "warn"
    REJECT = "reject"


class Source(StrEnum):
    BUILTIN = "builtin"
    CUSTOM = "custom"


class Entity(Model):
    """Something that a rule of a notification can name; no `fields` means that they are unknown."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    label: Annotated[str, StringConstraints(max_length=128)] = ""
    fields: tuple[str, ...] = Field(default=(), max_length=200)


class EventTypeSpec(Model):
    """The settings of an event type."""

    model_config = ConfigDict(
        validate_by_name=True, serialize_by_alias=True, **api_examples.shown(api_examples.TYPE_SPEC)
    )

    kind: EventTypeKind = EventTypeKind.EVENT
    category: Annotated[str, StringConstraints(min_length=1, max_length=64)] = "Other"
    description: Annotated[str, StringConstraints(max_length=2048)] = ""
    # `schema` is a method of pydantic's models.
    json_schema: dict[str, Any] = Field(alias="schema")
    example: Any
    validation: Validation = Validation.REJECT
    deprecated: bool = False
    deprecated_reason: Annotated[str, StringConstraints(max_length=512)] | None = None
    entities: tuple[Entity, ...] = Field(default=(), max_length=100)


class EventType(EventTypeSpec):
    model_config = api_examples.shown(api_examples.EVENT_TYPE)

    name: TypeName
    source: Source = Source.CUSTOM
