"""CloudEvents as input: structured, binary and in batches."""

import json
from typing import Any

import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

from posthorn.models import Event
from tests.integration.conftest import Tenant
from tests.support.http_client import Answer, Client
from tests.support.world import ORDER, answered

ONE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "4711",
    "source": "/orders",
    "type": "OrderReceivedEvent",
    "time": "2026-11-23T10:00:00Z",
    "data": ORDER,
}
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
BINARY = {
    "ce-specversion": "1.0",
    "ce-id": "4711",
    "ce-source": "/orders",
    "ce-type": "OrderReceivedEvent",
    "ce-time": "2026-11-23T10:00:00Z",
}


def send(tenant: Tenant, body: object, **headers: str) -> Answer:
    return tenant.client.post("/v1/events", body, **headers)


def structured(tenant: Tenant, body: object, content_type: str = STRUCTURED) -> Answer:
    return send(tenant, body, content_type=content_type)


def queued(tenant: Tenant) -> list[Event]:
    """Receive and delete this tenant's messages."""
    messages = tenant.world.receive(tenant.world.settings.event_queue_url)
    events = [Event.model_validate_json(message["Body"]) for message in messages]
    return [event for event in events if event.tenant == tenant.id]


def sdk_event() -> CloudEvent:
    attributes = {name: ONE[name] for name in ("id", "source", "type")}
    return CloudEvent({**attributes, "datacontenttype": "application/json"}, dict(ORDER))


def test_an_event_means_the_same_however_it_is_carried(tenant: Tenant) -> None:
    plain = {name: ONE[name] for name in ("type", "time", "data")}

    answers = [
        send(tenant, {**plain, "id": "/orders 4711"}),
        structured(tenant, ONE),
        send(tenant, ORDER, **BINARY),
    ]

    assert [each.status for each in answers] == [202, 202, 202]
    first, *others = queued(tenant)
    assert {each.json["id"] for each in answers} == {first.id}
    assert (first.type, first.data, first.published_id) == (
        "OrderReceivedEvent",
        ORDER,
        "/orders 4711",
    )
    assert first.time.isoformat() == "2026-11-23T10:00:00+00:00"
    assert {(each.id, each.time) for each in others} == {(first.id, first.time)}


@pytest.mark.parametrize("write", [to_structured_event, to_binary_event])
def test_events_of_the_official_sdk_are_accepted(tenant: Tenant, write: Any) -> None:
    message = write(sdk_event())

    answer = send(tenant, message.body, **message.headers)

    assert answer.status == 202
    (event,) = queued(tenant)
    assert (event.type, event.data) == ("OrderReceivedEvent", ORDER)


def test_a_batch_is_answered_event_by_event(tenant: Tenant) -> None:
    bad = {**ONE, "source": "has a space"}
    incomplete = {**ONE, "id": "2", "data": {"ClientId": 1}}

    answer = structured(tenant, [ONE, bad, "nothing", incomplete], BATCH)

    assert answer.status == 202
    taken, *refused = answer.json["results"]
    (event,) = queued(tenant)
    assert taken == {"id": event.id}
    fields = [each["error"]["errors"][0]["field"] for each in refused]
    assert fields == ["/source", "", "/data/ApplicationId"]


@pytest.mark.parametrize("body", ["[]", "{}", json.dumps([ONE] * 101)])
def test_a_batch_is_a_list_of_1_to_100(tenant: Tenant, body: str) -> None:
    answer = structured(tenant, body, BATCH)

    assert (answer.status, answer.fields) == (422, ["/events"])
    assert queued(tenant) == []


def test_a_single_cloud_event_is_never_read_as_a_batch(tenant: Tenant) -> None:
    structured_answer = structured(tenant, {**ONE, "events": "1"})
    binary_answer = send(tenant, {**ORDER, "events": [1]}, **BINARY)

    assert structured_answer.status == 202
    assert (binary_answer.status, binary_answer.fields) == (422, ["/data/events"])


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"specversion": "0.3"}, ["/specversion"]),
        ({"time": "0001-01-01T00:00:00+05:00"}, ["/time"]),
        ({"type": "NoSuchEvent"}, ["/type"]),
        ({"data": [1]}, ["/data"]),
        ({"data_base64": "e30="}, ["/data_base64"]),
        ({"data": {**ORDER, "ClientId": "x"}}, ["/data/ClientId"]),
    ],
)
def test_a_structured_event_that_breaks_a_rule_names_the_field(
    tenant: Tenant, changes: dict[str, Any], fields: list[str]
) -> None:
    answer = structured(tenant, {**ONE, **changes})

    assert (answer.status, answer.fields) == (422, fields)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_binary_event_that_breaks_a_rule_names_its_headers(tenant: Tenant) -> None:
    answer = send(tenant, ORDER, **{"ce-specversion": "1.0", "ce-id": "1"})

    assert (answer.status, sorted(answer.fields)) == (422, ["ce-source", "ce-type"])


@pytest.mark.parametrize("content_type", [STRUCTURED, BATCH])
@pytest.mark.parametrize("body", ["{", "[1", "null]", "[NaN]"])
def test_a_body_that_is_not_json_is_malformed(tenant: Tenant, content_type: str, body: str) -> None:
    answer = structured(tenant, body, content_type)

    assert (answer.status, answer.json["code"]) == (400, "malformed_json")


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "application/cloudevents+avro"},
        {"content-type": "application/cloudevents"},
        {**BINARY, "content-type": "text/xml"},
    ],
)
def test_other_formats_are_not_read(tenant: Tenant, headers: dict[str, str]) -> None:
    answer = send(tenant, "<a/>", **headers)

    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (json.dumps(ONE).encode(), {"content-type": f"{STRUCTURED}; charset=utf-8"}),
        (json.dumps([ONE]).encode(), {"content-type": BATCH.upper()}),
        (json.dumps(ORDER).encode(), {**BINARY, "content-type": "application/vnd.order+json"}),
    ],
)
def test_a_body_that_the_gateway_took_for_bytes_is_read(
    tenant: Tenant, body: bytes, headers: dict[str, str]
) -> None:
    assert send(tenant, body, **headers).status == 202
    assert [event.published_id for event in queued(tenant)] == ["/orders 4711"]


@pytest.mark.parametrize("headers", [{"content-type": STRUCTURED}, {"content-type": BATCH}, BINARY])
def test_a_cloud_event_without_a_body_is_refused(tenant: Tenant, headers: dict[str, str]) -> None:
    answer = send(tenant, None, **headers)

    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_one_request_leaves_nothing_to_the_next(tenant: Tenant) -> None:
    send(tenant, "<a/>", **{**BINARY, "content-type": "text/xml"})

    assert send(tenant, {"type": "OrderReceivedEvent", "data": ORDER}).status == 202
    assert structured(tenant, ONE, "application/json").fields != []


def delivered(tenant: Tenant, answer: Answer) -> Any:
    """The body that an endpoint with the payload mode `cloudevents` gets."""
    assert answer.status == 202
    endpoint = tenant.world.endpoint(tenant.id, tenant=tenant.id, payload={"mode": "cloudevents"})
    tenant.world.answers[endpoint.url] = lambda _: answered(200)
    tenant.world.take_events()
    (sent,) = (each for each in tenant.world.sent if each.url == endpoint.url)
    return json.loads(sent.body)


MORE = {"subject": "4711", "dataschema": "https://example.com/s", "partition": "a", "sequence": 7}


def test_attributes_and_extensions_arrive_as_they_were_published(tenant: Tenant) -> None:
    body = delivered(tenant, structured(tenant, {**ONE, **MORE}))
    assert body == {**ONE, **MORE, "time": body["time"], "datacontenttype": "application/json"}


@pytest.mark.parametrize("data", [None, [1, "a"], "text", 1.5, True])
def test_data_may_be_any_json_or_missing(admin: Client, tenant: Tenant, data: Any) -> None:
    name = f"any_{tenant.id}"
    spec = {"schema": {}, "example": [1], "kind": "event", "category": "Test"}
    assert admin.put(f"/v1/event-types/{name}", spec).status in (200, 201)
    event = {**ONE, "type": name, "data": data}
    if data is None:
        del event["data"]

    body = delivered(tenant, structured(tenant, event))

    assert body.get("data") == data
    assert ("data" in body) is (data is not None)


def test_a_binary_event_may_have_no_body_or_any_json(admin: Client, tenant: Tenant) -> None:
    name = f"any_{tenant.id}"
    spec = {"schema": {}, "example": [1], "kind": "event", "category": "Test"}
    assert admin.put(f"/v1/event-types/{name}", spec).status in (200, 201)

    for number, sent in enumerate((None, "[1]", '"text"')):
        headers = {**BINARY, "ce-type": name, "ce-id": str(number)}
        assert send(tenant, sent, **headers).status == 202
    assert [each.data for each in queued(tenant)] == [None, [1], "text"]
    assert send(tenant, '1,"x":2', **{**BINARY, "ce-type": name}).status == 400
