"""What a new schema of an event type would refuse that the old one took.

Each keyword of the new schema is put to a prover, which compares what it allows with what the old
schema allowed, and answers yes, no, or that it cannot tell. Both of the latter are reported. Where
the keyword holds further schemas the cause is sought in those, so that the report names it closely.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any

import jsonschema_rs
from jsonschema_rs.canonical import Containment

from posthorn.core.errors import Violation
from posthorn.events.json_schema import Schema, pointer, resolve

# The prover's work doubles with each choice that a schema leaves open; past this it is not asked.
_MAX_CHOICES = 64
_FRAGMENT = "posthorn-fragment"
_SAY_NOTHING = {
    *("$schema", "$id", "$anchor", "$comment", "$defs", "definitions", "$vocabulary"),
    *("title", "description", "default", "deprecated", "example", "examples"),
    *("readOnly", "writeOnly", "contentEncoding", "contentMediaType", "contentSchema"),
    *("if", "minContains", "maxContains"),  # only through those they belong to, below
}
_CERTAIN = {
    "type",
    "enum",
    "const",
    "additionalProperties",
}  # the prover is often in doubt of these
_BELONGING = {
    "additionalProperties": ("properties", "patternProperties"),
    "items": ("prefixItems",),
    "contains": ("minContains", "maxContains"),
    "then": ("if",),
    "else": ("if",),
}


def incompatible_changes(old: Schema, new: Schema, at: str = "/schema") -> list[Violation]:
    """Name the changes that may refuse data that was accepted; none: all of it still is.

    Both schemas are sound (`schemas.flaws`). The pointers lead into the new one.
    """
    return list(dict.fromkeys(_Comparison(old, new, at).changes(at, old, new)))


@dataclass(frozen=True)
class _Comparison:
    old: Schema
    new: Schema
    root: str
    compared: set[tuple[Any, Any]] = field(default_factory=set)  # targets of references

    def changes(self, at: str, old: Any, new: Any) -> Iterator[Violation]:
        if isinstance(old, dict) and set(old) - _SAY_NOTHING == {"$ref"}:
            old = _target(self.old, old["$ref"])
        if new is False and old is not False:
            yield Violation(at, "nothing is accepted here any more")
        if isinstance(new, bool) or old is False:
            return
        old = {} if old is True else old
        for keyword in new:
            if keyword not in _SAY_NOTHING:
                yield from self._changes_of(keyword, at, old=old, new=new)

    def _changes_of(
        self, keyword: str, at: str, *, old: Schema, new: Schema
    ) -> Iterator[Violation]:
        fragment, before = _fragment(new, keyword), _fragment(old, keyword)
        if fragment == before and self._same_targets(fragment):
            return
        proof = self._proof(fragment, before)
        if proof is not Containment.YES:
            proof = self._proof(fragment, old, otherwise=proof)
        if proof is Containment.YES:
            return
        parts = self._parts(keyword, at, old=old, new=new)
        found = [each for part in parts or () for each in self.changes(*part)]
        yield from found
        if not found and (parts is None or (parts and proof is Containment.NO)):
            changed = next(
                (each for each in fragment if before.get(each) != fragment[each]), keyword
            )
            place = keyword if keyword in _CERTAIN else changed
            certain = proof is Containment.NO or keyword in _CERTAIN
            doubt = "" if certain else "; whether that refuses more cannot be told"
            yield Violation(at + pointer([place]), _difference(place, old, new) + doubt)

    def _proof(
        self, fragment: Schema, old: Schema, *, otherwise: Containment = Containment.UNKNOWN
    ) -> Containment:
        """Whether the fragment takes all that the old schema takes."""
        if _choices(fragment, self.new) * _choices(old, self.old) > _MAX_CHOICES:
            return otherwise
        try:
            before = _canonical(old, self.old, uri="urn:old")
            return _canonical(fragment, self.new, uri="urn:new").covers(before)
        except ValueError:  # of the prover: more than it can take
            return otherwise

    def _parts(
        self, keyword: str, at: str, *, old: Schema, new: Schema
    ) -> list[tuple[str, Any, Any]] | None:
        """The pairs of schemas that decide over the keyword, each by itself, if it has such."""
        place, value = at + pointer([keyword]), new[keyword]
        others = old.get("additionalProperties", True)
        if keyword == "$ref":
            return self._targets(value, old)
        if keyword == "properties" and "patternProperties" not in old:
            before = old.get("properties", {})
            return [
                (place + pointer([name]), before.get(name, others), each)
                for name, each in value.items()
            ]
        if keyword == "items" and not {"prefixItems"} & {*old, *new}:
            return [(place, old.get("items", True), value)]
        if keyword == "additionalProperties" and value is not False and _same_names(old, new):
            return [(place, others, value)]
        if keyword in ("allOf", "anyOf") and len(old.get(keyword, ())) == len(value):
            pairs = zip(old[keyword], value, strict=True)
            return [(f"{place}/{index}", *pair) for index, pair in enumerate(pairs)]
        return None

    def _same_targets(self, fragment: Schema) -> bool:
        """Whether all that the fragment refers to, near and far, is what it was."""
        waiting, met = _references(fragment), set[str]()
        while waiting:
            reference = waiting.pop()
            if _target(self.new, reference) != _target(self.old, reference):
                return False
            met.add(reference)
            waiting |= _references(_target(self.new, reference)) - met
        return True

    def _targets(self, reference: str, old: Schema) -> list[tuple[str, Any, Any]]:
        """What is referred to, once; a schema that refers to itself is the same if its rest is."""
        pair = (old.get("$ref") or json.dumps(old, sort_keys=True), reference)
        if pair in self.compared:
            return []
        self.compared.add(pair)
        before = _target(self.old, old["$ref"]) if "$ref" in old else old
        return [(self.root + reference[1:], before, _target(self.new, reference))]


def _fragment(schema: Schema, keyword: str) -> Schema:
    """The keyword by itself, with what its meaning depends on."""
    if keyword.startswith("unevaluated"):
        return {name: value for name, value in schema.items() if name not in _SAY_NOTHING}
    belonging = (keyword, *_BELONGING.get(keyword, ()))
    found = {name: schema[name] for name in belonging if name in schema}
    if keyword in ("additionalProperties", "items"):  # of their neighbours only the names matter
        for name in set(found) - {keyword}:
            names = found[name]
            found[name] = (
                dict.fromkeys(names, True) if name != "prefixItems" else [True] * len(names)
            )
    return found


def _canonical(node: Schema, root: Schema, *, uri: str) -> jsonschema_rs.CanonicalSchema:
    registry, document = None, node
    if _references(node):
        whole = {name: value for name, value in root.items() if name != "$id"}
        whole["$defs"] = {**root.get("$defs", {}), _FRAGMENT: node}
        registry = jsonschema_rs.Registry([(uri, whole)])
        document = {"$ref": f"{uri}#/$defs/{_FRAGMENT}"}
    return jsonschema_rs.canonicalize(
        document,
        draft=jsonschema_rs.Draft202012,
        validate_formats=True,
        pattern_options=jsonschema_rs.RegexOptions(),
        registry=registry,
        offline=True,
    )


def _target(root: Schema, reference: str) -> Any:
    try:
        return resolve(root, reference)
    except LookupError:  # it is new, or was no reference
        return True


def _references(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return {found for each in schema for found in _references(each)}
    if not isinstance(schema, dict):
        return set()
    own = {schema[name] for name in ("$ref", "$dynamicRef") if isinstance(schema.get(name), str)}
    return own | _references(list(schema.values()))


def _choices(schema: Any, root: Schema) -> int:
    """How many ways there are through the schema, and through `$defs` when it refers."""
    found = _ways(schema)
    return found * _ways(root.get("$defs", {})) if _references(schema) else found


def _ways(schema: Any) -> int:
    if isinstance(schema, list):
        return prod(_ways(each) for each in schema)
    if not isinstance(schema, dict):
        return 1
    own = prod(
        len(schema[each]) for each in ("anyOf", "oneOf") if isinstance(schema.get(each), list)
    )
    return own * (2 if "if" in schema else 1) * prod(_ways(each) for each in schema.values())


def _same_names(old: Schema, new: Schema) -> bool:
    return all(
        set(old.get(names, ())) == set(new.get(names, ()))
        for names in ("properties", "patternProperties")
    )


def _difference(keyword: str, old: Schema, new: Schema) -> str:
    before, after = old.get(keyword), new[keyword]
    if keyword == "required":
        return f"became required: {_listed(set(after) - set(before or ()))}"
    if keyword == "enum" and isinstance(before, list):
        return f"no longer allowed: {_listed(each for each in before if each not in after)}"
    gone = set(old.get("properties", {})) - set(new.get("properties", {}))
    if keyword == "additionalProperties" and after is False and before is not False:
        return "fields that are not declared are refused now"
    if keyword == "additionalProperties" and after is False and gone:
        return f"refused, as it is no longer declared: {_listed(gone)}"
    if keyword in old and before == after:
        return "refers to what changed"
    if keyword not in old:
        return f"is new: {_shown(after)}"
    return f"was {_shown(before)}, is now {_shown(after)}"


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(sorted(_shown(each) for each in values))


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"
