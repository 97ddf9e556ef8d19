"""The catalogue: what event types there are, and what their events look like (design.md §2).

A commerce catalogue ships as data/catalogue.json. The stack's own types stand beside it, and one
of the same name takes a built-in type's place (cataloguing.py).
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from posthorn.core.errors import InvalidError, Violation
from posthorn.events import json_schema as schemas
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
