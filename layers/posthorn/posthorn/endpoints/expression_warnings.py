"""Names in a JMESPath expression that no event has: such an expression gives null."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from posthorn.endpoints.suggestions import Warn, nearest
from posthorn.events.json_schema import resolve
from posthorn.models import ConfigWarning, EventType
from posthorn.subscriptions.jmespath_expressions import ExpressionError, parse, tokenize

_ROOT = ("id", "type", "tenant", "time", "data", "change")
_CHANGE = ("entity", "operation", "fields")
_LITERALS = ("true", "false", "null")
# The children of these nodes are evaluated on the same value as the node; of the others, the first.
_SAME = {
    *("function_expression", "comparator", "or_expression", "and_expression", "not_expression"),
    *("multi_select_list", "multi_select_dict", "key_val_pair"),
}
_LEAVES = {"literal", "current", "identity", "expref", "slice", "index"}


def expression_warnings(
    text: str, field: str, types: Sequence[EventType]
) -> Iterator[ConfigWarning]:
    """The names of a valid expression that are in no event, or in no data of these types."""
    try:
        tree = parse(text).tree
    except ExpressionError:
        return
    quoted = {each["value"] for each in tokenize(text) if each["type"] == "quoted_identifier"}
    for path in dict.fromkeys(_paths(tree)):
        first, *rest = path
        warn = Warn(field)
        if first not in _ROOT:
            yield _unknown_root(warn, first, types, is_quoted=first in quoted)
        elif first == "change" and rest and rest[0] not in _CHANGE:
            message = f"an event's change has no field {rest[0]}"
            yield warn(message, nearest(rest[0], _CHANGE, "change."))
        elif first == "data" and rest:
            yield from _unknown_field(warn, rest, types)


def _unknown_root(
    warn: Warn, name: str, types: Sequence[EventType], *, is_quoted: bool
) -> ConfigWarning:
    names = sorted({each for type_ in types for each in type_.json_schema.get("properties", {})})
    if name in _LITERALS:
        return warn(f"{name} is the name of a field here", f"write `{name}` with backticks")
    if name in names:
        return warn(f"an event has no field {name} outside its data", f"did you mean data.{name}?")
    if is_quoted:
        message = f'"{name}" in double quotes is the name of a field, which no event has'
        return warn(message, f"write text in single quotes: '{name}'")
    near = nearest(name, names, "data.") or nearest(name, _ROOT)
    return warn(f"an event has no field {name}", near)


def _unknown_field(
    warn: Warn, path: Sequence[str], types: Sequence[EventType]
) -> Iterator[ConfigWarning]:
    if not types or any(_may_have(each.json_schema, path) for each in types):
        return
    known = {name for each in types for name in _names(each.json_schema, path[:-1])}
    before = ".".join(("data", *path[:-1], ""))
    message = f"no event type of the endpoint has {'.'.join(('data', *path))}"
    yield warn(message, nearest(path[-1], sorted(known), before))


def _may_have(schema: Mapping[str, Any], path: Sequence[str]) -> bool:
    """Whether data of this schema may have a field at the path."""
    current: Any = schema
    for name in path:
        current = _resolved(schema, current)
        properties = current.get("properties") if isinstance(current, Mapping) else None
        if not isinstance(properties, Mapping):
            return True
        if name not in properties:
            return current.get("additionalProperties", True) is not False
        current = properties[name]
    return True


def _names(schema: Mapping[str, Any], path: Sequence[str]) -> Iterator[str]:
    current: Any = schema
    for name in path:
        current = _resolved(schema, current)
        current = current.get("properties", {}).get(name) if isinstance(current, Mapping) else None
    current = _resolved(schema, current)
    if isinstance(current, Mapping):
        yield from current.get("properties", {})


def _resolved(schema: Mapping[str, Any], current: Any) -> Any:
    reference = current.get("$ref") if isinstance(current, Mapping) else None
    if not isinstance(reference, str):
        return current
    try:
        return resolve(schema, reference)
    except LookupError:
        return {}


def _paths(node: Any) -> Iterator[tuple[str, ...]]:
    """The chains of names that begin at the event."""
    kind = node["type"]
    if path := _path(node):
        yield path
    elif kind in _SAME:
        for child in node["children"]:
            yield from _paths(child)
    elif kind not in _LEAVES and node["children"]:
        yield from _paths(node["children"][0])


def _path(node: Any) -> tuple[str, ...] | None:
    if node["type"] == "field":
        return (node["value"],)
    if node["type"] == "subexpression" and node["children"][1]["type"] == "field":
        above = _path(node["children"][0])
        return above and (*above, node["children"][1]["value"])
    return None
