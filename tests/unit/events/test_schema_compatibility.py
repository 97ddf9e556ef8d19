"""Schema changes that may refuse data that the old schema accepted."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthorn.events import json_schema
from posthorn.events.schema_compatibility import incompatible_changes
from tests.unit.events.event_type_samples import INTEGER, TEXT, object_of

NULLABLE = {"anyOf": [TEXT, {"type": "null"}]}
TREE = {"$defs": {"Node": object_of(Next={"$ref": "#/$defs/Node"}, Value=TEXT)}}
WIDER_TREE = {"$defs": {"Node": object_of(Next={"$ref": "#/$defs/Node"}, Value={})}}
NARROWER_TREE = {"$defs": {"Node": object_of(Next={"$ref": "#/$defs/Node"}, Value=INTEGER)}}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (object_of(A=INTEGER), object_of(A={"type": "number"})),
        (object_of(A=TEXT), object_of(A=NULLABLE)),
        ({**object_of(A=TEXT), "required": ["A"]}, object_of(A=TEXT)),
        (object_of(A={"enum": [1]}), object_of(A={"enum": [1, 2]})),
        (object_of(A=TEXT | {"format": "date"}), object_of(A=TEXT | {"title": "A"})),
        (object_of(A=TEXT, B=TEXT), object_of(A=TEXT)),
        (
            {**object_of(A=TEXT), "additionalProperties": False},
            {**object_of(A=TEXT, B=TEXT), "additionalProperties": False},
        ),
        ({**TREE, "$ref": "#/$defs/Node"}, {**WIDER_TREE, "$ref": "#/$defs/Node"}),
        ({**TREE, **object_of(A={"$ref": "#/$defs/Node"})}, object_of(A={"type": "object"})),
        (object_of(A={"description": "x"}), object_of(A={"description": "y"})),
    ],
)
def test_a_schema_that_accepts_all_it_accepted_is_compatible(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    assert incompatible_changes(old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            object_of(A=TEXT),
            {**object_of(A=TEXT), "required": ["A"]},
            {"/schema/required": 'became required: "A"'},
        ),
        (
            object_of(A={"type": ["integer", "null"]}),
            object_of(A=INTEGER),
            {"/schema/properties/A/type": 'was ["integer", "null"], is now "integer"'},
        ),
        (
            object_of(A={"type": "number"}),
            object_of(A=INTEGER),
            {"/schema/properties/A/type": 'was "number", is now "integer"'},
        ),
        (
            object_of(A={"enum": ["x", "y", "z"]}),
            object_of(A={"enum": ["x"]}),
            {"/schema/properties/A/enum": 'no longer allowed: "y", "z"'},
        ),
        (
            object_of(A={"maximum": 10}),
            object_of(A={"maximum": 9}),
            {"/schema/properties/A/maximum": "was 10, is now 9"},
        ),
        (
            object_of(A=TEXT),
            {**object_of(A=TEXT), "additionalProperties": False},
            {"/schema/additionalProperties": "fields that are not declared are refused now"},
        ),
        (
            {**object_of(A=TEXT, B=TEXT), "additionalProperties": False},
            {**object_of(A=TEXT), "additionalProperties": False},
            {"/schema/additionalProperties": 'no longer declared, so refused: "B"'},
        ),
        (
            object_of(A=TEXT),
            object_of(A={**TEXT, "pattern": "^x", "format": "date"}),
            {
                "/schema/properties/A/pattern": 'is new: "^x"',
                "/schema/properties/A/format": 'is new: "date"',
            },
        ),
        (
            object_of(A=TEXT),
            object_of(A={"const": "x"}),
            {"/schema/properties/A/const": 'is new: "x"'},
        ),
        (
            object_of(A={"items": object_of(B=TEXT)}),
            object_of(A={"items": object_of(B=False)}),
            {"/schema/properties/A/items/properties/B": "no value is accepted any more"},
        ),
        (
            {**TREE, **object_of(A={"$ref": "#/$defs/Node"}, B={"$ref": "#/$defs/Node"})},
            {**NARROWER_TREE, **object_of(A={"$ref": "#/$defs/Node"}, B={"$ref": "#/$defs/Node"})},
            {"/schema/$defs/Node/properties/Value/type": 'was "string", is now "integer"'},
        ),
        (
            object_of(A={"pattern": "^a"}),
            object_of(A={"pattern": "^ab?"}),
            {
                "/schema/properties/A/pattern": (
                    'was "^a", is now "^ab?"; cannot tell whether that refuses accepted events'
                )
            },
        ),
        (
            object_of(**{f"F{n}": NULLABLE for n in range(20)}),
            object_of(**{f"F{n}": NULLABLE if n else TEXT for n in range(20)}),
            {"/schema/properties/F0/type": 'is new: "string"'},
        ),
        (
            object_of(A=TEXT),
            {**object_of(A=TEXT), "if": {"required": ["A"]}, "then": {"required": ["B"]}},
            {
                "/schema/if": 'is new: {"required": ["A"]}',
                "/schema/then": 'is new: {"required": ["B"]}',
            },
        ),
        (
            {**TREE, "$ref": "#/$defs/Node", "minProperties": 1},
            {**NARROWER_TREE, "$ref": "#/$defs/Node"},
            {
                "/schema/$ref": (
                    'was "#/$defs/Node", is now "#/$defs/Node"; '
                    "cannot tell whether that refuses accepted events"
                )
            },
        ),
        (
            {"oneOf": [TEXT]},
            {"oneOf": [TEXT, INTEGER]},
            {
                "/schema/oneOf": (
                    'was [{"type": "string"}], is now [{"type": "string"}, {"type": "integer"}]; '
                    "cannot tell whether that refuses accepted events"
                )
            },
        ),
    ],
)
def test_a_change_that_may_refuse_accepted_data_is_named(
    old: dict[str, Any], new: dict[str, Any], expected: dict[str, str]
) -> None:
    found = incompatible_changes(old, new)
    assert {violation.field: violation.message for violation in found} == expected


def schema_of(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    names = st.sampled_from("ab")
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "string", "integer", "number", ["array", "null"]]),
            "enum": st.lists(st.sampled_from([1, "a", None]), min_size=1, unique=True),
            "minimum": st.integers(-1, 2),
            "maxLength": st.integers(0, 2),
            "properties": st.dictionaries(names, inner, max_size=2),
            "required": st.lists(names, unique=True),
            "additionalProperties": st.booleans() | inner,
            "items": inner,
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "not": inner,
            "$ref": st.just("#/$defs/x"),
        },
    )


subschemas = st.recursive(st.booleans(), schema_of, max_leaves=5)
whole_schemas = st.builds(
    lambda schema, x: {**schema, "$defs": {"x": x}}, schema_of(subschemas), subschemas
).filter(lambda schema: not json_schema.flaws(schema, ""))
instances = st.recursive(
    st.sampled_from([0, 1, 2, -1, 1.5, None, True, "", "a", "ab", "abc"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(max_examples=50)
@given(old=whole_schemas, new=whole_schemas, data=st.lists(instances, min_size=5, max_size=10))
def test_every_change_that_refuses_accepted_data_is_reported(
    old: dict[str, Any], new: dict[str, Any], data: list[Any]
) -> None:
    refused = any(
        not json_schema.violations(old, each, "") and json_schema.violations(new, each, "")
        for each in data
    )
    assert incompatible_changes(old, new) or not refused


@settings(max_examples=50)
@given(whole_schemas)
def test_a_schema_is_compatible_with_itself(schema: dict[str, Any]) -> None:
    assert incompatible_changes(schema, schema) == []
