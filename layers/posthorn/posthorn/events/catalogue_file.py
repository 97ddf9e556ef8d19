"""Reading event types from a catalogue file.

All or nothing: the error names every flaw that was found, by a pointer into the document.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from posthorn.core.errors import InvalidError, Violation
from posthorn.core.problem_details import invalid
from posthorn.events.event_types import flaws
from posthorn.models import EventType, Source

MAX_TYPES = 500


def read_catalogue(document: Any) -> tuple[EventType, ...]:
    """Read `{"event_types": [...]}`; raise InvalidError. The types read are custom ones."""
    listed = document.get("event_types") if isinstance(document, Mapping) else None
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_TYPES:
        raise refusal([Violation("/event_types", f"is no list of 1 to {MAX_TYPES} event types")])
    found: list[Violation] = []
    types: dict[str, EventType] = {}
    for place, each in enumerate(listed):
        at = f"/event_types/{place}"
        try:
            read = custom_type(each, at)
        except InvalidError as error:
            found += error.violations
            continue
        if read.name in types:
            found.append(Violation(f"{at}/name", "stands in the list already"))
        found += flaws(read, at)
        types[read.name] = read
    if found:
        raise refusal(found)
    return tuple(types.values())


def custom_type(fields: Any, at: str) -> EventType:
    """Read one type as it stands at `at`; raise InvalidError for each field that is wrong."""
    if not isinstance(fields, Mapping):
        raise refusal([Violation(at, "is no object")])
    try:
        return EventType.model_validate({**fields, "source": Source.CUSTOM})
    except ValidationError as error:
        raise invalid(error.errors(), under=at) from None


def refusal(found: Sequence[Violation]) -> InvalidError:
    return InvalidError.of(found)
