"""Built-in event types, from data/catalogue.json, and checks of any event type."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from posthorn.core.errors import InvalidError, Violation
from posthorn.events import json_schema
from posthorn.models import EventType, Source


@cache
def builtin() -> Mapping[str, EventType]:
    text = files("posthorn").joinpath("data", "catalogue.json").read_text(encoding="utf-8")
    types = (
        EventType.model_validate({**each, "source": Source.BUILTIN})
        for each in json.loads(text)["event_types"]
    )
    return MappingProxyType({each.name: each for each in types})


def check_type(event_type: EventType) -> None:
    """Raise InvalidError unless the schema is usable and accepts the example."""
    found = flaws(event_type)
    if found:
        raise InvalidError.of(found)


def flaws(event_type: EventType, at: str = "") -> list[Violation]:
    """The violations of the type itself; `at` is its pointer in the request."""
    schema, example = event_type.json_schema, event_type.example
    return (
        json_schema.flaws(schema, f"{at}/schema")
        or json_schema.unwritable(example, f"{at}/example")
        or json_schema.violations(schema, example, f"{at}/example")
    )


def violations(event_type: EventType, data: Any) -> list[Violation]:
    """The violations of an event's data, with pointers under `/data`."""
    return json_schema.violations(event_type.json_schema, data, "/data")
