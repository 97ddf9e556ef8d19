"""/v1/warnings: current problems, and none once they are solved."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from posthorn.egress.http_client import AttemptResult
from posthorn.models import Endpoint, Scope, iso
from tests.integration.conftest import Tenant
from tests.support.world import World, answered

ORDER = {
    "type": "OrderReceivedEvent",
    "data": {"ClientId": 1, "ApplicationId": 1, "ClientOrderRef": "B-1", "Source": "WEB"},
}
NEVER_AGAIN = {"kind": "schedule", "delays_seconds": []}
SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(days=9)


@pytest.fixture(autouse=True)
def _now(shared: World) -> None:
    """The handlers have the real clock."""
    shared.now = datetime.now(UTC)


def answer(status: int, certificate_expires_at: datetime | None = None) -> AttemptResult:
    return replace(answered(status), certificate_expires_at=certificate_expires_at)


def endpoint(tenant: Tenant, name: str, answers: int = 200, **fields: Any) -> Endpoint:
    url = f"http://{name}.{tenant.id}.example.com/"
    tenant.world.answers[url] = lambda _: answer(answers)
    return tenant.world.endpoint(name, tenant.id, url=url, **fields)


def published(tenant: Tenant) -> None:
    tenant.world.publish(ORDER, tenant=tenant.id)
    tenant.world.take_events()
    tenant.world.count()


def warnings(tenant: Tenant) -> list[dict[str, Any]]:
    answer = tenant.client.get("/v1/warnings")
    assert answer.status == 200, answer.body
    items: list[dict[str, Any]] = answer.json["items"]
    return items


def told(tenant: Tenant) -> list[tuple[str, str, int | None]]:
    return [(each["code"], each["endpoint_name"], each["count"]) for each in warnings(tenant)]


def test_all_is_well_where_deliveries_succeed(tenant: Tenant) -> None:
    endpoint(tenant, "erp")
    published(tenant)

    assert warnings(tenant) == []


def test_a_failing_endpoint_is_a_warning_until_it_succeeds(tenant: Tenant) -> None:
    failing = endpoint(tenant, "erp", 503)
    published(tenant)

    (warning,) = warnings(tenant)
    assert (warning["code"], warning["endpoint_id"]) == ("endpoint_failing", failing.id)
    assert (warning["count"], warning["since"]) == (1, iso(tenant.world.now))

    tenant.world.answers[failing.url] = lambda _: answer(200)
    published(tenant)
    assert warnings(tenant) == []


def test_deliveries_that_died_are_a_warning_for_one_day(tenant: Tenant) -> None:
    dying = endpoint(tenant, "erp", 500, retry=NEVER_AGAIN)
    tenant.world.later(hours=-30)
    published(tenant)
    tenant.world.later(hours=28)
    published(tenant)
    tenant.world.answers[dying.url] = lambda _: answer(200)
    published(tenant)

    assert told(tenant) == [("deliveries_dead", "erp", 1)]


def test_a_disabled_endpoint_is_a_warning_with_its_reason(tenant: Tenant) -> None:
    tenant.world.endpoint("off", tenant.id, status="disabled")
    endpoint(tenant, "gone", 410)
    published(tenant)

    by_name = {
        each["endpoint_name"]: each for each in warnings(tenant) if "disabled" in each["code"]
    }
    assert by_name["off"]["message"] == "switched off by phk_test: its events are not tracked"
    assert by_name["gone"]["message"] == "disabled by Posthorn: it answered 410 Gone"


def test_held_deliveries_are_counted(tenant: Tenant) -> None:
    tenant.world.endpoint("paused", tenant.id, status="paused")
    published(tenant)
    published(tenant)

    assert told(tenant) == [("deliveries_held", "paused", 2)]


def test_an_expiring_certificate_is_a_warning_until_it_is_renewed(tenant: Tenant) -> None:
    erp = endpoint(tenant, "erp")
    tenant.world.answers[erp.url] = lambda _: answer(200, SOON)
    published(tenant)

    (warning,) = warnings(tenant)
    assert (warning["code"], warning["until"]) == ("certificate_expires", iso(SOON))
    assert f"{SOON:%Y-%m-%d}" in warning["message"]

    later = SOON + timedelta(days=90)
    tenant.world.answers[erp.url] = lambda _: answer(200, later)
    published(tenant)
    assert warnings(tenant) == []


def test_a_certificate_is_remembered_while_nothing_of_it_is_seen(tenant: Tenant) -> None:
    erp = endpoint(tenant, "erp")
    tenant.world.answers[erp.url] = lambda _: answer(200, SOON)
    published(tenant)
    tenant.world.answers[erp.url] = lambda _: answer(503)
    published(tenant)

    assert [each["code"] for each in warnings(tenant)] == [
        "endpoint_failing",
        "certificate_expires",
    ]


def test_overdue_deliveries_come_first(tenant: Tenant) -> None:
    endpoint(tenant, "erp", 503)
    tenant.world.later(minutes=-10)
    published(tenant)

    assert told(tenant) == [("deliveries_overdue", "erp", 1), ("endpoint_failing", "erp", 1)]


def test_event_types_count_the_warnings_of_the_list(tenant: Tenant) -> None:
    order, sku = ORDER["type"], "SkuChangedNotification"
    tenant.world.endpoint("off", tenant.id, status="disabled", event_types=[order])
    tenant.world.endpoint("paused", tenant.id, status="paused", event_types=["*"])
    endpoint(tenant, "crm", 500, event_types=["*"], retry=NEVER_AGAIN)
    tenant.world.later(hours=-50)
    published(tenant)  # held for longer than the statistics of the list of types reach back
    tenant.world.later(hours=50)
    published(tenant)

    codes = sorted(each["code"] for each in warnings(tenant))
    types = {
        each["name"]: each["warning_count"]
        for each in tenant.client.get("/v1/event-types", limit=100).json["items"]
    }

    assert codes == ["deliveries_dead", "deliveries_held", "endpoint_disabled", "endpoint_failing"]
    assert types[order] == len(codes)
    assert types[sku] == 1, "the failing endpoint receives it; no delivery of it is held or dead"
    assert tenant.client.get(f"/v1/event-types/{order}").json["warning_count"] == len(codes)


def test_warnings_are_those_of_the_tenant_alone(tenant: Tenant, stranger: Tenant) -> None:
    endpoint(stranger, "erp", 503)
    published(stranger)

    assert warnings(tenant) == []


def test_warnings_need_the_scope_of_the_log(common: Tenant) -> None:
    assert common.client_with(Scope.CONFIG_READ).get("/v1/warnings").status == 403
