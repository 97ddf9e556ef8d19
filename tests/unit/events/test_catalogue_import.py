"""Event types from a catalogue file, and from the webhooks of an OpenAPI 3.1 document."""

import json
from typing import Any

import pytest

from posthorn.core.errors import InvalidError
from posthorn.events.catalogue_import import read_catalogue, read_openapi
from posthorn.events.event_types import builtin, violations
from posthorn.models import EventType, EventTypeKind, Source
from tests.unit.events.event_type_samples import INTEGER, TEXT, named, object_of

# --- the catalogue file ---------------------------------------------------------------------------


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
def test_a_document_that_is_not_a_catalogue_is_refused(document: Any) -> None:
    with pytest.raises(InvalidError):
        read_catalogue(document)


# --- OpenAPI --------------------------------------------------------------------------------------


def openapi(*, schemas: dict[str, Any] | None = None, **webhooks: Any) -> dict[str, Any]:
    return {"openapi": "3.1.0", "webhooks": webhooks, "components": {"schemas": schemas or {}}}


def webhook(schema: Any, **media: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": schema, **media}}
    return {"post": {"tags": ["Stock"], "summary": "Counted.", "requestBody": {"content": content}}}


def test_the_webhooks_of_an_openapi_document_become_event_types() -> None:
    document = openapi(
        StockCounted=webhook({"$ref": "#/components/schemas/Counted"}, example={"Count": 5}),
        StockChangedNotification=webhook(
            object_of(Kind={"enum": ["in", "out"]}),
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
            Route={"oneOf": [{"const": "air"}, {"const": "sea"}]},
            Person={"allOf": [object_of(Name=TEXT), object_of(Email={"format": "email"})]},
        ),
        "required": ["Id", "Lines"],
    }
    (read,) = read_openapi(openapi(StockCounted=webhook(schema)))
    assert set(read.example) == set(schema["properties"])
    assert len(read.example["Lines"]) == 2


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"openapi": "3.1.0"}, ("/webhooks", "must have 1 to 500 webhooks")),
        ({**openapi(A=webhook({})), "openapi": "3.0.3"}, ("/openapi", "must be 3.1")),
        (openapi(A={"get": {}}), ("/webhooks/A/post", "required")),
        (openapi(A={"post": {}}), ("/webhooks/A/post/requestBody", "required")),
        (
            openapi(A={"post": {"requestBody": {"content": {"text/xml": {}}}}}),
            ("/webhooks/A/post/requestBody/content/application~1json", "required"),
        ),
        (
            openapi(A=webhook({"$ref": "#/components/schemas/Nope"})),
            (
                "/webhooks/A/post/requestBody/content/application~1json/schema/$ref",
                "refers to a value that does not exist",
            ),
        ),
        (
            openapi(
                A=webhook({"$ref": "#/components/schemas/B"}),
                schemas={"B": object_of(C={"items": {"$ref": "https://example.com/c.json"}})},
            ),
            (
                "/components/schemas/B/properties/C/items/$ref",
                "must refer to this document: nothing is fetched",
            ),
        ),
        (
            openapi(A={"$ref": "#/webhooks/A"}),
            ("/webhooks/A/$ref", "is a circular reference"),
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
            ("/webhooks/no spaces", "must be 1 to 128 letters, digits"),
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
