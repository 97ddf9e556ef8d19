"""JSON Schema 2020-12 for the data of events: checked when saved, compiled once, never fetched.

Patterns are matched in linear time, so look-around and back-references are refused.
"""

import json
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any
from urllib.parse import unquote

import jsonschema_rs

from posthorn.core.errors import Violation, pointer

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_BYTES = 64 * 1024
MAX_VIOLATIONS = 50  # of an array with a thousand invalid items
_MAX_MESSAGE = 200
_REFERENCES = {"$ref", "$dynamicRef", "$id"}  # an `$id` changes the base of pointers below it
VALUES = {"const", "default", "enum", "example", "examples"}  # do not contain schemas
NAMING = {"properties", "patternProperties", "dependentSchemas", "$defs"}  # contain schemas by name


def resolve(document: Any, reference: str) -> Any:
    """The target of a reference such as `#/$defs/Address`; raise LookupError if there is none."""
    found = document
    for part in unquote(reference.removeprefix("#")).split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and name.isdecimal():
            found = found[int(name)]
        elif isinstance(found, dict) and name in found:
            found = found[name]
        else:
            raise LookupError(reference)
    return found


def flaws(schema: Schema, at: str) -> list[Violation]:
    """The violations of the schema itself; `at` is its pointer."""
    if schema.get("$schema", DIALECT) != DIALECT:
        return [Violation(f"{at}/$schema", f"must be {DIALECT}")]
    unnamed = {keyword: value for keyword, value in schema.items() if keyword != "$id"}
    if found := unwritable(schema, at) or list(_far_references(unnamed, at)):
        return found
    try:
        _validator(_text(schema))
    except jsonschema_rs.ValidationError as error:
        return [Violation(at + pointer(*error.instance_path), _cut(error.message))]
    except ValueError as error:
        return [Violation(at, _cut(str(error)))]
    return []


def _far_references(schema: Any, at: str, *, named: bool = False) -> Iterator[Violation]:
    if isinstance(schema, list):
        for index, each in enumerate(schema):
            yield from _far_references(each, f"{at}/{index}")
    elif isinstance(schema, dict):
        for keyword, value in schema.items():
            place = at + pointer(keyword)
            if named or keyword not in _REFERENCES | VALUES:
                yield from _far_references(value, place, named=keyword in NAMING and not named)
            elif keyword in _REFERENCES and not f"{value}/".startswith("#/"):
                yield Violation(place, "must be a pointer into this schema: nothing is fetched")


def unwritable(value: Any, at: str) -> list[Violation]:
    """The violation of a value that is not JSON or has more than MAX_BYTES."""
    try:
        text = _text(value)
    except (ValueError, RecursionError) as error:
        return [Violation(at, _cut(f"cannot be written as JSON: {error}"))]
    if len(text) > MAX_BYTES:
        return [Violation(at, f"must have at most {MAX_BYTES // 1024} KiB")]
    return []


def violations(schema: Schema, value: Any, at: str) -> list[Violation]:
    """The violations of a value, at most MAX_VIOLATIONS, with pointers under `at`."""
    try:
        found = islice(_validator(_text(schema)).iter_errors(value), MAX_VIOLATIONS)
        return [each for error in found for each in _violations(error, at)][:MAX_VIOLATIONS]
    except (ValueError, RecursionError) as error:  # such as an unpaired surrogate
        return [Violation(at, _cut(f"cannot be read as JSON: {error}"))]


def _violations(error: jsonschema_rs.ValidationError, at: str) -> list[Violation]:
    """Point to a missing or unknown field, not to its object; show no regular expression."""
    place = at + pointer(*error.instance_path)
    match error.kind:
        case jsonschema_rs.ValidationErrorKind.Required(property=name):
            return [Violation(place + pointer(name), "required")]
        case (
            jsonschema_rs.ValidationErrorKind.AdditionalProperties(unexpected=names)
            | jsonschema_rs.ValidationErrorKind.UnevaluatedProperties(unexpected=names)
        ):
            return [Violation(place + pointer(name), "unknown field") for name in names]
        case jsonschema_rs.ValidationErrorKind.Pattern():
            return [Violation(place, "does not match the pattern of its schema")]
    return [Violation(place, _cut(error.message))]


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


@lru_cache(maxsize=512)
def _validator(text: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        text,
        offline=True,
        validate_formats=True,
        pattern_options=jsonschema_rs.RegexOptions(),
    )


def _cut(message: str) -> str:
    return message if len(message) <= _MAX_MESSAGE else f"{message[: _MAX_MESSAGE - 1]}…"
