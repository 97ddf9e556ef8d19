"""Read event types from a catalogue file, or from the webhooks of an OpenAPI 3.1 document.

All or nothing: an InvalidError names every violation by a pointer into the document.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from posthorn.core.errors import InvalidError, Violation, pointer
from posthorn.core.problem_details import invalid
from posthorn.events import json_schema
from posthorn.events.event_types import check_type, flaws
from posthorn.events.json_schema import NAMING, VALUES, Schema, resolve
from posthorn.events.schema_samples import example_of
from posthorn.models import EventType, EventTypeKind, Source

MAX_TYPES = 500
_COMPONENTS = "#/components/schemas/"
_METHODS = ("post", "put", "patch")
_MAX_HOPS = 10  # from reference to reference


def read_catalogue(document: Any) -> tuple[EventType, ...]:
    """Read `{"event_types": [...]}` as custom types; raise InvalidError."""
    listed = document.get("event_types") if isinstance(document, Mapping) else None
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_TYPES:
        raise InvalidError.at("/event_types", f"must be a list of 1 to {MAX_TYPES} event types")
    found: list[Violation] = []
    types: dict[str, EventType] = {}
    for index, each in enumerate(listed):
        at = f"/event_types/{index}"
        try:
            read = _custom_type(each, at)
        except InvalidError as error:
            found += error.violations
            continue
        if read.name in types:
            found.append(Violation(f"{at}/name", "is in the list twice"))
        found += flaws(read, at)
        types[read.name] = read
    if found:
        raise InvalidError.of(found)
    return tuple(types.values())


def _custom_type(fields: Any, at: str) -> EventType:
    """Read one type at the pointer `at`; raise InvalidError."""
    if not isinstance(fields, Mapping):
        raise InvalidError.at(at, "must be an object")
    try:
        return EventType.model_validate({**fields, "source": Source.CUSTOM})
    except ValidationError as error:
        raise invalid(error.errors(), under=at) from None


def read_openapi(document: Any) -> tuple[EventType, ...]:
    """Read the `webhooks` of an OpenAPI 3.1 document; raise InvalidError.

    A name ending in `Notification` makes a notification, the first tag is the category, and a
    missing example is generated. Referenced schema components are included as `$defs`.
    """
    webhooks = document.get("webhooks") if isinstance(document, Mapping) else None
    if not isinstance(webhooks, Mapping) or not 0 < len(webhooks) <= MAX_TYPES:
        raise InvalidError.at("/webhooks", f"must have 1 to {MAX_TYPES} webhooks")
    if not str(document.get("openapi")).startswith("3.1"):
        raise InvalidError.at("/openapi", "must be 3.1")
    found: list[Violation] = []
    types = []
    for name in webhooks:
        try:
            item = _Location(document, "", document).child("webhooks", name)
            types.append(_webhook(name, item))
        except InvalidError as error:
            found += error.violations
        except RecursionError:
            found.append(Violation("/webhooks" + pointer(name), "is nested too deeply"))
    if found:
        raise InvalidError.of(found)
    return tuple(types)


@dataclass(frozen=True)
class _Location:
    """A value in the document, with the pointer to it."""

    document: Mapping[str, Any]
    at: str
    value: Any

    def has(self, name: str) -> bool:
        return isinstance(self.value, Mapping) and name in self.value

    def child(self, *names: str) -> "_Location":
        """The value below these names, following references; raise InvalidError."""
        location = self
        for name in names:
            at = location.at + pointer(name)
            if not location.has(name):
                raise InvalidError.at(at, "required")
            location = _Location(self.document, at, location.value[name])._followed()
        return location

    def _followed(self) -> "_Location":
        location = self
        for _ in range(_MAX_HOPS):
            if not location.has("$ref"):
                return location
            reference = location.value["$ref"]
            target = _target(self.document, reference, f"{location.at}/$ref")
            location = _Location(self.document, reference[1:], target)
        raise InvalidError.at(f"{self.at}/$ref", "is a circular reference")


def _target(document: Mapping[str, Any], reference: Any, at: str) -> Any:
    if not isinstance(reference, str) or not reference.startswith("#/"):
        raise InvalidError.at(at, "must refer to this document: nothing is fetched")
    try:
        return resolve(document, reference)
    except LookupError:
        raise InvalidError.at(at, "refers to a value that does not exist") from None


def _webhook(name: str, item: _Location) -> EventType:
    operation = item.child(next((each for each in _METHODS if item.has(each)), "post"))
    media = operation.child("requestBody", "content", "application/json")
    schema = media.child("schema")
    pointers = {
        "/name": item.at,
        "/category": f"{operation.at}/tags/0",
        "/schema/$defs": _COMPONENTS[1:-1],
        "/schema": schema.at,
        "/example": f"{media.at}/example",
    }
    whole = _whole(schema)
    try:
        if found := json_schema.flaws(whole, "/schema"):
            raise InvalidError.of(found)
        if example := _example(media):
            pointers["/example"] = example.at
        tags = operation.value.get("tags")
        fields = {
            "name": name,
            "kind": EventTypeKind.NOTIFICATION
            if name.endswith("Notification")
            else EventTypeKind.EVENT,
            "category": tags[0] if tags and isinstance(tags, list) else "Other",
            "description": operation.value.get("description", operation.value.get("summary", "")),
            "schema": whole,
            "example": example.value if example else example_of(whole),
            "deprecated": operation.value.get("deprecated", False),
        }
        read = _custom_type(fields, "")
        check_type(read)
    except InvalidError as error:
        raise InvalidError.of(
            _located(error.violations, pointers, otherwise=operation.at)
        ) from None
    return read


def _located(
    violations: Sequence[Violation], pointers: Mapping[str, str], *, otherwise: str
) -> list[Violation]:
    """With pointers into the document instead of into the type that was read from it."""
    located = []
    for each in violations:
        prefix = next((at for at in pointers if f"{each.field}/".startswith(f"{at}/")), "")
        field = pointers.get(prefix, otherwise) + each.field[len(prefix) :]
        located.append(Violation(field, each.message))
    return located


def _example(media: _Location) -> _Location | None:
    if media.has("example"):
        return media.child("example")
    named = media.value.get("examples")
    if not named or not isinstance(named, Mapping):
        return None
    return media.child("examples", next(iter(named)), "value")


def _whole(schema: _Location) -> Schema:
    """The schema as a document of its own, with its references in `$defs`."""
    if not isinstance(schema.value, dict):
        raise InvalidError.at(schema.at, "must be an object")
    definitions: Schema = {}
    root: Schema = _copied(schema, definitions)
    return {**root, "$defs": definitions} if definitions else root


def _copied(location: _Location, definitions: Schema, *, named: bool = False) -> Any:
    if isinstance(location.value, list):
        return [
            _copied(_Location(location.document, f"{location.at}/{index}", each), definitions)
            for index, each in enumerate(location.value)
        ]
    if not isinstance(location.value, dict):
        return location.value
    copied: Schema = {}
    for keyword, value in location.value.items():
        below = _Location(location.document, location.at + pointer(keyword), value)
        if named or keyword not in VALUES | {"$ref"}:
            names_follow = keyword in NAMING and not named
            copied[keyword] = _copied(below, definitions, named=names_follow)
        else:
            copied[keyword] = _moved_reference(below, definitions) if keyword == "$ref" else value
    return copied


def _moved_reference(location: _Location, definitions: Schema) -> str:
    _target(location.document, location.value, location.at)
    if not location.value.startswith(_COMPONENTS):
        raise InvalidError.at(location.at, "must refer to a schema component")
    name, slash, rest = location.value.removeprefix(_COMPONENTS).partition("/")
    if name not in definitions:
        definitions[name] = True  # while it is read, because it may contain itself
        at = _COMPONENTS[1:] + name
        component = _Location(location.document, at, resolve(location.document, f"#{at}"))
        definitions[name] = _copied(component, definitions)
    return f"#/$defs/{name}{slash}{rest}"
