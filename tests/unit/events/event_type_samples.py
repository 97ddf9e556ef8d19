"""An event type with variable fields, and schemas to build it from."""

from typing import Any

from posthorn.core.errors import InvalidError
from posthorn.models import EventType

INTEGER = {"type": "integer"}
TEXT = {"type": "string"}


def object_of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def event_type(**fields: Any) -> EventType:
    return EventType.model_validate(
        {"name": "StockCounted", "schema": object_of(Count=INTEGER), "example": {}, **fields}
    )


def named(error: InvalidError) -> list[tuple[str, str]]:
    return [(violation.field, violation.message) for violation in error.violations]
