"""Valid settings of an endpoint that never fire, or leave a field in that they should remove."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from posthorn.endpoints.expression_warnings import expression_warnings
from posthorn.endpoints.suggestions import Warn, nearest
from posthorn.models import (
    ConfigWarning,
    CustomPayload,
    DataPayload,
    EndpointSpec,
    EventType,
    EventTypeKind,
    Rule,
)
from posthorn.subscriptions.field_paths import EACH, PathError, exists, parse_path
from posthorn.subscriptions.matching import matches_type

MAX_WARNINGS = 20  # kept with a version


def spec_warnings(
    spec: EndpointSpec, catalogue: Mapping[str, EventType]
) -> tuple[ConfigWarning, ...]:
    """The warnings about the settings, in the order of the fields."""
    types = [each for name, each in catalogue.items() if matches_type(spec.event_types, name)]
    return tuple(dict.fromkeys(islice(_warnings(spec, catalogue, types), MAX_WARNINGS)))


def _warnings(
    spec: EndpointSpec, catalogue: Mapping[str, EventType], types: Sequence[EventType]
) -> Iterator[ConfigWarning]:
    for index, pattern in enumerate(spec.event_types):
        yield from _about_pattern(pattern, Warn(f"/event_types/{index}"), catalogue)
    if spec.condition:
        yield from expression_warnings(spec.condition, "/condition", types)
    if spec.rules and types and all(each.kind is EventTypeKind.EVENT for each in types):
        message = "no event type of the endpoint is a notification, and rules concern these only"
        yield Warn("/rules")(message)
    for index, rule in enumerate(spec.rules):
        yield from _about_rule(rule, f"/rules/{index}", types)
    if isinstance(spec.payload, CustomPayload):
        yield from expression_warnings(spec.payload.expression, "/payload/expression", types)
    if isinstance(spec.payload, DataPayload):
        for name, paths in (("include", spec.payload.include), ("exclude", spec.payload.exclude)):
            for index, path in enumerate(paths or ()):
                yield from _about_path(path, Warn(f"/payload/{name}/{index}"), types)


def _about_pattern(
    pattern: str, warn: Warn, catalogue: Mapping[str, EventType]
) -> Iterator[ConfigWarning]:
    if any(matches_type([pattern], name) for name in catalogue):
        return
    if pattern.endswith("*"):
        yield warn(f"no event type of the catalogue begins with {pattern[:-1]}")
    else:
        yield warn(f"{pattern} is not in the catalogue", nearest(pattern, catalogue))


def _about_rule(rule: Rule, at: str, types: Sequence[EventType]) -> Iterator[ConfigWarning]:
    entities = {entity.name: entity for each in types for entity in each.entities}
    if entities and rule.entity not in entities:
        message = f"no event type of the endpoint has the entity {rule.entity}"
        yield Warn(f"{at}/entity")(message, nearest(rule.entity, entities))
    if not (rule.on_insert or rule.on_update or rule.on_delete):
        yield Warn(at)("no change is switched on: the rule never fires")
    known = entities[rule.entity].fields if rule.entity in entities else ()
    for index, name in enumerate(rule.on_update if isinstance(rule.on_update, tuple) else ()):
        if known and name not in known:
            message = f"{rule.entity} has no field {name}"
            yield Warn(f"{at}/on_update/{index}")(message, nearest(name, known))
    if rule.filter:
        yield from expression_warnings(rule.filter, f"{at}/filter", types)


def _about_path(text: str, warn: Warn, types: Sequence[EventType]) -> Iterator[ConfigWarning]:
    try:
        path = parse_path(text)
    except PathError:
        return
    if not types or any(exists(each.example, path) for each in types):
        return
    if any(path[0] in each.json_schema.get("properties", {}) for each in types) and not path[1:]:
        return  # optional, and not in the example
    names = {name for each in types for name in each.json_schema.get("properties", {})}
    first = "" if path[0] == EACH else str(path[0])
    yield warn(
        f"{text} is in no example of the endpoint's event types",
        nearest(first, sorted(names - {first})),
    )
