"""Publishing: accepted events are on the queue, refused ones have a reason."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from posthorn.models import Event, iso
from tests.integration.conftest import Tenant
from tests.support.http_client import Answer
from tests.support.invocations import deployed
from tests.support.world import ORDER, World, answered

EVENT: dict[str, Any] = {"type": "OrderReceivedEvent", "data": ORDER}
JOB: dict[str, Any] = {"ClientId": 1042, "JobId": 660184, "StatusId": 2}
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def publish(tenant: Tenant, body: object, **headers: str) -> Answer:
    return tenant.client.post("/v1/events", body, **headers)


def queued(tenant: Tenant) -> list[Event]:
    """Receive and delete this tenant's messages."""
    messages = tenant.world.receive(tenant.world.settings.event_queue_url)
    events = [Event.model_validate_json(message["Body"]) for message in messages]
    return [event for event in events if event.tenant == tenant.id]


@contextmanager
def sqs_refusing(world: World, *positions: int) -> Iterator[None]:
    """SQS refuses these messages, by position among those sent together."""

    def refuse(parsed: Any, **_: Any) -> None:
        failed = [each for each in parsed["Successful"] if int(each["Id"]) in positions]
        parsed["Successful"] = [each for each in parsed["Successful"] if each not in failed]
        parsed["Failed"] = [
            {"Id": each["Id"], "SenderFault": False, "Code": "InternalError"} for each in failed
        ]

    world.sqs.meta.events.register("after-call.sqs.SendMessageBatch", refuse)
    try:
        yield
    finally:
        world.sqs.meta.events.unregister("after-call.sqs.SendMessageBatch", refuse)


def test_an_accepted_event_is_on_the_queue_as_it_was_published(tenant: Tenant) -> None:
    answer = publish(tenant, {**EVENT, "time": "2026-11-23T09:00:00+01:00"})

    assert (answer.status, answer.headers["content-type"]) == (202, "application/json")
    (event,) = queued(tenant)
    assert answer.json == {"id": event.id}
    assert (event.tenant, event.type, event.data) == (tenant.id, "OrderReceivedEvent", ORDER)
    assert event.time.isoformat() == "2026-11-23T08:00:00+00:00"
    assert (event.published_id, event.change, event.traceparent) == (None, None, None)


def test_an_event_without_a_time_happened_when_it_was_accepted(tenant: Tenant) -> None:
    publish(tenant, EVENT)

    (event,) = queued(tenant)
    assert event.time == event.accepted_at


def test_a_notification_carries_its_change(tenant: Tenant) -> None:
    change = {"entity": "tClientCustomer", "operation": "update", "fields": ["Email", "City"]}
    data = {"ClientId": 1042, "CustomerId": 58213, "EntityChanged": "tClientCustomer"}

    publish(tenant, {"type": "CustomerChangedNotification", "data": data, "change": change})

    (event,) = queued(tenant)
    assert event.change is not None
    assert event.change.model_dump(mode="json") == change


def test_messages_of_a_tenant_are_one_group_so_that_queues_stay_fair(tenant: Tenant) -> None:
    publish(tenant, EVENT)

    received = tenant.world.sqs.receive_message(
        QueueUrl=tenant.world.settings.event_queue_url, AttributeNames=["MessageGroupId"]
    )["Messages"]
    assert [each["Attributes"]["MessageGroupId"] for each in received] == [tenant.id]


def test_the_same_id_is_the_same_event_however_often_it_is_published(tenant: Tenant) -> None:
    body = {**EVENT, "id": "order-4711-received"}

    ids = {publish(tenant, body).json["id"] for _ in range(2)}

    assert len(ids) == 1
    assert {event.published_id for event in queued(tenant)} == {"order-4711-received"}


def test_events_without_an_id_are_never_taken_for_one_another(tenant: Tenant) -> None:
    batch = publish(tenant, {"events": [EVENT, EVENT]}).json["results"]
    again = publish(tenant, EVENT).json

    assert len({batch[0]["id"], batch[1]["id"], again["id"]}) == 3


def test_a_batch_of_100_is_taken_in_its_order(tenant: Tenant) -> None:
    events = [{**EVENT, "id": f"order-{n}"} for n in range(100)]

    answer = publish(tenant, {"events": events})

    assert answer.status == 202
    taken = {event.id: event.published_id for event in queued(tenant)}
    assert [taken[each["id"]] for each in answer.json["results"]] == [e["id"] for e in events]


@pytest.mark.parametrize("events", [[], [EVENT] * 101, {}, None, "x", 5])
def test_a_batch_of_none_or_more_than_100_is_refused_whole(common: Tenant, events: object) -> None:
    answer = publish(common, {"events": events})

    assert (answer.status, answer.fields) == (422, ["/events"])
    assert queued(common) == []


def test_a_batch_has_no_fields_besides_its_events(common: Tenant) -> None:
    answer = publish(common, {"events": [EVENT], "type": "OrderReceivedEvent"})

    assert (answer.status, answer.fields) == (422, ["/type"])


def test_each_event_of_a_batch_is_accepted_or_refused_separately(tenant: Tenant) -> None:
    items = [EVENT, {**EVENT, "type": "Nothing"}, 5, {**EVENT, "data": {"Source": 1}}, EVENT]

    answer = publish(tenant, {"events": items})

    assert answer.status == 202
    first, second, third, fourth, fifth = answer.json["results"]
    assert {first["id"], fifth["id"]} == {event.id for event in queued(tenant)}
    assert second["error"]["code"] == "unknown_event_type"
    assert third["error"]["errors"] == [{"field": "", "message": "must be an object"}]
    assert fourth["error"]["code"] == "schema_violation"
    assert all(each["error"]["status"] == 422 for each in (second, third, fourth))


def test_a_batch_of_which_nothing_is_accepted_is_refused_item_by_item(common: Tenant) -> None:
    answer = publish(common, {"events": [{**EVENT, "type": "Nothing"}] * 2})

    assert answer.status == 422
    codes = [each["error"]["code"] for each in answer.json["results"]]
    assert codes == ["unknown_event_type"] * 2


@pytest.mark.parametrize(
    ("body", "code", "fields"),
    [
        ({}, "invalid_field", ["/type", "/data"]),
        ({**EVENT, "nope": 1}, "invalid_field", ["/nope"]),
        ({**EVENT, "tenant": "other"}, "invalid_field", ["/tenant"]),
        ({**EVENT, "type": "Order*"}, "invalid_field", ["/type"]),
        ({**EVENT, "type": "OrderLost"}, "unknown_event_type", ["/type"]),
        ({**EVENT, "data": []}, "schema_violation", ["/data"]),
        ({**EVENT, "id": ""}, "invalid_field", ["/id"]),
        ({**EVENT, "id": "x" * 257}, "invalid_field", ["/id"]),
        ({**EVENT, "time": "2026-11-23T10:00:00"}, "invalid_field", ["/time"]),
        ({**EVENT, "time": "0001-01-01T00:00:00+14:00"}, "invalid_field", ["/time"]),
        ({**EVENT, "time": "9999-12-31T23:59:59-14:00"}, "invalid_field", ["/time"]),
        ({**EVENT, "change": {"entity": "a"}}, "invalid_field", ["/change/operation"]),
        ({**EVENT, "data": {}}, "schema_violation", None),
        ({"type": "JobCompletedEvent", "data": {**JOB, "JobId": "x"}}, "schema_violation", None),
        ({"type": "JobCompletedEvent", "data": {**JOB, "a/b": 1}}, "schema_violation", None),
    ],
)
def test_an_event_that_breaks_a_rule_is_refused_with_the_field(
    common: Tenant, body: dict[str, Any], code: str, fields: list[str] | None
) -> None:
    answer = publish(common, body)

    assert (answer.status, answer.json["code"]) == (422, code)
    assert answer.headers["content-type"] == "application/problem+json"
    if fields is not None:
        assert answer.fields == fields


def test_schema_violations_are_named_by_pointer(common: Tenant) -> None:
    data = {"ClientId": 1042, "JobId": "x", "a/b": 1}

    answer = publish(common, {"type": "JobCompletedEvent", "data": data})

    assert sorted(answer.fields) == ["/data/JobId", "/data/StatusId", "/data/a~1b"]


def test_data_of_more_than_256_kib_is_too_large(tenant: Tenant) -> None:
    def of(size: int) -> dict[str, Any]:
        padding = size - len(json.dumps({**ORDER, "FirstName": ""}, separators=(",", ":")))
        return {**EVENT, "data": {**ORDER, "FirstName": "x" * padding}}

    over = publish(tenant, of(256 * 1024 + 1))
    several = publish(tenant, {"events": [of(256 * 1024 + 1), EVENT]})

    assert (over.status, over.json["code"]) == (413, "too_large")
    assert several.status == 202
    assert several.json["results"][0]["error"]["status"] == 413


@pytest.mark.parametrize(
    "value",
    [
        '"\\ud800"',
        '{"\\udfff": 1}',
        *("1e400", "-1e400", "1e-400", "123456789012345678.95", "9" * 5000),
        "[" * 300 + "]" * 300,
    ],
    ids=["half a pair", "half a pair as a name", *"abcd", "many digits", "too deep"],
)
def test_data_that_json_would_change_is_refused_alone(tenant: Tenant, value: str) -> None:
    bad = '{"type": "OrderReceivedEvent", "data": {"Source": ' + value + "}}"

    single = publish(tenant, bad)
    batch = publish(tenant, f'{{"events": [{bad}, {json.dumps(EVENT)}]}}')

    field = "/data" if value.startswith("[") else "/data/Source"
    assert (single.status, single.fields) == (422, [field])
    assert batch.status == 202
    refused, taken = batch.json["results"]
    assert [each["field"] for each in refused["error"]["errors"]] == [field]
    assert [event.id for event in queued(tenant)] == [taken["id"]]


@pytest.mark.parametrize("name", ["Gone", "gone.fifo"])
def test_nothing_is_accepted_that_sqs_did_not_take(common: Tenant, name: str) -> None:
    gone = common.world.settings.event_queue_url.replace("EventQueue", name)

    with deployed(replace(common.world.settings, event_queue_url=gone)):
        single = publish(common, EVENT)
        batch = publish(common, {"events": [EVENT, {**EVENT, "type": "Nothing"}]})

    assert (single.status, single.json["code"]) == (503, "unavailable")
    assert single.headers["content-type"] == "application/problem+json"
    assert batch.status == 503
    codes = [each["error"]["code"] for each in batch.json["results"]]
    assert codes == ["unavailable", "unknown_event_type"]


def test_entries_that_sqs_refuses_are_reported_event_by_event(tenant: Tenant) -> None:
    items = [{**EVENT, "type": "Nothing"}, *({**EVENT, "id": f"order-{n}"} for n in range(25))]

    with sqs_refusing(tenant.world, 0, 11):
        results = tenant.world.publish(*items, tenant=tenant.id)

    refused = {
        place: each.code for place, each in enumerate(results) if not isinstance(each, Event)
    }
    assert refused == {0: "unknown_event_type", 1: "unavailable", 12: "unavailable"}


def test_a_trace_goes_on_at_the_endpoint(tenant: Tenant) -> None:
    endpoint = tenant.world.endpoint(tenant.id, tenant=tenant.id)
    tenant.world.answers[endpoint.url] = lambda _: answered(200)

    publish(tenant, EVENT, traceparent=TRACE)
    tenant.world.take_events()

    (sent,) = (each for each in tenant.world.sent if each.url == endpoint.url)
    assert sent.headers["traceparent"] == TRACE


def test_a_header_that_is_no_trace_is_ignored(tenant: Tenant) -> None:
    nonsense = [
        "",
        "x",
        TRACE.upper(),
        TRACE + "0",
        TRACE.replace("00-", "ff-"),
        "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01",
        "9" * 9000,
    ]

    statuses = [publish(tenant, EVENT, traceparent=header).status for header in nonsense]

    assert statuses == [202] * len(nonsense)
    assert [event.traceparent for event in queued(tenant)] == [None] * len(nonsense)


def test_a_repeated_name_is_refused(tenant: Tenant) -> None:
    twice = publish(tenant, '{"type": "JobCompletedEvent", "data": {"JobId": 1, "JobId": 2}}')
    outer = publish(tenant, '{"type": "A", "type": "JobCompletedEvent", "data": {}}')

    assert (twice.status, twice.fields) == (422, ["/data/JobId"])
    assert (outer.status, outer.fields) == (422, ["/type"])


@pytest.mark.parametrize(
    "value", ["123456789012345678901234567890", "-" + "9" * 4000, "1.10", "5e-324", "1e22", "-0.0"]
)
def test_a_number_that_can_be_kept_is_delivered_with_its_value(tenant: Tenant, value: str) -> None:
    endpoint = tenant.world.endpoint(tenant.id, tenant=tenant.id, payload={"mode": "data"})
    tenant.world.answers[endpoint.url] = lambda _: answered(200)
    data = f'{{"ClientId": 1, "PartNo": "A", "PricelistId": 1, "PriceSaleValue": {value}}}'
    body = f'{{"type": "SkuPriceChangedNotification", "data": {data}}}'

    assert publish(tenant, body).status == 202
    tenant.world.take_events()

    (sent,) = (each for each in tenant.world.sent if each.url == endpoint.url)
    assert json.loads(sent.body, parse_float=Decimal)["PriceSaleValue"] == Decimal(value)


@pytest.mark.parametrize("odd", ["\ufffe", "\uffff", "\x7f", "\u0001", "\U0001fffe", "\r\n\t"])
def test_any_character_of_json_travels_to_the_endpoint(tenant: Tenant, odd: str) -> None:
    endpoint = tenant.world.endpoint(tenant.id, tenant=tenant.id, payload={"mode": "data"})
    tenant.world.answers[endpoint.url] = lambda _: answered(200)
    data = {**ORDER, "FirstName": f"a{odd}b"}

    assert publish(tenant, {**EVENT, "data": data}).status == 202
    queue = tenant.world.settings.event_queue_url
    (message,) = tenant.world.receive(queue)
    assert not set(message["Body"]) & {"\ufffe", "\uffff"}
    tenant.world.take_message(message)

    (sent,) = (each for each in tenant.world.sent if each.url == endpoint.url)
    assert json.loads(sent.body) == data


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-11-23T10:00:00+01", "2026-11-23T09:00:00.000Z"),
        ("2026-11-23T10:00:00.25-0330", "2026-11-23T13:30:00.250Z"),
    ],
)
def test_offsets_of_times_are_read(tenant: Tenant, written: str, read: str) -> None:
    assert publish(tenant, {**EVENT, "time": written}).status == 202
    assert [iso(each.time) for each in queued(tenant)] == [read]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("2016-12-31T23:59:60Z", "is a leap second: write second 59"),
        (
            "2026-11-23T10:00:00 01:00",
            "has a space before its offset: in a URL, write + as %2B",
        ),
    ],
)
def test_a_time_that_cannot_be_read_is_explained(
    common: Tenant, written: str, message: str
) -> None:
    answer = publish(common, {**EVENT, "time": written})
    assert answer.json["errors"] == [{"field": "/time", "message": message}]
