"""CloudEvents 1.0 as input, in structured and binary mode."""

import json
from typing import Any

import pytest
from cloudevents.core.bindings.http import (
    to_binary_event,
    to_structured_event,
)
from cloudevents.core.v1.event import CloudEvent

from posthorn.core.errors import InvalidError
from posthorn.events.cloudevents import (
    CloudPublication,
    ContentMode,
    content_mode,
    read_binary,
    read_structured,
)
from posthorn.models import CloudAttributes
from tests.unit.samples import NOW

ORDER = {"OrderNo": "SO-1", "Amount": 1299.5, "Name": "Åsa", "Lines": [{"Sku": "a", "Count": 2}]}


def cloud_event(**attributes: Any) -> CloudEvent:
    return CloudEvent(
        {
            "id": "4711 å",
            "source": "https://shop.example.com/orders",
            "type": "OrderReceivedEvent",
            "time": NOW,
            "datacontenttype": "application/json",
            "subject": "order",
            "traceparent": "00-1-2-03",
            **attributes,
        },
        dict(ORDER),
    )


ATTRIBUTES = CloudAttributes(
    id="4711 å",
    source="https://shop.example.com/orders",
    subject="order",
    extensions={"traceparent": "00-1-2-03"},
)
PUBLICATION = {
    "id": "https://shop.example.com/orders 4711 å",
    "type": "OrderReceivedEvent",
    "time": "2026-11-23T10:00:00.000Z",
    "data": ORDER,
}


TAKEN = CloudPublication(PUBLICATION, ATTRIBUTES)


def test_a_structured_cloud_event_of_the_official_sdk_is_taken() -> None:
    message = to_structured_event(cloud_event())
    assert content_mode(message.headers) is ContentMode.STRUCTURED
    assert read_structured(json.loads(message.body)) == TAKEN


def test_a_binary_cloud_event_of_the_official_sdk_is_taken() -> None:
    message = to_binary_event(cloud_event())
    headers = {name.title(): value for name, value in message.headers.items()}
    assert content_mode(headers) is ContentMode.BINARY
    assert read_binary(headers, json.loads(message.body)) == TAKEN


@pytest.mark.parametrize(
    ("headers", "mode"),
    [
        ({"content-type": "application/json"}, None),
        ({}, None),
        (
            {
                "Content-Type": "application/cloudevents+json; charset=utf-8",
                "ce-specversion": "1.0",
            },
            ContentMode.STRUCTURED,
        ),
        ({"content-type": "application/cloudevents-batch+json"}, ContentMode.BATCH),
        ({"content-type": "application/json", "CE-SpecVersion": "1.0"}, ContentMode.BINARY),
    ],
)
def test_the_content_mode_is_read_from_the_headers(
    headers: dict[str, str], mode: ContentMode | None
) -> None:
    assert content_mode(headers) is mode


STRUCTURED = {"specversion": "1.0", "id": "1", "source": "/s", "type": "X", "data": {}}


def test_the_least_that_a_cloud_event_has_is_enough() -> None:
    least = {name: value for name, value in STRUCTURED.items() if name != "data"}
    taken = read_structured(least)
    assert taken.publication == {"id": "/s 1", "type": "X", "data": None}
    assert taken.attributes == CloudAttributes(id="1", source="/s")


def test_events_of_the_same_id_from_two_sources_are_two_events() -> None:
    other = read_structured({**STRUCTURED, "source": "/t"})
    assert other.publication["id"] != read_structured(STRUCTURED).publication["id"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"specversion": "0.3"}, "/specversion"),
        ({"id": ""}, "/id"),
        ({"id": "x" * 300}, "/id"),
        ({"source": "has a space"}, "/source"),
        ({"type": "com/example"}, "/type"),
        ({"time": "yesterday"}, "/time"),
        ({"datacontenttype": "text/xml"}, "/datacontenttype"),
        ({"subject": ""}, "/subject"),
        ({"myExtension": "x"}, "/myExtension"),
        ({"myextension": {"a": 1}}, "/myextension"),
        ({"myextension": 1.5}, "/myextension"),
        ({"myextension": "x" * 1025}, "/myextension"),
        ({f"e{n}": 1 for n in range(51)}, "/e0"),
        ({"data_base64": "e30="}, "/data_base64"),
    ],
)
def test_a_refused_cloud_event_names_the_invalid_attribute(
    changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidError) as caught:
        read_structured({**STRUCTURED, **changes})
    assert [violation.field for violation in caught.value.violations] == [field]


def test_a_binary_cloud_event_that_cannot_be_taken_names_its_headers() -> None:
    headers = {"ce-specversion": "1.0", "ce-id": "1", "content-type": "text/plain"}
    with pytest.raises(InvalidError) as caught:
        read_binary(headers, {})
    fields = [violation.field for violation in caught.value.violations]
    assert sorted(fields) == ["ce-source", "ce-type", "content-type"]


@pytest.mark.parametrize("document", [None, [], "x", 1])
def test_a_cloud_event_must_be_an_object(document: Any) -> None:
    with pytest.raises(InvalidError):
        read_structured(document)
