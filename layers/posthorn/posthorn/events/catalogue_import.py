"""Reading event types from the webhooks of an OpenAPI 3.1 document.

References into the components are followed, and the schemas that are needed come along as `$defs`.
All or nothing: the error names every flaw that was found, by a pointer into the document.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from posthorn.core.errors import InvalidError, Violation, pointer
from posthorn.core.problem_details import invalid
from posthorn.events import json_schema as schemas
from posthorn.events.event_types import check_type, flaws
from posthorn.events.json_schema import NAMING, VALUES, Schema, resolve
from posthorn.events.schema_samples import example_of
from posthorn.models import EventType, EventTypeKind, Source

MAX_TYPES = 500
_COMPONENTS = "#/components/schemas/"
_METHODS = ("post", "put", "patch")
_MOST_HOPS = 10  # from reference to reference


def read_catalogue(document: Any) -> tuple[EventType, ...]:
    """Read `{"event_types": [...]}`; raise InvalidError. The types read are custom ones."""
    listed = document.get("event_types") if isinstance(document, Mapping) else None
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_TYPES:
        raise InvalidError.at("/event_types", f"is no list of 1 to {MAX_TYPES} event types")
    found: list[Violation] = []
    types: dict[str, EventType] = {}
    for place, each in enumerate(listed):
        at = f"/event_types/{place}"
        try:
            read = _custom_type(each, at)
        except InvalidError as error:
            found += error.violations
            continue
        if read.name in types:
            found.append(Violation(f"{at}/name", "stands in the list already"))
        found += flaws(read, at)
        types[read.name] = read
    if found:
        raise InvalidError.of(found)
    return tuple(types.values())


def _custom_type(fields: Any, at: str) -> EventType:
    """Read one type as it stands at `at`; raise InvalidError for each field that is wrong."""
    if not isinstance(fields, Mapping):
        raise InvalidError.at(at, "is no object")
    try:
        return EventType.model_validate({**fields, "source": Source.CUSTOM})
    except ValidationError as error:
        raise invalid(error.errors(), under=at) from None


def read_openapi(document: Any) -> tuple[EventType, ...]:
    """Read the `webhooks` of an OpenAPI 3.1 document; raise InvalidError.

    A name that ends in `Notification` makes a notification, the first tag is the category, and an
    example is made up where there is none.
    """
    webhooks = document.get("webhooks") if isinstance(document, Mapping) else None
    if not isinstance(webhooks, Mapping) or not 0 < len(webhooks) <= MAX_TYPES:
        raise InvalidError.at("/webhooks", f"has not 1 to {MAX_TYPES} webhooks")
    if not str(document.get("openapi")).startswith("3.1"):
        raise InvalidError.at("/openapi", "is not 3.1")
    found: list[Violation] = []
    types = []
    for name in webhooks:
        try:
            item = _Spot(document, "", document).child("webhooks", name)
            types.append(_webhook(name, item))
        except InvalidError as error:
            found += error.violations
        except RecursionError:
            found.append(Violation("/webhooks" + pointer(name), "is nested too deeply"))
    if found:
        raise InvalidError.of(found)
    return tuple(types)


@dataclass(frozen=True)
class _Spot:
    """A place in the document, with the pointer to it."""

    document: Mapping[str, Any]
    at: str
    value: Any

    def has(self, name: str) -> bool:
        return isinstance(self.value, Mapping) and name in self.value

    def child(self, *names: str) -> "_Spot":
        """Go down, and where references lead; raise InvalidError that points to what is missing."""
        spot = self
        for name in names:
            at = spot.at + pointer(name)
            if not spot.has(name):
                raise InvalidError.at(at, "is missing")
            spot = _Spot(self.document, at, spot.value[name])._followed()
        return spot

    def _followed(self) -> "_Spot":
        spot = self
        for _ in range(_MOST_HOPS):
            if not spot.has("$ref"):
                return spot
            reference = spot.value["$ref"]
            target = _target(self.document, reference, f"{spot.at}/$ref")
            spot = _Spot(self.document, reference[1:], target)
        raise InvalidError.at(f"{self.at}/$ref", "leads in a circle")


def _target(document: Mapping[str, Any], reference: Any, at: str) -> Any:
    if not isinstance(reference, str) or not reference.startswith("#/"):
        raise InvalidError.at(at, "leads out of the document, and nothing is fetched")
    try:
        return resolve(document, reference)
    except LookupError:
        raise InvalidError.at(at, "leads nowhere") from None


def _webhook(name: str, item: _Spot) -> EventType:
    operation = item.child(next((each for each in _METHODS if item.has(each)), "post"))
    media = operation.child("requestBody", "content", "application/json")
    schema = media.child("schema")
    places = {
        "/name": item.at,
        "/category": f"{operation.at}/tags/0",
        "/schema/$defs": _COMPONENTS[1:-1],
        "/schema": schema.at,
        "/example": f"{media.at}/example",
    }
    whole = _whole(schema)
    try:
        if found := schemas.flaws(whole, "/schema"):
            raise InvalidError.of(found)
        if example := _example(media):
            places["/example"] = example.at
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
        raise InvalidError.of(_moved(error.violations, places, otherwise=operation.at)) from None
    return read


def _moved(
    found: Sequence[Violation], places: Mapping[str, str], *, otherwise: str
) -> list[Violation]:
    """Point into the document, not into the type that was read from it."""
    moved = []
    for each in found:
        prefix = next((place for place in places if f"{each.field}/".startswith(f"{place}/")), "")
        moved.append(
            Violation(places.get(prefix, otherwise) + each.field[len(prefix) :], each.message)
        )
    return moved


def _example(media: _Spot) -> _Spot | None:
    if media.has("example"):
        return media.child("example")
    named = media.value.get("examples")
    if not named or not isinstance(named, Mapping):
        return None
    return media.child("examples", next(iter(named)), "value")


def _whole(schema: _Spot) -> Schema:
    """The schema by itself: what it refers to comes along in `$defs`."""
    if not isinstance(schema.value, dict):
        raise InvalidError.at(schema.at, "is no object")
    definitions: Schema = {}
    root: Schema = _carried(schema, definitions)
    return {**root, "$defs": definitions} if definitions else root


def _carried(spot: _Spot, definitions: Schema, *, named: bool = False) -> Any:
    if isinstance(spot.value, list):
        return [
            _carried(_Spot(spot.document, f"{spot.at}/{index}", each), definitions)
            for index, each in enumerate(spot.value)
        ]
    if not isinstance(spot.value, dict):
        return spot.value
    carried: Schema = {}
    for keyword, value in spot.value.items():
        below = _Spot(spot.document, spot.at + pointer(keyword), value)
        if named or keyword not in VALUES | {"$ref"}:
            names_follow = keyword in NAMING and not named
            carried[keyword] = _carried(below, definitions, named=names_follow)
        else:
            carried[keyword] = _moved_reference(below, definitions) if keyword == "$ref" else value
    return carried


def _moved_reference(spot: _Spot, definitions: Schema) -> str:
    _target(spot.document, spot.value, spot.at)
    if not spot.value.startswith(_COMPONENTS):
        raise InvalidError.at(spot.at, "leads elsewhere than to a schema component")
    name, slash, rest = spot.value.removeprefix(_COMPONENTS).partition("/")
    if name not in definitions:
        definitions[name] = True  # while it is read: it may contain itself
        at = _COMPONENTS[1:] + name
        component = _Spot(spot.document, at, resolve(spot.document, f"#{at}"))
        definitions[name] = _carried(component, definitions)
    return f"#/$defs/{name}{slash}{rest}"
