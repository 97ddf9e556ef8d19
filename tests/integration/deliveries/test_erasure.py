"""Erasure of one event's payload: all content is removed, all facts stay."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from posthorn.core.errors import ConflictError
from posthorn.deliveries.items import unpack
from posthorn.deliveries.store import Claim
from posthorn.egress.http_client import AttemptResult, Request
from posthorn.models import Endpoint, iso
from tests.integration.api_calls import SPEC, listed, wake
from tests.integration.conftest import Tenant
from tests.support.faults import Died, dying_at
from tests.support.http_client import Client
from tests.support.world import ORDER, World, answered

MARKER = "astrid.lindqvist"
PACKED = ("document", "body", "attempt")
CUSTOM = {"mode": "custom", "expression": "{who: data.Email}"}


def endpoint_of(tenant: Tenant, name: str = "erp", *codes: int, **fields: Any) -> Endpoint:
    """An endpoint that answers with these codes in turn and echoes the request."""
    made = tenant.world.endpoint(f"{name}-{tenant.id}", tenant=tenant.id, **fields)
    left = list(codes)

    def answer(request: Request) -> AttemptResult:
        code = left.pop(0) if len(left) > 1 else [*left, 200][0]
        echo = answered(code, body=request.body.decode())
        echo.response.headers["x-echo"] = MARKER
        return echo

    tenant.world.answers[made.url] = answer
    return made


def published(tenant: Tenant) -> str:
    item = {"type": "OrderReceivedEvent", "data": {**ORDER, "Email": f"{MARKER}@example.com"}}
    (event,) = tenant.world.publish(item, tenant=tenant.id)
    tenant.world.take_events()
    return str(event.id)


def erase(tenant: Tenant, event_id: str, **query: object) -> Any:
    return tenant.client.call("DELETE", f"/v1/events/{event_id}/payload", query=query)


def rows(tenant: Tenant) -> Iterator[dict[str, Any]]:
    for table in ("LogTable", "ConfigTable"):
        for row in tenant.world.dynamodb.scan(TableName=table)["Items"]:
            if tenant.id in row["pk"]["S"].split("#"):
                yield row


def written(tenant: Tenant) -> str:
    """All items of the tenant in both tables, raw and unpacked."""
    texts: list[str] = []
    for row in rows(tenant):
        texts.append(repr(row))
        texts += [unpack(row[name]["B"]) for name in PACKED if "B" in row.get(name, {})]
    return "\n".join(texts)


def test_nothing_is_left_of_the_payload_and_all_that_happened_is(tenant: Tenant) -> None:
    endpoint_of(tenant, "once", 200, headers={"x-shop": "se"})
    endpoint_of(tenant, "later", 500, 200, payload=CUSTOM)
    endpoint_of(tenant, "never", condition="data.Email == 'nobody'")
    event_id = published(tenant)
    wake(tenant)
    before = tenant.client.get(f"/v1/events/{event_id}").json
    assert written(tenant).count(MARKER) > 5

    answer = erase(tenant, event_id)

    assert answer.status == 200
    assert answer.json["event_id"] == event_id
    assert MARKER not in written(tenant)
    after = tenant.client.get(f"/v1/events/{event_id}").json
    assert (after["data"], after["erased_at"]) == (None, answer.json["erased_at"])
    assert after["erased_by"].startswith("phk_")
    unchanged = {"deliveries", "decisions", "data", "erased_at", "erased_by"}
    assert {k: after[k] for k in after if k not in unchanged} == {
        k: before[k] for k in before if k not in unchanged
    }
    assert [facts(each) for each in after["deliveries"]] == [
        facts(each) for each in before["deliveries"]
    ]


def facts(delivery: dict[str, Any]) -> Any:
    """The facts of a delivery: all but its content, of which the size stays."""
    attempts = [
        {
            **{k: each[k] for k in each if k not in ("request", "response", "advice")},
            "came": size(each["response"]),
            "code": each["response"]["status_code"],
        }
        for each in delivery["attempts"]
    ]
    return {**delivery, "attempts": attempts}


def size(message: dict[str, Any]) -> int:
    return int(message.get("erased_bytes") or len((message["body"] or "").encode()))


def test_erasing_again_changes_nothing(tenant: Tenant) -> None:
    endpoint_of(tenant)
    event_id = published(tenant)
    first = erase(tenant, event_id)
    before = list(rows(tenant))
    tenant.world.later(hours=1)

    again = erase(tenant, event_id)

    assert (again.status, again.json) == (200, first.json)
    assert list(rows(tenant)) == before


@pytest.mark.parametrize("state", ["retrying", "held", "pending"])
def test_while_a_delivery_is_to_come_the_payload_is_kept_unless_it_is_cancelled(
    tenant: Tenant, state: str
) -> None:
    endpoint_of(tenant, "done")
    waiting = endpoint_of(tenant, "waiting", 500, status="paused" if state == "held" else "enabled")
    tenant.world.seconds_left = 1 if state == "pending" else 60
    event_id = published(tenant)
    tenant.world.seconds_left = 60
    before, waiting_before = written(tenant), tenant.world.waiting()

    refused = erase(tenant, event_id)

    assert (refused.status, refused.json["code"]) == (409, "deliveries_to_come")
    assert written(tenant) == before

    assert erase(tenant, event_id, cancel="true").status == 200
    assert MARKER not in written(tenant)
    (cancelled,) = listed(tenant, endpoint=waiting.id)
    assert (cancelled["status"], cancelled["status_reason"]) == (
        "cancelled",
        "the payload was erased",
    )
    sent = len(tenant.world.sent)
    tenant.world.take_tasks()
    for each in waiting_before:
        tenant.world.dispatcher.take_task(each.task, tenant.world.context("late"))
    assert len(tenant.world.sent) == sent


def test_nothing_is_erased_while_an_attempt_is_being_made(tenant: Tenant) -> None:
    endpoint = endpoint_of(tenant, "slow", 500, 200)
    refused: list[str] = []

    def answer(request: Request) -> AttemptResult:
        event = request.headers["webhook-id"]
        try:
            tenant.world.erasing.erase(tenant.id, event, by="phk_ops", cancel=True)
        except ConflictError as error:
            refused.append(error.code)
        return answered(500, body=request.body.decode())

    tenant.world.answers[endpoint.url] = answer
    event_id = published(tenant)
    wake(tenant)

    assert refused == ["attempt_running", "attempt_running"]
    tenant.world.later(minutes=2)
    assert erase(tenant, event_id, cancel="true").status == 200
    assert MARKER not in written(tenant)
    tenant.world.later(minutes=-2)


def test_a_retry_that_read_the_payload_before_does_not_bring_it_back(tenant: Tenant) -> None:
    """A dispatcher stalls between read and claim while the payload is cancelled and erased."""
    endpoint = endpoint_of(tenant, "erp", 500, 200, payload=CUSTOM)
    world = tenant.world
    event_id = published(tenant)
    found = world.log.record(tenant.id, event_id, endpoint.id)
    assert found is not None

    world.erasing.erase(tenant.id, event_id, by="phk_ops", cancel=True)

    claim = Claim("late", world.now, world.now)
    assert not world.log.claim_delivery(found[1].delivery, claim)
    history = world.reader.event(tenant.id, event_id)
    assert not world.log.claim_delivery(history.records[endpoint.id].delivery, claim)


def test_an_erased_payload_is_not_sent_again(tenant: Tenant) -> None:
    endpoint = endpoint_of(tenant)
    event_id = published(tenant)
    (delivery,) = listed(tenant)
    erase(tenant, event_id)
    chosen = {"event_id": event_id}

    answers = [
        tenant.client.post(f"/v1/deliveries/{delivery['id']}/resend"),
        tenant.client.post(f"/v1/endpoints/{endpoint.id}/test", chosen),
        tenant.client.post(f"/v1/endpoints/{endpoint.id}/preview", chosen),
        tenant.client.post("/v1/endpoints/preview", {**chosen, "endpoint": SPEC}),
    ]

    assert [(each.status, each.json["code"]) for each in answers] == [(409, "payload_erased")] * 4
    dry_run = tenant.client.post(f"/v1/endpoints/{endpoint.id}/dry-run").json
    assert (dry_run["examined"], dry_run["samples"]) == (0, [])


def test_a_search_finds_nothing_in_an_erased_payload(tenant: Tenant) -> None:
    endpoint_of(tenant, payload=CUSTOM)
    event_id = published(tenant)
    query = {"q": MARKER, "since": iso(tenant.world.now - timedelta(hours=1))}
    query["until"] = iso(tenant.world.now + timedelta(hours=1))
    assert [row["event_id"] for row in listed(tenant, **query)] == [event_id]

    erase(tenant, event_id)

    assert listed(tenant, **query) == []


def test_a_resend_before_the_erasure_mark_is_cancelled(tenant: Tenant) -> None:
    """The erasure dies between mark and deliveries while a resend is under way."""
    endpoint_of(tenant)
    world = tenant.world
    event_id = published(tenant)
    (delivery,) = listed(tenant)
    world.recovery.resend(tenant.id, delivery["id"], by="phk_dev")
    history = world.reader.event(tenant.id, event_id)
    world.erasing._mark_event(history, "phk_ops")
    sent = len(world.sent)

    world.take_tasks()

    assert len(world.sent) == sent
    (after,) = listed(tenant)
    assert (after["status"], after["status_reason"]) == ("cancelled", "the payload was erased")
    assert erase(tenant, event_id).status == 200
    assert MARKER not in written(tenant)


def test_publishing_an_erased_event_again_brings_nothing_back(tenant: Tenant) -> None:
    endpoint_of(tenant)
    item = {"type": "OrderReceivedEvent", "id": "4711", "data": {**ORDER, "Email": MARKER}}
    (event,) = tenant.world.publish(item, tenant=tenant.id)
    tenant.world.take_events()
    erase(tenant, event.id)
    sent = len(tenant.world.sent)

    tenant.world.publish(item, tenant=tenant.id)
    tenant.world.later(minutes=5)
    tenant.world.take_events()
    tenant.world.later(minutes=-5)

    assert len(tenant.world.sent) == sent
    assert MARKER not in written(tenant)


def test_deliveries_missing_after_a_crash_are_cancelled_before_the_erasure(tenant: Tenant) -> None:
    endpoint_of(tenant, "one")
    endpoint_of(tenant, "two")
    world = tenant.world
    (event,) = world.publish(
        {"type": "OrderReceivedEvent", "data": {**ORDER, "Email": MARKER}}, tenant=tenant.id
    )
    world.receive(world.settings.event_queue_url)
    context = world.context("crash")
    with dying_at(world, 4, after=True), suppress(Died):
        world.dispatcher.take_event(event, context)
    assert len(world.reader.event(tenant.id, event.id).records) < 2

    assert erase(tenant, event.id).json["code"] == "deliveries_to_come"
    world.later(minutes=2)
    assert erase(tenant, event.id, cancel="true").status == 200

    statuses = [row["status"] for row in listed(tenant)]
    assert len(statuses) == 2
    assert "cancelled" in statuses
    sent = len(world.sent)
    world.dispatcher.take_event(event, context)
    world.later(minutes=-2)
    assert len(world.sent) == sent
    assert MARKER not in written(tenant)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_at_any_call_of_an_erasure_is_repaired_by_asking_again(
    shared: World, admin: Client, after: bool
) -> None:
    call = 0
    reached = True
    while reached:
        call += 1
        tenant_id = f"crash-{after}-{call}".lower()
        shared.tenancy.put(tenant_id, name="Crash")
        tenant = Tenant(tenant_id, shared, replace(admin, headers={"posthorn-tenant": tenant_id}))
        endpoint_of(tenant, "once")
        endpoint_of(tenant, "later", 500)
        event_id = published(tenant)
        work = partial(shared.erasing.erase, tenant.id, event_id, by="phk_ops", cancel=True)

        with dying_at(shared, call, after=after) as made, suppress(Died):
            work()
        reached = len(made) >= call
        shared.later(minutes=6)
        shared.sweeper.sweep()
        shared.take_tasks()
        shared.later(minutes=-6)
        work()

        assert MARKER not in written(tenant)
        assert sorted(row["status"] for row in listed(tenant)) == ["cancelled", "succeeded"]
    assert call > 5


def test_an_event_of_another_tenant_and_an_unknown_one_are_not_found(
    tenant: Tenant, stranger: Tenant
) -> None:
    endpoint_of(tenant)
    event_id = published(tenant)

    assert erase(stranger, event_id).status == 404
    assert erase(tenant, "evt_01KAR7XJ80000000000000000A").status == 404
    assert json.dumps(MARKER)[1:-1] in written(tenant)
