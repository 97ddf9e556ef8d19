"""Event types: the built-in ones, and the checks of a type and of an event's data."""

from typing import Any

import pytest

from posthorn.core.errors import InvalidError
from posthorn.events.event_types import builtin, check_type, violations
from posthorn.models import EventType, EventTypeKind, Source, Validation
from tests.unit.events.event_type_samples import TEXT, event_type, named, object_of


def test_the_commerce_catalogue_has_its_22_types_in_5_categories() -> None:
    counted: dict[str, int] = {}
    for each in builtin().values():
        counted[each.category] = counted.get(each.category, 0) + 1
    assert counted == {"Customer": 2, "Order": 10, "Product": 5, "Supplier": 3, "System": 2}


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


def test_the_entities_of_rules_are_the_values_of_the_field() -> None:
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


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        (
            {"schema": {"$ref": "https://example.com/schema.json"}},
            ("/schema/$ref", "must be a pointer into this schema: nothing is fetched"),
        ),
        (
            {"schema": object_of(**{"enum": {"$ref": "other.json"}})},
            (
                "/schema/properties/enum/$ref",
                "must be a pointer into this schema: nothing is fetched",
            ),
        ),
        (
            {"schema": object_of(A={"$id": "a", "$ref": "#"})},
            ("/schema/properties/A/$id", "must be a pointer into this schema: nothing is fetched"),
        ),
        ({"schema": {"$ref": "#/$defs/Nope"}}, ("/schema", "Pointer '/$defs/Nope' does not exist")),
        (
            {"schema": object_of(A={"pattern": "(?=a)"})},
            ("/schema/properties/A/pattern", '"(?=a)" is not a "regex"'),
        ),
        (
            {"schema": {"$schema": "http://json-schema.org/draft-07/schema#"}},
            ("/schema/$schema", "must be https://json-schema.org/draft/2020-12/schema"),
        ),
        ({"schema": {"title": "x" * 70_000}}, ("/schema", "must have at most 64 KiB")),
        ({"example": {"Note": "x" * 70_000}}, ("/example", "must have at most 64 KiB")),
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


def test_an_invalid_schema_is_refused_at_its_fault() -> None:
    with pytest.raises(InvalidError) as caught:
        check_type(event_type(schema=object_of(Count={"type": "intger"})))
    assert [field for field, _ in named(caught.value)] == ["/schema/properties/Count/type"]


def test_formats_are_checked() -> None:
    each = event_type(schema=object_of(At={"type": "string", "format": "date-time"}))
    assert violations(each, {"At": "2026-11-23T10:00:00Z"}) == []
    assert [found.field for found in violations(each, {"At": "today"})] == ["/data/At"]


def test_of_a_thousand_violations_the_first_fifty_are_reported() -> None:
    each = event_type(schema=object_of(Lines={"items": TEXT}))
    found = violations(each, {"Lines": list(range(1000))})
    assert [violation.field for violation in found[:2]] == ["/data/Lines/0", "/data/Lines/1"]
    assert len(found) == 50


@pytest.mark.parametrize("odd", ["\ud800", {1, 2}])
def test_data_that_is_not_json_is_a_violation(odd: Any) -> None:
    found = violations(event_type(), {"Count": odd})
    assert [violation.field for violation in found] == ["/data"]
