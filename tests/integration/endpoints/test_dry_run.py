"""Dry run: a draft against the latest real events."""

from datetime import timedelta
from itertools import chain, repeat
from typing import Any

import pytest

from posthorn.deliveries.queries import LogLists
from posthorn.endpoint_tests.drafts import Draft
from posthorn.endpoint_tests.dry_run import TIME_LIMIT, DryRun
from tests.integration.api_calls import SPEC, created
from tests.integration.conftest import Tenant
from tests.support.world import ORDER, START, AtOnce


def published(tenant: Tenant, *refs: str, event_type: str = "OrderReceivedEvent") -> None:
    """Publish an event for each reference, one second apart."""
    for ref in refs:
        tenant.world.later(seconds=1)
        event = {"type": event_type, "data": {**ORDER, "ClientOrderRef": ref}}
        tenant.world.publish(event, tenant=tenant.id)
        tenant.world.take_events()


def run(tenant: Tenant, endpoint_id: str, body: dict[str, Any] | None = None) -> Any:
    answer = tenant.client.post(f"/v1/endpoints/{endpoint_id}/dry-run", body)
    assert answer.status == 200, answer.fields
    return answer.json


def test_a_dry_run_counts_matching_events_and_shows_samples(tenant: Tenant) -> None:
    made = created(
        tenant,
        condition="starts_with(data.ClientOrderRef, 'A')",
        payload={"mode": "custom", "expression": "{ref: data.ClientOrderRef}"},
    )
    created(tenant, name="all", event_types=["*"])
    published(tenant, "A-1", "B-1", "A-2")
    sent = len(tenant.world.sent)

    found = run(tenant, made["id"])

    assert (found["examined"], found["complete"], found["matched"]) == (3, True, 2)
    assert found["not_matched"] == {"condition_not_met": 1}
    assert [each["payload"] for each in found["samples"]] == ['{"ref":"A-2"}', '{"ref":"A-1"}']
    assert found["comparison"] is None
    assert len(tenant.world.sent) == sent


def test_a_draft_is_compared_with_the_saved_endpoint(tenant: Tenant) -> None:
    made = created(tenant, condition="data.ClientOrderRef == 'A-1' || data.ClientOrderRef == 'B-1'")
    created(tenant, name="all", event_types=["*"])
    published(tenant, "A-1", "B-1", "C-1")
    changes = {
        "condition": "data.ClientOrderRef != 'A-1'",
        "payload": {"mode": "data", "include": ["ClientOrderRef"]},
    }

    found = run(tenant, made["id"], {"changes": changes})

    compared = found["comparison"]
    assert (found["matched"], compared["matched_before"]) == (2, 2)
    assert (compared["only_before_count"], compared["only_after_count"]) == (1, 1)
    assert compared["other_payload_count"] == 1
    (lost,), (gained,) = compared["only_before"], compared["only_after"]
    assert lost["reason"] == 'data.ClientOrderRef != \'A-1\' is false: "A-1" != "A-1"'
    assert gained["reason"].endswith("is false")
    assert tenant.client.get(f"/v1/endpoints/{made['id']}").json["version"] == 1


def test_an_endpoint_that_is_not_saved_runs_against_the_events_of_the_others(
    tenant: Tenant,
) -> None:
    created(tenant, event_types=["*"])
    published(tenant, "A-1", "B-1")
    draft = {**SPEC, "payload": {"mode": "custom", "expression": "data.Nothing"}}

    found = tenant.client.post("/v1/endpoints/dry-run", {"endpoint": draft, "limit": 1}).json

    assert (found["examined"], found["matched"], found["payload_errors"]) == (1, 1, 1)
    assert found["samples"][0]["payload"] is None
    assert "gives null" in found["samples"][0]["payload_error"]


def test_an_event_of_several_endpoints_counts_once(tenant: Tenant) -> None:
    made = [created(tenant, name=f"endpoint {n}") for n in range(3)]
    published(tenant, "A-1", "B-1", "C-1", "D-1")

    found = run(tenant, made[0]["id"], {"limit": 3})

    assert (found["examined"], found["matched"]) == (3, 3)
    assert len({each["event_id"] for each in found["samples"]}) == 3


def test_tests_are_no_real_events(tenant: Tenant) -> None:
    made = created(tenant, payload={"mode": "custom", "expression": "data.Nothing"})
    tenant.client.post(f"/v1/endpoints/{made['id']}/test")

    assert run(tenant, made["id"])["examined"] == 0


def test_without_events_there_is_nothing_to_examine(tenant: Tenant) -> None:
    found = tenant.client.post("/v1/endpoints/dry-run", {"endpoint": SPEC}).json

    assert (found["examined"], found["complete"], found["oldest_at"]) == (0, True, None)


@pytest.mark.parametrize("limit", [0, 501])
def test_no_more_than_500_events_are_examined(tenant: Tenant, limit: int) -> None:
    answer = tenant.client.post("/v1/endpoints/dry-run", {"endpoint": SPEC, "limit": limit})

    assert (answer.status, answer.fields) == (422, ["/limit"])


def test_a_run_that_takes_too_long_says_how_far_it_came(tenant: Tenant) -> None:
    world = tenant.world
    endpoint = world.endpoint(tenant=tenant.id)
    published(tenant, "A-1", "B-1", "C-1")
    times = chain([START, START], repeat(START + TIME_LIMIT + timedelta(seconds=1)))
    slow = DryRun(
        log=world.log,
        lists=LogLists(world.log_table, AtOnce()),
        now=lambda: next(times),
    )

    found = slow.run(Draft(endpoint, endpoint), limit=100)

    assert (found.examined, found.complete) == (1, False)


def test_events_that_no_endpoint_received_are_examined_too(tenant: Tenant) -> None:
    created(tenant, name="prices", event_types=["Sku*"])
    published(tenant, "A-1")
    draft = {**SPEC, "event_types": ["OrderReceivedEvent"]}

    found = tenant.client.post("/v1/endpoints/dry-run", {"endpoint": draft}).json

    assert (found["examined"], found["matched"]) == (1, 1)
