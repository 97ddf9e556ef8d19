"""Changes of an event type's schema that may refuse events which the old schema accepted.

Rules cover the keywords that catalogues use; of any other change the answer is "cannot tell", which
counts as incompatible. Each rule compares one keyword of the new schema with the old schema.
"""

import json
from collections.abc import Iterator
from typing import Any

from posthorn.core.errors import Violation, pointer
from posthorn.events.json_schema import Schema, resolve

_ANNOTATIONS = {
    *("$schema", "$id", "$anchor", "$comment", "$defs", "definitions", "$vocabulary"),
    *("title", "description", "default", "deprecated", "example", "examples"),
    *("readOnly", "writeOnly", "contentEncoding", "contentMediaType", "contentSchema"),
}
_UPPER = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}
_LOWER = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
_DOUBT = "; cannot tell whether that refuses accepted events"


def incompatible_changes(old: Schema, new: Schema, at: str = "/schema") -> list[Violation]:
    """Name the changes that may refuse accepted data, by pointers into `new`; empty if none may.

    Both schemas are valid (`json_schema.flaws`).
    """
    met: set[str] = set()
    return list(dict.fromkeys(_changes(at, old, new, roots=(old, new, at), met=met)))


def _changes(
    at: str, old: Any, new: Any, *, roots: tuple[Schema, Schema, str], met: set[str]
) -> Iterator[Violation]:
    def within(place: str, before: Any, after: Any) -> Iterator[Violation]:
        return _changes(at + pointer(place), before, after, roots=roots, met=met)

    if isinstance(old, dict) and set(old) - _ANNOTATIONS == {"$ref"}:
        if isinstance(new, dict) and new.get("$ref") == old["$ref"]:
            yield from _referred(old["$ref"], roots=roots, met=met)
            new = {name: value for name, value in new.items() if name != "$ref"}
        old = _target(roots[0], old["$ref"])
    if new is False and old is not False:
        yield Violation(at, "no value is accepted any more")
    if isinstance(new, bool) or old is False:
        return
    old = {} if old is True else old
    others = old.get("additionalProperties", True)
    for keyword in set(new) - _ANNOTATIONS:
        after = new[keyword]
        if keyword == "properties" and "patternProperties" not in old:
            for name, each in after.items():
                before = old.get("properties", {}).get(name, others)
                yield from _changes(
                    at + pointer("properties", name), before, each, roots=roots, met=met
                )
        elif keyword == "items" and "prefixItems" not in {*old, *new}:
            yield from within("items", old.get("items", True), after)
        elif keyword == "additionalProperties" and after is not False and _same_names(old, new):
            yield from within("additionalProperties", others, after)
        elif keyword == "anyOf" and any(not list(within("anyOf", old, each)) for each in after):
            continue  # one of the choices accepts all that was accepted
        elif message := _narrowed(keyword, old, new, roots=roots):
            yield Violation(at + pointer(keyword), message)


def _narrowed(
    keyword: str, old: Schema, new: Schema, *, roots: tuple[Schema, Schema, str]
) -> str | None:
    """The message about a keyword that may refuse more than before; None if it does not."""
    before, after = old.get(keyword), new[keyword]
    if keyword == "required":
        gone = set(after) - set(before or ())
        return f"became required: {_listed(gone)}" if gone else None
    if keyword == "enum" and isinstance(before, list):
        lost = [each for each in before if each not in after]
        return f"no longer allowed: {_listed(lost)}" if lost else None
    if keyword == "type" and before is not None:
        narrowed = set(_types(before)) - set(_types(after))
        return _difference(before, after) if narrowed else None
    if keyword == "additionalProperties" and after is False:
        if before is not False:
            return "fields that are not declared are refused now"
        gone = set(old.get("properties", {})) - set(new.get("properties", {}))
        return f"no longer declared, so refused: {_listed(gone)}" if gone else None
    if before is not None and keyword in _UPPER | _LOWER:
        is_wider = before <= after if keyword in _UPPER else before >= after
        return None if is_wider else _difference(before, after)
    same_around = keyword[:11] != "unevaluated" or old == new
    refers = "$ref" in json.dumps({keyword: after})
    same_targets = not refers or roots[0].get("$defs") == roots[1].get("$defs")
    if keyword in old and before == after and same_around and same_targets:
        return None
    return f"is new: {_shown(after)}" if before is None else _difference(before, after) + _DOUBT


def _referred(
    reference: str, *, roots: tuple[Schema, Schema, str], met: set[str]
) -> Iterator[Violation]:
    """Compare the targets of a reference, once."""
    if reference not in met:
        met.add(reference)
        before, after = _target(roots[0], reference), _target(roots[1], reference)
        yield from _changes(roots[2] + reference[1:], before, after, roots=roots, met=met)


def _target(root: Schema, reference: str) -> Any:
    try:
        return resolve(root, reference)
    except LookupError:  # only the new schema has it
        return True


def _types(given: Any) -> list[str]:
    """The types that are allowed; a number may be an integer."""
    types = given if isinstance(given, list) else [given]
    return [*types, "integer"] if "number" in types else types


def _same_names(old: Schema, new: Schema) -> bool:
    return all(
        set(old.get(names, ())) == set(new.get(names, ()))
        for names in ("properties", "patternProperties")
    )


def _difference(before: Any, after: Any) -> str:
    return f"was {_shown(before)}, is now {_shown(after)}"


def _listed(values: Any) -> str:
    return ", ".join(sorted(_shown(each) for each in values))


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"
