"""The catalogue: what event types there are, and what their events look like (design.md §2).

A commerce catalogue ships as data/catalogue.json. The stack's own types stand beside it, and one
of the same name takes a built-in type's place (cataloguing.py).
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints

from posthorn import examples, schemas
from posthorn.errors import InvalidError, Violation
from posthorn.models import Model, TypeName


class Kind(StrEnum):
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

    kind: Kind = Kind.EVENT
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


@cache
def builtin() -> Mapping[str, EventType]:
    text = files("posthorn").joinpath("data", "catalogue.json").read_text(encoding="utf-8")
    types = (
        EventType.model_validate({**each, "source": Source.BUILTIN})
        for each in json.loads(text)["event_types"]
    )
    return MappingProxyType({each.name: each for each in types})


def check_type(event_type: EventType) -> None:
    """Raise InvalidError unless the schema can be used as it stands, and takes the example."""
    found = flaws(event_type)
    if found:
        raise InvalidError.of(found)


def flaws(event_type: EventType, at: str = "") -> list[Violation]:
    """Why the type cannot be saved; `at` points to it in what was sent."""
    schema, example = event_type.json_schema, event_type.example
    return (
        schemas.flaws(schema, f"{at}/schema")
        or schemas.unwritable(example, f"{at}/example")
        or schemas.violations(schema, example, f"{at}/example")
    )


def violations(event_type: EventType, data: Any) -> list[Violation]:
    """How the data of an event breaks the schema of its type, by pointers under `/data`."""
    return schemas.violations(event_type.json_schema, data, "/data")
