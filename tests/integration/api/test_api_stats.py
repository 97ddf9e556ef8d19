"""/v1/stats as a tenant's own program reads it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from posthorn.models import Endpoint, Scope, iso
from tests.integration.conftest import Tenant
from tests.support.world import World, answered

ORDER, JOB = "OrderReceivedEvent", "JobCompletedEvent"
DATA = {
    ORDER: {"ClientId": 1, "ApplicationId": 1, "ClientOrderRef": "B-1", "Source": "WEB"},
    JOB: {"ClientId": 1, "JobId": 1, "StatusId": 2},
}


@pytest.fixture(autouse=True)
def _now(shared: World) -> None:
    """The handlers have the real clock."""
    shared.now = datetime.now(UTC)


def happened(tenant: Tenant, *event_types: str) -> None:
    events = [{"type": each, "data": DATA[each]} for each in event_types]
    tenant.world.publish(*events, tenant=tenant.id)
    tenant.world.take_events()
    tenant.world.count()


def endpoint(tenant: Tenant, name: str, status: int = 200, **fields: Any) -> Endpoint:
    made = tenant.world.endpoint(
        name, tenant.id, url=f"http://{name}.{tenant.id}.example.com/", **fields
    )
    tenant.world.answers[made.url] = lambda _: answered(status)
    return made


def ago(days: float) -> str:
    return iso(datetime.now(UTC) - timedelta(days=days))


def stats(tenant: Tenant, **query: str) -> Any:
    answer = tenant.client.get("/v1/stats", **query)
    assert answer.status == 200, answer.body
    return answer.json


def test_the_last_day_adds_up(tenant: Tenant) -> None:
    endpoint(tenant, "erp")
    endpoint(tenant, "crm", 503)

    happened(tenant, ORDER, ORDER, JOB)

    totals = stats(tenant)["totals"]
    assert (totals["events"], totals["wanted"], totals["deliveries"]) == (3, 6, 6)
    assert {name: n for name, n in totals["statuses"].items() if n} == {
        "succeeded": 3,
        "retrying": 3,
    }
    assert totals["success_rate"] == totals["first_attempt_success_rate"] == 0.5
    assert (totals["attempts"], totals["attempts_per_delivery"]) == (6, 1)
    assert totals["outcomes"] == {"succeeded": 3, "http_error": 3}
    assert 12 <= totals["latency_ms"]["p50"] <= totals["latency_ms"]["p99"] < 12 * 1.19


def test_a_tenant_without_deliveries_has_no_rates(tenant: Tenant) -> None:
    answer = stats(tenant)

    assert answer["groups"] == []
    assert answer["totals"]["deliveries"] == 0
    assert answer["totals"]["success_rate"] is answer["totals"]["latency_ms"] is None
    assert len(answer["buckets"]) in (24, 25)


def test_the_buckets_are_hours_and_add_up_to_the_totals(tenant: Tenant) -> None:
    endpoint(tenant, "erp")
    happened(tenant, ORDER)
    tenant.world.later(hours=-3)
    happened(tenant, ORDER, ORDER)

    answer = stats(tenant)

    filled = [each["deliveries"] for each in answer["buckets"] if each["deliveries"]]
    assert filled == [2, 1]
    assert answer["totals"]["deliveries"] == 3
    assert answer["groups"][0]["counts"] == [each["deliveries"] for each in answer["buckets"]]


def test_two_weeks_come_by_day(tenant: Tenant) -> None:
    endpoint(tenant, "erp")
    tenant.world.later(days=-3)
    happened(tenant, ORDER)

    answer = stats(tenant, since=ago(14))

    assert answer["bucket"] == "day"
    assert len(answer["buckets"]) == 15
    assert all(each["start"].endswith("T00:00:00.000Z") for each in answer["buckets"])
    assert sum(each["deliveries"] for each in answer["buckets"]) == 1


def test_groups_are_endpoints_with_their_names(tenant: Tenant) -> None:
    erp, crm = endpoint(tenant, "erp"), endpoint(tenant, "crm", event_types=[JOB])
    happened(tenant, ORDER, JOB)

    groups = stats(tenant, by="endpoint")["groups"]

    assert [(each["key"], each["name"], each["count"]) for each in groups] == [
        (erp.id, "erp", 2),
        (crm.id, "crm", 1),
    ]
    assert groups[1]["numbers"]["success_rate"] == 1


def test_groups_include_event_types_that_no_endpoint_wants(tenant: Tenant) -> None:
    endpoint(tenant, "erp", event_types=[ORDER])
    happened(tenant, ORDER, ORDER, JOB)

    groups = stats(tenant, by="event_type")["groups"]

    assert [(each["key"], each["count"], each["numbers"]["events"]) for each in groups] == [
        (ORDER, 2, 2),
        (JOB, 0, 1),
    ]


@pytest.mark.parametrize(
    ("by", "expected"),
    [("status", {"succeeded": 1, "retrying": 1}), ("outcome", {"succeeded": 1, "http_error": 1})],
)
def test_groups_are_statuses_and_outcomes(
    tenant: Tenant, by: str, expected: dict[str, int]
) -> None:
    endpoint(tenant, "erp")
    endpoint(tenant, "crm", 500)
    happened(tenant, ORDER)

    groups = stats(tenant, by=by)["groups"]

    assert {each["key"]: each["count"] for each in groups} == expected


def test_one_endpoint_and_one_type_can_be_asked_for(tenant: Tenant) -> None:
    erp = endpoint(tenant, "erp")
    endpoint(tenant, "crm")
    happened(tenant, ORDER, JOB)

    of_endpoint = stats(tenant, endpoint=erp.id)["totals"]
    of_both = stats(tenant, endpoint=erp.id, event_type=JOB)["totals"]

    assert (of_endpoint["deliveries"], of_endpoint["events"]) == (2, None)
    assert of_both["deliveries"] == 1


def test_deliveries_of_another_tenant_are_not_counted(tenant: Tenant, stranger: Tenant) -> None:
    endpoint(stranger, "erp")
    happened(stranger, ORDER)

    assert stats(tenant)["totals"]["events"] == 0


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"since": ago(32)}, "since"),
        ({"since": ago(1), "until": ago(2)}, "since"),
        ({"since": ago(-1)}, "since"),
        ({"since": ago(8), "bucket": "hour"}, "bucket"),
        ({"since": "2026-11-23T10:00:00"}, "since"),
        ({"by": "colour"}, "by"),
        ({"endpoint": "ERP"}, "endpoint"),
    ],
)
def test_an_invalid_parameter_is_refused_by_its_name(
    common: Tenant, query: dict[str, str], field: str
) -> None:
    answer = common.client.get("/v1/stats", **query)

    assert (answer.status, answer.fields) == (422, [field])


def test_statistics_need_the_scope_of_the_log(common: Tenant) -> None:
    assert common.client_with(Scope.CONFIG_READ).get("/v1/stats").status == 403


def seen_types(tenant: Tenant) -> dict[str, Any]:
    items = tenant.client.get("/v1/event-types", limit=100).json["items"]
    return {each["name"]: each for each in items}


def test_event_types_are_listed_with_their_last_day(tenant: Tenant) -> None:
    never_again = {"kind": "schedule", "delays_seconds": []}
    endpoint(tenant, "erp", event_types=[ORDER])
    endpoint(tenant, "crm", 503, event_types=["*"], retry=never_again)
    tenant.world.later(hours=-2)
    happened(tenant, ORDER)
    tenant.world.later(hours=2)
    happened(tenant, ORDER, JOB)

    types = seen_types(tenant)

    assert types[ORDER]["deliveries_by_hour"] == [*[0] * 21, 2, 0, 2]
    assert (types[ORDER]["success_rate"], types[JOB]["success_rate"]) == (0.5, 0)
    # The CRM fails, and has dead deliveries of each type.
    assert types[ORDER]["warning_count"] == types[JOB]["warning_count"] == 2
    untouched = types["SkuPriceChangedNotification"]
    assert untouched["deliveries_by_hour"] == [0] * 24
    assert untouched["success_rate"] is None
    assert untouched["warning_count"] == 1


def test_one_event_type_is_read_with_its_last_day(tenant: Tenant) -> None:
    endpoint(tenant, "erp")
    happened(tenant, ORDER)

    answer = tenant.client.get(f"/v1/event-types/{ORDER}").json

    assert answer["deliveries_by_hour"][-1] == answer["success_rate"] == 1
    assert answer["warning_count"] == 0
