"""The retention of the log, and the limits of a tenant."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from posthorn.models import TenantLimits
from tests.integration.api_calls import SPEC, created, endpoint_of, listed, published, wake
from tests.integration.conftest import Tenant
from tests.support.http_client import Client


def kept(tenant: Tenant, days: int | None, **limits: int) -> None:
    """Put the tenant again with this retention and these limits."""
    own = TenantLimits(**limits)
    tenant.world.tenancy.put(tenant.id, name="Acme", retention_days=days, limits=own)


def expiries(tenant: Tenant, event_id: str) -> dict[str, datetime]:
    """The expiry of each item of the event, by the last part of its key."""
    rows = tenant.world.log_table.query("#pk = :pk", {"pk": f"{tenant.id}#{event_id}"})
    return {
        row["sk"].rpartition("#")[2]: datetime.fromtimestamp(row["expires_at"]).astimezone()
        for row in rows
    }


def test_the_whole_story_of_an_event_expires_by_its_tenants_own_retention(tenant: Tenant) -> None:
    kept(tenant, 90)
    endpoint = endpoint_of(tenant, answers=500)
    recorded_at = tenant.world.now

    event_id = published(tenant)
    wake(tenant)

    assert expiries(tenant, event_id) == dict.fromkeys(
        ["event", endpoint.id, "0001", "0002"], recorded_at + timedelta(days=90)
    )
    (delivery,) = listed(tenant)
    assert datetime.fromisoformat(delivery["expires_at"]) == recorded_at + timedelta(days=90)


def test_a_new_retention_applies_to_events_recorded_from_then_on(tenant: Tenant) -> None:
    kept(tenant, 90)
    endpoint_of(tenant, answers=500)
    before = published(tenant)
    first = expiries(tenant, before)
    kept(tenant, 8)

    wake(tenant)
    after = published(tenant)

    assert set(expiries(tenant, before).values()) == set(first.values())
    expected = tenant.world.now + timedelta(days=8)
    assert set(expiries(tenant, after).values()) == {expected}


def test_without_its_own_the_stacks_retention_holds(tenant: Tenant) -> None:
    endpoint_of(tenant)

    event_id = published(tenant)

    expected = tenant.world.now + timedelta(days=tenant.world.settings.retention_days)
    assert set(expiries(tenant, event_id).values()) == {expected}


def test_a_shorter_retention_does_not_hide_deliveries_that_are_still_kept(tenant: Tenant) -> None:
    kept(tenant, 365)
    endpoint = endpoint_of(tenant)
    event_id = published(tenant)
    tenant.client.delete(f"/v1/endpoints/{endpoint.id}")
    kept(tenant, None)
    kept(tenant, 8)

    tenant.world.later(days=100)

    found = tenant.world.reader.limits(tenant.id)
    tenant.world.later(days=-100)
    assert (found.retention_days, found.longest_retention.days) == (8, 365)
    assert [row["event_id"] for row in listed(tenant)] == [event_id]


def test_a_test_is_kept_as_long_as_any_event(tenant: Tenant) -> None:
    kept(tenant, 9)
    made = created(tenant, payload={"mode": "custom", "expression": "data.Nothing"})

    done = tenant.client.post(f"/v1/endpoints/{made['id']}/test").json

    whole = tenant.client.get(f"/v1/deliveries/{done['delivery_id']}").json
    span = datetime.fromisoformat(whole["expires_at"]) - datetime.fromisoformat(whole["created_at"])
    assert timedelta(days=9) - span < timedelta(seconds=1)


def test_a_tenants_terms_are_read_once_for_all_deliveries_of_an_event(tenant: Tenant) -> None:
    for name in ("one", "two", "three"):
        endpoint_of(tenant, name)
    read: list[str] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        read.append(params["Key"]["pk"]["S"])

    calls = tenant.world.dynamodb.meta.events
    calls.register("provide-client-params.dynamodb.GetItem", note)
    published(tenant)
    calls.unregister("provide-client-params.dynamodb.GetItem", note)

    assert read.count("tenants") == 1
    assert len(listed(tenant)) == 3


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"name": "A", "retention_days": 7}, "/retention_days"),
        ({"name": "A", "retention_days": 3651}, "/retention_days"),
        ({"name": "A", "retention": 30}, "/retention"),
        ({"name": "A", "limits": {"endpoints": -1}}, "/limits/endpoints"),
        ({"name": "A", "limits": {"endpoints": 1001}}, "/limits/endpoints"),
        ({"name": "A", "limits": {"tests": 1}}, "/limits/tests"),
    ],
)
def test_terms_that_cannot_hold_are_refused_by_name(
    admin: Client, tenant: Tenant, spec: dict[str, Any], field: str
) -> None:
    before = admin.get(f"/v1/tenants/{tenant.id}").json

    refused = admin.put(f"/v1/tenants/{tenant.id}", spec)

    assert (refused.status, refused.fields) == (422, [field])
    assert admin.get(f"/v1/tenants/{tenant.id}").json == before


def test_a_tenant_shows_its_own_terms_and_those_that_hold(admin: Client, tenant: Tenant) -> None:
    path = f"/v1/tenants/{tenant.id}"
    own = {"retention_days": 90, "limits": {"endpoints": 5, "tests_per_minute": None}}

    put = admin.put(path, {"name": "Acme", **own}).json

    assert {name: put[name] for name in own} == own
    effective = {"retention_days": 90, "limits": {"endpoints": 5, "tests_per_minute": 60}}
    assert put["effective"] == effective
    assert admin.get(path).json == put
    assert put in admin.get("/v1/tenants", limit=100).json["items"]

    again = admin.put(path, {"name": "Acme"}).json
    assert again["retention_days"] is None
    assert again["effective"]["retention_days"] == 30
    assert again["effective"]["limits"]["endpoints"] == 1000


def test_a_tenant_may_have_as_many_endpoints_as_it_was_given(tenant: Tenant) -> None:
    kept(tenant, None, endpoints=1)
    created(tenant)

    refused = tenant.client.post("/v1/endpoints", SPEC)

    assert (refused.status, refused.json["code"]) == (409, "too_many_endpoints")
    kept(tenant, None)
    created(tenant)
