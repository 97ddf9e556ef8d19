"""The schema of an event type as a table."""

from typing import Any

from console.pages.schema_table import MOST_DEPTH, MOST_ROWS, SchemaRow, rows


def names(schema: dict[str, Any]) -> list[tuple[int, str]]:
    return [(row.depth, row.name) for row in rows(schema)]


def test_a_row_has_all_constraints_of_a_field() -> None:
    field = {"type": "integer", "minimum": 1, "maximum": 9, "description": "How many.", "enum": [1]}

    found = rows({"required": ["Count"], "properties": {"Count": field}})

    assert found == [SchemaRow(0, "Count", "integer", True, "How many.", ("≥ 1", "≤ 9"), ("1",))]


def test_nested_fields_follow_their_parent() -> None:
    line = {"type": "object", "properties": {"PartNo": {"type": "string", "format": "uuid"}}}
    schema = {"properties": {"Rows": {"type": "array", "items": line}, "Ref": {"type": "string"}}}

    assert names(schema) == [(0, "Rows"), (1, "[]"), (2, "PartNo"), (0, "Ref")]
    assert [row.kind for row in rows(schema)] == [
        "array of objects",
        "object",
        "string (uuid)",
        "string",
    ]


def test_a_reference_is_followed_and_its_sibling_keywords_count() -> None:
    address = {"type": "object", "description": "Any.", "properties": {"City": {"type": "string"}}}
    schema = {
        "$defs": {"Address": address},
        "properties": {"Home": {"$ref": "#/$defs/Address", "description": "Where."}},
    }

    assert names(schema) == [(0, "Home"), (1, "City")]
    assert rows(schema)[0].description == "Where."


def test_fields_of_all_of_are_siblings_and_choices_are_children() -> None:
    schema = {
        "properties": {"A": {}},
        "allOf": [{"properties": {"B": {"oneOf": [{"type": "string"}, {"type": "null"}]}}}],
    }

    assert names(schema) == [(0, "A"), (0, "B"), (1, "one of"), (1, "one of")]


def test_a_schema_that_refers_to_itself_comes_to_an_end() -> None:
    tree = {"properties": {"child": {"$ref": "#"}}}
    loop = {"allOf": [{"$ref": "#/$defs/B"}], "properties": {"x": {"type": "integer"}}}
    back = {"$defs": {"A": loop, "B": {"allOf": [{"$ref": "#/$defs/A"}]}}, "$ref": "#/$defs/A"}

    assert len(rows(tree)) == MOST_DEPTH + 1
    assert names({**back, "allOf": [{"$ref": "#/$defs/A"}]}) == [(0, "x")]
    assert rows({"allOf": [{"$ref": "#"}]}) == []
    assert rows({"allOf": [{"$ref": "#", "title": "Again"}]}) == []


def test_a_schema_of_any_size_makes_a_table_of_some() -> None:
    wide = {"properties": {f"field{number}": {} for number in range(MOST_ROWS + 1)}}

    assert len(rows(wide)) == MOST_ROWS


def test_a_field_that_must_be_absent_and_one_that_may_be_anything() -> None:
    found = rows({"properties": {"never": False, "any": True}})

    assert [(row.kind, row.rules) for row in found] == [
        ("anything", ("always absent",)),
        ("anything", ()),
    ]
