"""The catalogue by API: the view of a tenant, and changes by admins."""

import json
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from posthorn.core.errors import ConflictError
from posthorn.events import event_types
from posthorn.events.catalogue import KnownTypes
from posthorn.events.event_types import builtin
from posthorn.models import EventType, Outcome, Scope, Validation
from posthorn.monitoring.event_type_overview import SHOWN_ENDPOINTS, TypeSubscriptions
from posthorn.subscriptions.matching import matches_type
from tests.integration.conftest import Tenant
from tests.support.http_client import Answer, Client
from tests.support.world import ORDER, START, World, answered

STOCK: dict[str, Any] = {
    "category": "Stock",
    "description": "A shelf was counted",
    "schema": {
        "type": "object",
        "properties": {"Count": {"type": "integer"}, "Shelf": {"type": "string"}},
        "required": ["Count"],
    },
    "example": {"Count": 3},
}
STRICTER = {**STOCK["schema"], "required": ["Count", "Shelf"]}
_numbers = count(1)


@pytest.fixture
def name() -> str:
    """A type with a new name: all tenants share the catalogue."""
    return f"StockCounted{next(_numbers)}"


def put(admin: Client, name: str, **fields: Any) -> Answer:
    return admin.put(f"/v1/event-types/{name}", {**STOCK, **fields})


def listed(tenant: Tenant, **query: object) -> dict[str, Any]:
    """All pages of the list, by name."""
    found: dict[str, Any] = {}
    while True:
        answer = tenant.client.get("/v1/event-types", **query)
        assert answer.status == 200, answer.json
        found |= {each["name"]: each for each in answer.json["items"]}
        if answer.json["next_cursor"] is None:
            return found
        query["cursor"] = answer.json["next_cursor"]


def publish(tenant: Tenant, name: str, data: object) -> Answer:
    return tenant.client.post("/v1/events", {"type": name, "data": data})


# --- built-in types -------------------------------------------------------------------------------


@pytest.mark.parametrize("built_in", builtin())
def test_a_built_in_type_is_delivered_when_published_with_its_example(
    tenant: Tenant, built_in: str
) -> None:
    endpoint = tenant.world.endpoint(
        tenant.id, tenant=tenant.id, event_types=[built_in], payload={"mode": "data"}
    )
    shown = tenant.client.get(f"/v1/event-types/{built_in}").json
    assert event_types.violations(builtin()[built_in], shown["example"]) == []

    published = publish(tenant, built_in, shown["example"])
    tenant.world.take_events()

    assert published.status == 202
    history = tenant.client.get(f"/v1/events/{published.json['id']}").json
    assert [each["status"] for each in history["deliveries"]] == ["succeeded"]
    (sent,) = (each for each in tenant.world.sent if each.url == endpoint.url)
    assert json.loads(sent.body) == shown["example"]


@pytest.mark.parametrize("built_in", builtin())
def test_a_built_in_type_is_refused_without_a_required_field(tenant: Tenant, built_in: str) -> None:
    event_type = builtin()[built_in]
    missing = event_type.json_schema["required"][-1]
    data = {field: value for field, value in event_type.example.items() if field != missing}

    answer = publish(tenant, built_in, data)

    assert (answer.status, answer.json["code"]) == (422, "schema_violation")
    assert answer.json["errors"] == [{"field": f"/data/{missing}", "message": "required"}]


# --- the tenant's view ----------------------------------------------------------------------------


def test_active_types_come_first_and_the_others_by_category(tenant: Tenant) -> None:
    tenant.client.post(
        "/v1/endpoints",
        {"name": "ERP", "url": "https://erp.example.com", "event_types": ["Sku*"]},
    )

    found = list(listed(tenant, limit=7).values())

    inactive = [each for each in found if not each["active"]]
    assert [each["name"] for each in found[:4]] == [
        "SkuChangedNotification",
        "SkuOnHandBreakPointNotification",
        "SkuPriceChangedNotification",
        "SkuStockChangedNotification",
    ]
    assert all(each["active"] for each in found[:4])
    assert found[4:] == inactive
    categories = [each["category"] for each in inactive]
    assert categories == sorted(categories)
    assert set(builtin()) <= {each["name"] for each in found}


def test_a_type_lists_its_endpoints(tenant: Tenant) -> None:
    world = tenant.world
    off = world.endpoint("off", tenant=tenant.id, event_types=["Order*"], status="disabled")
    paused = world.endpoint("paused", tenant=tenant.id, event_types=["Order*"], status="paused")
    on = world.endpoint("on", tenant=tenant.id, event_types=["OrderReceivedEvent", "Order*"])

    found = listed(tenant)

    assert found["OrderReceivedEvent"]["endpoints"] == [
        {"id": on.id, "name": "on", "status": "enabled", "health": "ok"},
        {"id": off.id, "name": "off", "status": "disabled", "health": "disabled"},
        {"id": paused.id, "name": "paused", "status": "paused", "health": "ok"},
    ]
    assert found["OrderReceivedEvent"]["endpoint_count"] == 3
    assert (found["OrderReceivedEvent"]["active"], found["OrderReceivedEvent"]["health"]) == (
        True,
        "ok",
    )
    nobody = found["JobCompletedEvent"]
    assert (nobody["active"], nobody["health"], nobody["endpoints"]) == (False, None, [])


def test_a_paused_or_disabled_endpoint_makes_no_type_active(tenant: Tenant) -> None:
    for status in ("paused", "disabled"):
        tenant.world.endpoint(status, tenant=tenant.id, status=status)

    assert not listed(tenant, active=True)


def test_another_tenants_endpoints_make_nothing_active(tenant: Tenant, stranger: Tenant) -> None:
    stranger.world.endpoint(tenant=stranger.id)

    assert listed(stranger, active=True)
    assert not listed(tenant, active=True)


def test_a_failing_endpoint_is_a_warning_of_its_types(tenant: Tenant) -> None:
    endpoint = tenant.world.endpoint(tenant.id, tenant=tenant.id)
    tenant.world.answers[endpoint.url] = lambda _: answered(500)
    publish(tenant, "OrderReceivedEvent", ORDER)
    tenant.world.take_events()

    found = tenant.client.get("/v1/event-types/OrderReceivedEvent").json

    assert found["health"] == "failing"
    assert [each["health"] for each in found["endpoints"]] == ["failing"]


def test_a_disabled_endpoint_is_a_warning_of_its_types(tenant: Tenant) -> None:
    endpoint = tenant.world.endpoint(tenant.id, tenant=tenant.id)
    tenant.world.answers[endpoint.url] = lambda _: answered(410)
    publish(tenant, "OrderReceivedEvent", ORDER)
    tenant.world.take_events()

    found = tenant.client.get("/v1/event-types/OrderReceivedEvent").json

    assert (found["active"], found["health"]) == (False, "disabled")


def test_the_last_delivery_is_listed_and_is_exact_while_all_events_were_read(
    tenant: Tenant,
) -> None:
    tenant.world.endpoint(tenant.id, tenant=tenant.id, event_types=["Order*", "Job*"])
    event_id = publish(tenant, "OrderReceivedEvent", ORDER).json["id"]
    tenant.world.take_events()
    (delivery,) = tenant.client.get(f"/v1/events/{event_id}").json["deliveries"]
    assert delivery["last_outcome"] == Outcome.SUCCEEDED

    found = listed(tenant)

    def last(name: str) -> tuple[str | None, bool]:
        return found[name]["last_delivery_at"], found[name]["last_delivery_exact"]

    assert last("OrderReceivedEvent") == (delivery["created_at"], True)
    assert last("JobCompletedEvent") == (None, True)


def test_of_many_endpoints_some_are_shown(tenant: Tenant) -> None:
    for number in range(SHOWN_ENDPOINTS + 1):
        tenant.world.endpoint(f"n{number}", tenant=tenant.id, event_types=["JobCompletedEvent"])

    found = tenant.client.get("/v1/event-types/JobCompletedEvent").json

    assert found["endpoint_count"] == SHOWN_ENDPOINTS + 1
    assert len(found["endpoints"]) == SHOWN_ENDPOINTS


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"category": "System"}, {"ExportDeliveredEvent", "JobCompletedEvent"}),
        ({"category": "Supplier", "q": "ONHAND"}, {"SupplierSkuOnHandChangedNotification"}),
        ({"q": "no such words"}, set()),
        (
            {"active": "false", "category": "System"},
            {"ExportDeliveredEvent", "JobCompletedEvent"},
        ),
        ({"active": "true"}, set()),
    ],
)
def test_the_list_can_be_narrowed(tenant: Tenant, query: Any, expected: set[str]) -> None:
    assert set(listed(tenant, **query)) == expected


@pytest.mark.parametrize("cursor", ["x", "ww==", "bnVsbA==", "W1tbW1tb", "é"])
def test_a_cursor_that_no_answer_gave_is_refused(tenant: Tenant, cursor: str) -> None:
    answer = tenant.client.get("/v1/event-types", cursor=cursor)

    assert (answer.status, answer.fields) == (422, ["cursor"])


def test_a_type_is_read_whole(tenant: Tenant) -> None:
    found = tenant.client.get("/v1/event-types/CustomerChangedNotification").json

    kept = builtin()["CustomerChangedNotification"]
    assert (found["schema"], found["example"]) == (kept.json_schema, kept.example)
    assert [each["name"] for each in found["entities"]] == [each.name for each in kept.entities]
    assert (found["kind"], found["source"]) == ("notification", "builtin")


def test_a_type_that_does_not_exist_is_not_found(tenant: Tenant, admin: Client) -> None:
    for missing in ("NoSuchEvent", "no such", "x" * 2000):
        assert tenant.client.get(f"/v1/event-types/{missing}").status == 404
        assert admin.delete(f"/v1/event-types/{missing}").status == 404


def test_reading_the_catalogue_takes_a_scope(tenant: Tenant) -> None:
    client = tenant.client_with(Scope.LOGS_READ)

    assert client.get("/v1/event-types").status == 403
    assert client.get("/v1/event-types/JobCompletedEvent").status == 403


def test_only_admins_change_the_catalogue(tenant: Tenant, name: str) -> None:
    path = f"/v1/event-types/{name}"

    assert tenant.client.put(path, STOCK).status == 403
    assert tenant.client.delete(path).status == 403
    assert tenant.client.post("/v1/event-types/import", {"event_types": []}).status == 403


def test_patterns_are_found_as_they_are_matched(tenant: Tenant) -> None:
    patterns = ["*", "Order*", "OrderReceivedEvent", "OrderReceivedEvent*", "order*", "Sku*"]
    endpoints = [
        tenant.world.endpoint(f"n{n}", tenant=tenant.id, event_types=[each])
        for n, each in enumerate(patterns)
    ]

    for each in builtin():
        wanting = {endpoint.id for endpoint in TypeSubscriptions(endpoints).of(each)}
        assert wanting == {e.id for e in endpoints if matches_type(e.event_types, each)}


# --- adding and changing --------------------------------------------------------------------------


def test_a_new_type_can_be_published_at_once(admin: Client, tenant: Tenant, name: str) -> None:
    assert publish(tenant, name, {"Count": 1}).json["code"] == "unknown_event_type"

    answer = put(admin, name)

    assert answer.status == 201
    assert (answer.json["name"], answer.json["source"]) == (name, "custom")
    assert publish(tenant, name, {"Count": 1}).status == 202
    assert publish(tenant, name, {}).fields == ["/data/Count"]
    found = tenant.client.get(f"/v1/event-types/{name}").json
    assert {field: found[field] for field in STOCK} == STOCK


def test_putting_a_type_again_changes_it(admin: Client, tenant: Tenant, name: str) -> None:
    put(admin, name)

    assert put(admin, name, description="New words").status == 200
    assert tenant.client.get(f"/v1/event-types/{name}").json["description"] == "New words"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"schema": {"type": "nonsense"}}, "/schema/type"),
        ({"schema": {"$ref": "https://example.com/x.json"}}, "/schema/$ref"),
        ({"example": {"Count": "many"}}, "/example/Count"),
        ({"validation": "maybe"}, "/validation"),
        ({"nmae": "X"}, "/nmae"),
        ({"source": "builtin"}, "/source"),
        ({"category": ""}, "/category"),
        ({"schema": []}, "/schema"),
        ({"example": {"Count": 3, "x": "\ud800"}}, "/example/x"),
        ({"entities": [{"name": "a", "fields": ["\udfff"]}]}, "/entities/0/fields/0"),
        ({"entities": [{"name": "a", "fields": ["x" * 10_000] * 40}]}, ""),
    ],
)
def test_a_type_that_cannot_be_used_is_refused_with_its_field(
    admin: Client, name: str, fields: dict[str, Any], field: str
) -> None:
    answer = put(admin, name, **fields)

    assert (answer.status, answer.fields) == (422, [field])


@pytest.mark.parametrize("depth", [150, 400, 900])
def test_no_schema_is_kept_that_could_not_be_read_again(
    admin: Client, tenant: Tenant, name: str, depth: int
) -> None:
    schema = '{"not":' * depth + "{}" + "}" * depth
    body = json.dumps({**STOCK, "schema": 0}).replace('"schema": 0', f'"schema": {schema}')
    as_file = f'{{"event_types": [{{"name": "{name}", "schema": {schema}, "example": {{}}}}]}}'

    put_one = admin.put(f"/v1/event-types/{name}", body)
    loaded = admin.post("/v1/event-types/import", as_file)

    assert {put_one.status, loaded.status} <= {200, 201, 422}
    assert listed(tenant, category="System")


@pytest.mark.parametrize("bad", ["with space", ".first", "x" * 200])
def test_a_name_that_no_type_can_have_is_refused(admin: Client, bad: str) -> None:
    answer = put(admin, bad)

    assert (answer.status, answer.fields) == (422, ["name"])


def test_a_stricter_schema_is_reported_before_it_is_saved(
    admin: Client, tenant: Tenant, name: str
) -> None:
    put(admin, name)

    answer = put(admin, name, schema=STRICTER, example={"Count": 1, "Shelf": "A"})

    assert (answer.status, answer.json["code"]) == (409, "incompatible_change")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["errors"] == [
        {"field": "/schema/required", "message": 'became required: "Shelf"'}
    ]
    assert tenant.client.get(f"/v1/event-types/{name}").json["schema"] == STOCK["schema"]


def test_a_stricter_schema_can_be_forced(admin: Client, tenant: Tenant, name: str) -> None:
    put(admin, name)
    body = {**STOCK, "schema": STRICTER, "example": {"Count": 1, "Shelf": "A"}}

    answer = admin.call("PUT", f"/v1/event-types/{name}", body=body, query={"force": "true"})

    assert answer.status == 200
    assert tenant.client.get(f"/v1/event-types/{name}").json["schema"] == STRICTER


def test_a_stricter_schema_that_only_warns_refuses_nothing(admin: Client, name: str) -> None:
    put(admin, name)
    example = {"Count": 1, "Shelf": "A"}

    assert put(admin, name, schema=STRICTER, example=example, validation="warn").status == 200
    back = put(admin, name, schema=STRICTER, example=example)
    assert (back.status, back.fields) == (409, ["/validation"])


def test_a_deprecated_type_says_so_and_can_still_be_published(
    admin: Client, tenant: Tenant, name: str
) -> None:
    answer = put(admin, name, deprecated=True, deprecated_reason="Use StockMoved")

    assert answer.status == 201
    found = listed(tenant)[name]
    assert (found["deprecated"], found["deprecated_reason"]) == (True, "Use StockMoved")
    assert publish(tenant, name, {"Count": 1}).status == 202


def test_a_built_in_type_can_be_changed_and_given_back(admin: Client, tenant: Tenant) -> None:
    path = "/v1/event-types/SubscriptionFailedEvent"
    kept = builtin()["SubscriptionFailedEvent"].model_dump(exclude={"name", "source"}, mode="json")

    assert admin.put(path, {**kept, "deprecated": True}).status == 200
    changed = tenant.client.get(path).json
    assert (changed["deprecated"], changed["source"]) == (True, "custom")
    assert admin.delete(path).status == 204
    given_back = tenant.client.get(path).json
    assert (given_back["deprecated"], given_back["source"]) == (False, "builtin")


def test_giving_back_a_stricter_built_in_type_is_reported(admin: Client, tenant: Tenant) -> None:
    path = "/v1/event-types/OrderPartlyDeliveredEvent"
    kept = builtin()["OrderPartlyDeliveredEvent"].model_dump(exclude={"name", "source"})
    admin.put(path, {**kept, "schema": {"type": "object"}})

    answer = admin.delete(path)

    assert (answer.status, answer.json["code"]) == (409, "incompatible_change")
    assert admin.call("DELETE", path, query={"force": "true"}).status == 204
    assert tenant.client.get(path).json["source"] == "builtin"


def test_an_own_type_can_be_deleted(admin: Client, tenant: Tenant, name: str) -> None:
    put(admin, name)

    assert admin.delete(f"/v1/event-types/{name}").status == 204
    assert tenant.client.get(f"/v1/event-types/{name}").status == 404


def test_a_built_in_type_cannot_be_deleted(admin: Client, tenant: Tenant) -> None:
    answer = admin.delete("/v1/event-types/JobCompletedEvent")

    assert (answer.status, answer.json["code"]) == (ConflictError.status, "builtin_event_type")
    assert tenant.client.get("/v1/event-types/JobCompletedEvent").status == 200


# --- import ---------------------------------------------------------------------------------------


def load(admin: Client, document: object, **query: str) -> Answer:
    return admin.call("POST", "/v1/event-types/import", body=document, query=query)


def openapi(name: str) -> dict[str, Any]:
    operation = {
        "tags": ["Stock"],
        "requestBody": {
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Count"}}}
        },
    }
    return {
        "openapi": "3.1.0",
        "webhooks": {name: {"post": operation}},
        "components": {"schemas": {"Count": STOCK["schema"]}},
    }


def test_a_catalogue_file_is_loaded(admin: Client, tenant: Tenant, name: str) -> None:
    document = {"event_types": [{**STOCK, "name": name}, {**STOCK, "name": f"{name}b"}]}

    dry = load(admin, document, dry_run="true")
    assert tenant.client.get(f"/v1/event-types/{name}").status == 404
    wet = load(admin, document)

    assert (dry.status, wet.status) == (200, 200)
    assert dry.json == wet.json
    assert [(each["name"], each["effect"]) for each in wet.json["items"]] == [
        (name, "added"),
        (f"{name}b", "added"),
    ]
    assert tenant.client.get(f"/v1/event-types/{name}b").json["schema"] == STOCK["schema"]
    again = load(admin, document).json["items"]
    assert {each["effect"] for each in again} == {"unchanged"}


def test_the_webhooks_of_an_openapi_document_are_loaded(
    admin: Client, tenant: Tenant, name: str
) -> None:
    answer = load(admin, openapi(name))

    assert answer.json["items"] == [{"name": name, "effect": "added", "incompatible": []}]
    assert publish(tenant, name, {}).fields == ["/data/Count"]
    assert publish(tenant, name, {"Count": 1}).status == 202


def test_an_import_that_would_refuse_more_is_reported_and_changes_nothing(
    admin: Client, tenant: Tenant, name: str
) -> None:
    put(admin, name)
    other = f"{name}b"
    stricter = {**STOCK, "schema": STRICTER, "example": {"Count": 1, "Shelf": ""}, "name": name}
    document = {"event_types": [{**STOCK, "name": other}, stricter]}

    dry = load(admin, document, dry_run="true").json["items"]
    wet = load(admin, document)

    assert [each["field"] for each in dry[1]["incompatible"]] == ["/schema/required"]
    assert (wet.status, wet.fields) == (409, ["/event_types/1/schema/required"])
    assert tenant.client.get(f"/v1/event-types/{other}").status == 404
    assert load(admin, document, force="true").status == 200
    assert tenant.client.get(f"/v1/event-types/{other}").status == 200


def test_an_openapi_document_that_would_refuse_more_names_the_webhook(
    admin: Client, name: str
) -> None:
    put(admin, name, schema={"type": "object"})

    answer = load(admin, openapi(name))

    assert answer.status == 409
    assert set(answer.fields) == {f"/webhooks/{name}"}


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "/event_types"),
        ({"event_types": []}, "/event_types"),
        ({"event_types": [{"name": "A"}]}, "/event_types/0/schema"),
        ({"openapi": "3.1.0"}, "/webhooks"),
        ({"openapi": "3.0.0", "webhooks": {"A": {}}}, "/openapi"),
        (
            {"event_types": [{**STOCK, "name": "A", "example": {"\ud800": 1}}]},
            "/event_types/0/example",
        ),
    ],
)
def test_an_invalid_catalogue_is_refused_with_the_position(
    admin: Client, document: object, field: str
) -> None:
    answer = load(admin, document)

    assert answer.status == 422
    assert field in answer.fields


def test_the_built_in_catalogue_loads_as_no_change(admin: Client) -> None:
    kept = [each.model_dump(exclude={"source"}, mode="json") for each in builtin().values()]

    answer = load(admin, {"event_types": kept}, dry_run="true")

    assert {each["effect"] for each in answer.json["items"]} == {"unchanged"}


# --- off, warn, reject ----------------------------------------------------------------------------


def test_a_type_that_warns_accepts_the_event_with_its_violations(
    admin: Client, tenant: Tenant, name: str
) -> None:
    put(admin, name, validation="warn")
    tenant.world.endpoint(tenant.id, tenant=tenant.id, event_types=[name])

    answer = publish(tenant, name, {"Count": "many"})
    tenant.world.take_events()

    assert answer.status == 202
    (warning,) = answer.json["warnings"]
    assert warning["field"] == "/data/Count"
    history = tenant.client.get(f"/v1/events/{answer.json['id']}").json
    assert history["warnings"] == [warning]
    assert [each["status"] for each in history["deliveries"]] == ["succeeded"]
    assert "warnings" not in publish(tenant, name, {"Count": 1}).json


def test_warnings_never_outgrow_the_queue(admin: Client, tenant: Tenant, name: str) -> None:
    put(admin, name, validation="warn", schema={"additionalProperties": {"type": "integer"}})
    data = {f"{n}{'x' * 20_000}": "wrong" for n in range(12)}

    answer = publish(tenant, name, data)

    assert answer.status == 202
    assert len(answer.json["warnings"]) == 10
    assert len(answer.body) < 10_000


def test_each_event_of_a_batch_has_its_own_warnings(
    admin: Client, tenant: Tenant, name: str
) -> None:
    put(admin, name, validation="warn")
    events = [{"type": name, "data": data} for data in ({"Count": 1}, {})]

    results = tenant.client.post("/v1/events", {"events": events}).json["results"]

    assert "warnings" not in results[0]
    assert results[1]["warnings"] == [{"field": "/data/Count", "message": "required"}]


def test_a_type_without_validation_takes_any_json(admin: Client, tenant: Tenant, name: str) -> None:
    put(admin, name, validation="off")

    answer = publish(tenant, name, {"Count": "many"})

    assert (answer.status, set(answer.json)) == (202, {"id"})
    assert publish(tenant, name, []).status == 202


@pytest.mark.parametrize("validation", ["off", "warn", "reject"])
@pytest.mark.parametrize("value", ['"\\ud800"', "1e400", "[" * 300 + "]" * 300])
def test_data_that_is_not_valid_json_is_refused_in_every_mode(
    admin: Client, tenant: Tenant, name: str, validation: str, value: str
) -> None:
    put(admin, name, validation=validation)
    body = f'{{"type": "{name}", "data": {{"Count": 1, "x": {value}}}}}'

    answer = tenant.client.post("/v1/events", body)

    field = "/data" if value.startswith("[") else "/data/x"
    assert (answer.status, answer.fields) == (422, [field])


def test_a_changed_type_is_known_to_ingest_after_half_a_minute(shared: World, name: str) -> None:
    now = START
    known = KnownTypes(shared.config, lambda: now)
    stored = EventType.model_validate({**STOCK, "name": name})
    changed = stored.model_copy(update={"validation": Validation.OFF})

    assert known.find(name) is None
    shared.config.put_event_type(stored)
    assert known.find(name) == stored
    shared.config.put_event_type(changed)
    now = START + timedelta(seconds=29)
    assert known.find(name) == stored
    now = START + timedelta(seconds=30)
    assert known.find(name) == changed
