"""The trace of an event: the decision and its reason for every endpoint of the tenant."""

from typing import Any

from posthorn.models import iso
from tests.integration.conftest import Tenant
from tests.support.world import ORDER, World, answered


def made(tenant: Tenant, name: str, *, answers: int = 200, **fields: Any) -> str:
    endpoint = tenant.world.endpoint(name, tenant=tenant.id, **fields)
    tenant.world.answers[endpoint.url] = lambda _: answered(answers)
    return endpoint.id


def changed(tenant: Tenant, endpoint_id: str, **fields: Any) -> None:
    assert tenant.client.patch(f"/v1/endpoints/{endpoint_id}", fields).status == 200


def event(tenant: Tenant, **fields: Any) -> str:
    publication = {"type": "OrderReceivedEvent", "data": ORDER, **fields}
    (published,) = tenant.world.publish(publication, tenant=tenant.id)
    tenant.world.take_events()
    return str(published.id)


def traced(tenant: Tenant, event_id: str) -> tuple[str, dict[str, Any]]:
    """The summary, and the decisions by the endpoint's name."""
    answer = tenant.client.get(f"/v1/events/{event_id}")
    assert answer.status == 200
    return answer.json["summary"], {
        each["endpoint_name"]: each for each in answer.json["decisions"]
    }


def test_a_trace_has_the_verdict_and_reason_of_each_endpoint(tenant: Tenant, shared: World) -> None:
    made(tenant, "wanting", condition="data.ClientId == `1`")
    made(tenant, "failing", answers=503)
    made(tenant, "jobs", event_types=["Job*"])
    made(tenant, "rich", condition="data.Source == 'WEB' && data.ClientId > `100`")
    changed(tenant, made(tenant, "off"), status="disabled")
    changed(tenant, made(tenant, "paused"), status="paused")
    event_id = event(tenant)

    summary, fates = traced(tenant, event_id)

    assert summary == "matched 3 of 6 endpoints"
    assert {name: (each["verdict"], each["reason"]) for name, each in fates.items()} == {
        "wanting": ("matched", "the endpoint subscribes to OrderReceivedEvent"),
        "failing": ("matched", "the endpoint subscribes to OrderReceivedEvent"),
        "jobs": ("type_not_wanted", "the endpoint does not subscribe to OrderReceivedEvent"),
        "rich": ("condition_not_met", "data.ClientId > `100` is false: 1 > 100"),
        "off": ("off", "the endpoint was disabled by its owner"),
        "paused": ("held", "the endpoint is paused"),
    }
    statuses = {name: each["delivery_status"] for name, each in fates.items()}
    assert statuses == {
        **dict.fromkeys(fates),
        "wanting": "succeeded",
        "failing": "retrying",
        "paused": "held",
    }
    assert fates["wanting"]["delivery_id"].startswith(f"dlv_{event_id.removeprefix('evt_')}")
    assert fates["jobs"]["delivery_id"] is None
    assert fates["paused"]["endpoint_version"] == 2
    assert fates["jobs"]["endpoint_created_at"] == iso(shared.now)


def test_a_trace_names_the_rule_that_did_not_fire(tenant: Tenant) -> None:
    made(tenant, "crm", rules=[{"entity": "tClientCustomer", "on_update": ["Email"]}])
    change = {"entity": "tClientCustomer", "operation": "update", "fields": ["City"]}

    _, fates = traced(tenant, event(tenant, change=change))

    assert fates["crm"]["verdict"] == "rule_not_met"
    assert fates["crm"]["reason"] == (
        "the rule for tClientCustomer names other fields; changed: City"
    )


def test_an_endpoint_that_we_disabled_says_so(tenant: Tenant) -> None:
    made(tenant, "gone", answers=410)
    event(tenant)

    _, fates = traced(tenant, event(tenant))

    assert fates["gone"]["verdict"] == fates["gone"]["delivery_status"] == "held"
    assert "410" in fates["gone"]["reason"]


def test_an_endpoint_created_later_is_listed_with_its_time(tenant: Tenant, shared: World) -> None:
    event_id = event(tenant)
    assert traced(tenant, event_id) == ("the tenant had no endpoint", {})
    shared.later(minutes=5)
    made(tenant, "late")

    summary, fates = traced(tenant, event_id)

    assert summary == "the tenant had no endpoint"
    assert fates["late"]["verdict"] == "created_later"
    assert fates["late"]["endpoint_created_at"] == iso(shared.now)
    assert iso(shared.now) in fates["late"]["reason"]


def test_a_deleted_endpoint_keeps_its_name_and_says_when_it_went(tenant: Tenant) -> None:
    endpoint_id = made(tenant, "erp", answers=503)
    event_id = event(tenant)
    assert tenant.client.delete(f"/v1/endpoints/{endpoint_id}").status == 204

    _, fates = traced(tenant, event_id)

    assert fates["erp"]["verdict"] == "matched"
    assert fates["erp"]["endpoint_deleted_at"] is not None
    delivery = tenant.client.get(f"/v1/deliveries/{fates['erp']['delivery_id']}").json
    assert delivery["endpoint_name"] == "erp"


def test_an_event_that_no_endpoint_wanted_has_a_trace(tenant: Tenant) -> None:
    made(tenant, "jobs", event_types=["Job*"])
    made(tenant, "rich", condition="data.ClientId > `100`")
    event_id = event(tenant, id="order-1")

    summary, fates = traced(tenant, event_id)

    assert summary == "matched none of 2 endpoints"
    assert [each["delivery_id"] for each in fates.values()] == [None, None]
    (found,) = tenant.client.get("/v1/events", published_id="order-1").json["items"]
    assert (found["id"], found["delivery_count"]) == (event_id, 0)


def test_a_delivery_that_is_still_to_be_recorded_is_not_claimed_to_be_there(
    tenant: Tenant, shared: World
) -> None:
    made(tenant, "erp")
    event_id = event(tenant)
    history = shared.log.history(tenant.id, event_id)
    assert history
    item = {"pk": f"{tenant.id}#{event_id}", "sk": f"delivery#{history.decisions[0].endpoint_id}"}
    shared.log_table.delete(item)

    _, fates = traced(tenant, event_id)

    assert fates["erp"]["verdict"] == "matched"
    assert fates["erp"]["delivery_status"] is None


def test_the_trace_of_a_test_names_the_tested_endpoint(tenant: Tenant) -> None:
    made(tenant, "other")
    endpoint_id = made(tenant, "erp")
    done = tenant.client.post(f"/v1/endpoints/{endpoint_id}/test", {}).json

    summary, fates = traced(tenant, done["event_id"])

    assert summary == "a test of one endpoint"
    assert list(fates) == ["erp"]
