import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthorn.core.errors import InvalidError
from posthorn.events import json_schema as schemas
from posthorn.events.catalogue_import import read_catalogue, read_openapi
from posthorn.events.event_types import builtin, check_type, violations
from posthorn.events.schema_compatibility import incompatible_changes
from posthorn.events.schema_samples import example_of
from posthorn.models import EventType, EventTypeKind, Source, Validation

INTEGER = {"type": "integer"}
TEXT = {"type": "string"}


def object_of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def event_type(**fields: Any) -> EventType:
    return EventType.model_validate(
        {"name": "StockCounted", "schema": object_of(Count=INTEGER), "example": {}, **fields}
    )


def named(error: InvalidError) -> list[tuple[str, str]]:
    return [(violation.field, violation.message) for violation in error.violations]


# --- the built-in types ---------------------------------------------------------------------------


def test_the_commerce_catalogue_has_its_19_types_in_5_categories() -> None:
    counted: dict[str, int] = {}
    for each in builtin().values():
        counted[each.category] = counted.get(each.category, 0) + 1
    assert counted == {"Customer": 2, "Order": 9, "Product": 4, "Supplier": 3, "System": 1}


@pytest.mark.parametrize("name", builtin())
def test_a_built_in_type_is_whole_and_takes_its_example(name: str) -> None:
    each = builtin()[name]
    check_type(each)
    assert violations(each, each.example) == []
    assert each.description
    assert each.source is Source.BUILTIN
    assert each.validation is Validation.REJECT
    assert each.kind is (
        EventTypeKind.NOTIFICATION if name.endswith("Notification") else EventTypeKind.EVENT
    )
    assert all(field["description"] for field in each.json_schema["properties"].values())


@pytest.mark.parametrize("name", builtin())
def test_a_missing_required_field_of_a_built_in_type_is_named(name: str) -> None:
    each = builtin()[name]
    for field in each.json_schema["required"]:
        data = {other: value for other, value in each.example.items() if other != field}
        found = [(each.field, each.message) for each in violations(each, data)]
        assert found == [(f"/data/{field}", "required")]


@pytest.mark.parametrize(
    ("name", "field", "value", "message"),
    [
        ("OrderReceivedEvent", "ClientId", 2**31, "maximum of 2147483647"),
        ("OrderCancelledEvent", "OrderId", 2**63, "maximum of 9223372036854775807"),
        ("OrderCancelledEvent", "OrderId", "1", 'is not of type "integer"'),
        ("JobCompletedEvent", "StatusId", 7, "is not one of"),
        ("InvoiceCaptureCompletedEvent", "State", "Failed", "is not one of"),
        ("CustomerChangedNotification", "EntityChanged", "tOrder", "is not one of"),
        ("OrderConfirmedEvent", "Email", "a@example.com", "unknown field"),
    ],
)
def test_data_that_breaks_a_built_in_schema_is_refused_at_its_field(
    name: str, field: str, value: Any, message: str
) -> None:
    each = builtin()[name]
    (violation,) = violations(each, {**each.example, field: value})
    assert violation.field == f"/data/{field}"
    assert message in violation.message


@pytest.mark.parametrize(
    "name",
    [
        "OrderDeliveredEvent",
        "SkuChangedNotification",
        "TranslationRequestedNotification",
        "SupplierSkuPriceChangedNotification",
    ],
)
def test_a_type_that_is_not_known_whole_takes_more_than_is_known(name: str) -> None:
    each = builtin()[name]
    assert violations(each, {**each.example, "SomethingElse": 1}) == []


def test_what_rules_can_watch_is_what_the_field_can_say() -> None:
    for each in builtin().values():
        changed = each.json_schema["properties"].get("EntityChanged", {})
        if "enum" in changed:
            assert [entity.name for entity in each.entities] == changed["enum"]


def test_a_type_reads_back_as_it_was_written() -> None:
    for each in builtin().values():
        written = each.model_dump(mode="json")
        assert written["schema"] == each.json_schema
        assert EventType.model_validate(written) == each
        assert EventType.model_validate_json(each.model_dump_json()) == each


# --- checks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        (
            {"schema": {"$ref": "https://example.com/schema.json"}},
            ("/schema/$ref", "is no pointer into this schema, and nothing is fetched"),
        ),
        (
            {"schema": object_of(**{"enum": {"$ref": "other.json"}})},
            (
                "/schema/properties/enum/$ref",
                "is no pointer into this schema, and nothing is fetched",
            ),
        ),
        (
            {"schema": object_of(A={"$id": "a", "$ref": "#"})},
            ("/schema/properties/A/$id", "is no pointer into this schema, and nothing is fetched"),
        ),
        ({"schema": {"$ref": "#/$defs/Nope"}}, ("/schema", "Pointer '/$defs/Nope' does not exist")),
        (
            {"schema": object_of(A={"pattern": "(?=a)"})},
            ("/schema/properties/A/pattern", '"(?=a)" is not a "regex"'),
        ),
        (
            {"schema": {"$schema": "http://json-schema.org/draft-07/schema#"}},
            ("/schema/$schema", "is not https://json-schema.org/draft/2020-12/schema"),
        ),
        ({"schema": {"title": "x" * 70_000}}, ("/schema", "is larger than 64 KiB")),
        ({"example": {"Note": "x" * 70_000}}, ("/example", "is larger than 64 KiB")),
        ({"example": {"Count": "a"}}, ("/example/Count", '"a" is not of type "integer"')),
        ({"schema": {"required": ["A/b"]}}, ("/example/A~1b", "required")),
        ({"schema": {"type": "array"}}, ("/example", '{} is not of type "array"')),
    ],
)
def test_a_type_that_cannot_be_used_is_refused_at_its_flaw(
    fields: dict[str, Any], found: tuple[str, str]
) -> None:
    with pytest.raises(InvalidError) as caught:
        check_type(event_type(**fields))
    assert named(caught.value) == [found]


def test_a_schema_that_is_no_schema_is_refused_where_it_is_wrong() -> None:
    with pytest.raises(InvalidError) as caught:
        check_type(event_type(schema=object_of(Count={"type": "intger"})))
    assert [field for field, _ in named(caught.value)] == ["/schema/properties/Count/type"]


def test_formats_are_checked() -> None:
    each = event_type(schema=object_of(At={"type": "string", "format": "date-time"}))
    assert violations(each, {"At": "2026-11-23T10:00:00Z"}) == []
    assert [found.field for found in violations(each, {"At": "today"})] == ["/data/At"]


def test_a_thousand_violations_are_told_by_the_first_fifty() -> None:
    each = event_type(schema=object_of(Lines={"items": TEXT}))
    found = violations(each, {"Lines": list(range(1000))})
    assert [violation.field for violation in found[:2]] == ["/data/Lines/0", "/data/Lines/1"]
    assert len(found) == 50


@pytest.mark.parametrize("odd", ["\ud800", {1, 2}])
def test_data_that_is_no_json_is_a_violation(odd: Any) -> None:
    found = violations(event_type(), {"Count": odd})
    assert [violation.field for violation in found] == ["/data"]


# --- reading catalogues ---------------------------------------------------------------------------


def test_a_catalogue_file_that_was_exported_can_be_imported() -> None:
    exported = {"event_types": [each.model_dump(mode="json") for each in builtin().values()]}
    read = read_catalogue(json.loads(json.dumps(exported)))
    assert {each.name for each in read} == set(builtin())
    assert {each.source for each in read} == {Source.CUSTOM}


def test_every_flaw_of_a_catalogue_file_is_named() -> None:
    sound = {"name": "A", "schema": {}, "example": {}}
    listed = [
        sound,
        {**sound, "name": "no spaces", "colour": "red"},
        {**sound, "example": {"B": 1}, "schema": object_of(B=TEXT), "name": "B"},
        "C",
        sound,
    ]
    with pytest.raises(InvalidError) as caught:
        read_catalogue({"event_types": listed})
    assert [field for field, _ in named(caught.value)] == [
        "/event_types/1/name",
        "/event_types/1/colour",
        "/event_types/2/example/B",
        "/event_types/3",
        "/event_types/4/name",
    ]


@pytest.mark.parametrize("document", [None, [], {}, {"event_types": []}, {"event_types": {}}])
def test_what_is_no_catalogue_is_refused(document: Any) -> None:
    with pytest.raises(InvalidError):
        read_catalogue(document)


def openapi(*, schemas: dict[str, Any] | None = None, **webhooks: Any) -> dict[str, Any]:
    return {"openapi": "3.1.0", "webhooks": webhooks, "components": {"schemas": schemas or {}}}


def webhook(schema: Any, **media: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": schema, **media}}
    return {"post": {"tags": ["Stock"], "summary": "Counted.", "requestBody": {"content": content}}}


def test_the_webhooks_of_an_openapi_document_become_event_types() -> None:
    document = openapi(
        StockCounted=webhook({"$ref": "#/components/schemas/Counted"}, example={"Count": 5}),
        StockChangedNotification=webhook(
            object_of(EventTypeKind={"enum": ["in", "out"]}),
            examples={"one": {"value": {"Kind": "out"}}},
        ),
        schemas={
            "Counted": {**object_of(Count=INTEGER, By={"$ref": "#/components/schemas/Person"})},
            "Person": object_of(Name=TEXT, Boss={"$ref": "#/components/schemas/Person"}),
            "Unused": TEXT,
        },
    )
    counted, changed = read_openapi(document)
    assert counted == EventType(
        name="StockCounted",
        category="Stock",
        description="Counted.",
        json_schema={
            **object_of(Count=INTEGER, By={"$ref": "#/$defs/Person"}),
            "$defs": {"Person": object_of(Name=TEXT, Boss={"$ref": "#/$defs/Person"})},
        },
        example={"Count": 5},
    )
    assert (changed.kind, changed.example) == (EventTypeKind.NOTIFICATION, {"Kind": "out"})
    assert violations(counted, {"By": {"Boss": {"Name": 1}}})[0].field == "/data/By/Boss/Name"


def test_a_webhook_without_an_example_gets_one_that_its_schema_takes() -> None:
    schema = {
        **object_of(
            Id={"type": "integer", "minimum": 1000},
            Share={"type": "number", "exclusiveMaximum": 1},
            At={"type": "string", "format": "date-time"},
            Code={"type": "string", "minLength": 6, "maxLength": 8},
            State={"enum": ["open", "closed"]},
            Note={"type": ["null", "string"]},
            Lines={"type": "array", "minItems": 2, "items": object_of(Sku=TEXT)},
            PastRoute={"oneOf": [{"const": "air"}, {"const": "sea"}]},
            Person={"allOf": [object_of(Name=TEXT), object_of(Email={"format": "email"})]},
        ),
        "required": ["Id", "Lines"],
    }
    (read,) = read_openapi(openapi(StockCounted=webhook(schema)))
    assert set(read.example) == set(schema["properties"])
    assert len(read.example["Lines"]) == 2


def test_an_example_of_a_schema_within_itself_comes_to_an_end() -> None:
    many = {name: {"$ref": "#"} for name in "abcdefghij"}
    assert example_of({**object_of(**many), "required": list(many)}) is not None


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"openapi": "3.1.0"}, ("/webhooks", "has not 1 to 500 webhooks")),
        ({**openapi(A=webhook({})), "openapi": "3.0.3"}, ("/openapi", "is not 3.1")),
        (openapi(A={"get": {}}), ("/webhooks/A/post", "is missing")),
        (openapi(A={"post": {}}), ("/webhooks/A/post/requestBody", "is missing")),
        (
            openapi(A={"post": {"requestBody": {"content": {"text/xml": {}}}}}),
            ("/webhooks/A/post/requestBody/content/application~1json", "is missing"),
        ),
        (
            openapi(A=webhook({"$ref": "#/components/schemas/Nope"})),
            (
                "/webhooks/A/post/requestBody/content/application~1json/schema/$ref",
                "leads nowhere",
            ),
        ),
        (
            openapi(
                A=webhook({"$ref": "#/components/schemas/B"}),
                schemas={"B": object_of(C={"items": {"$ref": "https://example.com/c.json"}})},
            ),
            (
                "/components/schemas/B/properties/C/items/$ref",
                "leads out of the document, and nothing is fetched",
            ),
        ),
        (
            openapi(A={"$ref": "#/webhooks/A"}),
            ("/webhooks/A/$ref", "leads in a circle"),
        ),
        (
            openapi(
                A=webhook({"$ref": "#/components/schemas/B"}, example={"C": {"D": "x"}}),
                schemas={
                    "B": object_of(C={"$ref": "#/components/schemas/C"}),
                    "C": object_of(D={"type": "integer", "minimum": "x"}),
                },
            ),
            ("/components/schemas/C/properties/D/minimum", '"x" is not of type "number"'),
        ),
        (
            openapi(A=webhook(object_of(C=INTEGER), example={"C": "x"})),
            (
                "/webhooks/A/post/requestBody/content/application~1json/example/C",
                '"x" is not of type "integer"',
            ),
        ),
        (
            openapi(**{"no spaces": webhook({}, example={})}),
            ("/webhooks/no spaces", "String should match pattern"),
        ),
    ],
)
def test_an_openapi_document_that_cannot_be_read_is_refused_at_its_flaw(
    document: Any, found: tuple[str, str]
) -> None:
    with pytest.raises(InvalidError) as caught:
        read_openapi(document)
    ((field, message),) = named(caught.value)
    assert field == found[0]
    assert message.startswith(found[1])


# --- changes of a schema --------------------------------------------------------------------------

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
        (object_of(A={"minimum": 3}), object_of(A={"exclusiveMinimum": 2})),
        (object_of(A=TEXT | {"format": "date"}), object_of(A=TEXT | {"title": "A"})),
        (object_of(A=TEXT, B=TEXT), object_of(A=TEXT)),
        (
            {**object_of(A=TEXT), "additionalProperties": False},
            {**object_of(A=TEXT, B=TEXT), "additionalProperties": False},
        ),
        ({**TREE, "$ref": "#/$defs/Node"}, {**WIDER_TREE, "$ref": "#/$defs/Node"}),
        ({**TREE, **object_of(A={"$ref": "#/$defs/Node"})}, object_of(A={"type": "object"})),
        ({"oneOf": [TEXT]}, {"oneOf": [TEXT, INTEGER]}),
        (object_of(A={"description": "x"}), object_of(A={"description": "y"})),
    ],
)
def test_a_schema_that_takes_all_it_took_is_compatible(
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
            {"/schema/additionalProperties": 'refused, as it is no longer declared: "B"'},
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
            {"/schema/properties/A/items/properties/B": "nothing is accepted here any more"},
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
                    'was "^a", is now "^ab?"; whether that refuses more cannot be told'
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
            {"/schema/then": 'is new: {"required": ["B"]}'},
        ),
    ],
)
def test_a_change_that_may_refuse_what_was_taken_is_named(
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
).filter(lambda schema: not schemas.flaws(schema, ""))
instances = st.recursive(
    st.sampled_from([0, 1, 2, -1, 1.5, None, True, "", "a", "ab", "abc"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(max_examples=50)
@given(old=whole_schemas, new=whole_schemas, data=st.lists(instances, min_size=5, max_size=10))
def test_no_change_that_refuses_what_was_taken_goes_unreported(
    old: dict[str, Any], new: dict[str, Any], data: list[Any]
) -> None:
    refused = any(
        not schemas.violations(old, each, "") and schemas.violations(new, each, "") for each in data
    )
    assert incompatible_changes(old, new) or not refused


@settings(max_examples=50)
@given(whole_schemas)
def test_a_schema_is_compatible_with_itself(schema: dict[str, Any]) -> None:
    assert incompatible_changes(schema, schema) == []
