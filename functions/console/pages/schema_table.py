"""A JSON Schema as a table: one row per field, nested fields below their parent."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

MOST_ROWS = 300
MOST_DEPTH = 8  # a schema may refer to itself
_BOUNDS = {
    "minimum": "≥ {}",
    "maximum": "≤ {}",
    "exclusiveMinimum": "> {}",
    "exclusiveMaximum": "< {}",
    "multipleOf": "multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "pattern": "matches {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "uniqueItems": "no item twice",
    "minProperties": "at least {} fields",
    "maxProperties": "at most {} fields",
    "const": "always {}",
    "default": "{} unless given",
}
_BRANCHES = {"anyOf": "any of", "oneOf": "one of", "allOf": "all of"}


@dataclass(frozen=True)
class SchemaRow:
    """`name` is the last part of the path; `[]` means each item of a list."""

    depth: int
    name: str
    kind: str
    required: bool
    description: str
    rules: tuple[str, ...]
    choices: tuple[str, ...]


def rows(schema: Mapping[str, Any]) -> list[SchemaRow]:
    """The fields of `data` in the schema's order, at most MOST_ROWS."""
    return list(islice(_fields(schema, schema, 0), MOST_ROWS))


def _fields(
    root: Mapping[str, Any],
    schema: Mapping[str, Any],
    depth: int,
    within: tuple[Mapping[str, Any], ...] = (),
) -> Iterator[SchemaRow]:
    """`within`: the schemas whose `allOf` led here; a cycle adds nothing."""
    if depth > MOST_DEPTH or schema in within:
        return
    required = schema.get("required", ())
    for name, field in _mapping(schema.get("properties")).items():
        yield from _row(root, field, depth, name=name, required=name in required)
    for name, field in _mapping(schema.get("patternProperties")).items():
        yield from _row(root, field, depth, name=f"fields that match {name}")
    if isinstance(schema.get("additionalProperties"), Mapping):
        yield from _row(root, schema["additionalProperties"], depth, name="any other field")
    for place, item in enumerate(schema.get("prefixItems", ())):
        yield from _row(root, item, depth, name=f"[{place}]")
    if isinstance(schema.get("items"), Mapping):
        yield from _row(root, schema["items"], depth, name="[]")
    for keyword, words in _BRANCHES.items():
        for branch in schema.get(keyword, ()):
            if keyword == "allOf":
                yield from _fields(root, _resolved(root, branch), depth, (*within, schema))
            else:
                yield from _row(root, branch, depth, name=words)


def _row(
    root: Mapping[str, Any], field: Any, depth: int, *, name: str, required: bool = False
) -> Iterator[SchemaRow]:
    told = _resolved(root, field)
    yield SchemaRow(
        depth=depth,
        name=name,
        kind=_kind(told),
        required=required,
        description=str(told.get("description", "")),
        rules=tuple(_rules(told)),
        choices=tuple(_written(each) for each in told.get("enum", ())),
    )
    yield from _fields(root, told, depth + 1)


def _resolved(root: Mapping[str, Any], field: Any) -> Mapping[str, Any]:
    """The target of a `$ref` within the document, merged with its sibling keywords."""
    if not isinstance(field, Mapping):  # true and false are schemas too
        return {} if field else {"const": "absent"}
    reference = field.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#"):
        return field
    found: Any = root
    for part in reference.removeprefix("#").split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        found = found.get(part, {}) if isinstance(found, Mapping) else {}
    return {**_mapping(found), **{name: value for name, value in field.items() if name != "$ref"}}


def _kind(schema: Mapping[str, Any]) -> str:
    kinds = schema.get("type", ())
    named = [kinds] if isinstance(kinds, str) else [str(each) for each in kinds]
    if "array" in named and isinstance(schema.get("items"), Mapping):
        item = schema["items"].get("type")
        named[named.index("array")] = f"array of {item}s" if isinstance(item, str) else "array"
    words = " or ".join(named) or ("choice" if "enum" in schema else "anything")
    return f"{words} ({schema['format']})" if "format" in schema else words


def _rules(schema: Mapping[str, Any]) -> Iterator[str]:
    for keyword, words in _BOUNDS.items():
        if keyword in schema and schema[keyword] is not False:
            yield words.format(_written(schema[keyword]))
    if schema.get("additionalProperties") is False and "properties" in schema:
        yield "no other fields"


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
