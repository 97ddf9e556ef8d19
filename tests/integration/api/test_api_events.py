"""GET /v1/events: every event of a tenant, matched or not."""

from typing import Any

import pytest

from tests.integration.api_calls import endpoint_of, published
from tests.integration.conftest import Tenant

JOB = "JobCompletedEvent"


def listed(tenant: Tenant, **query: object) -> list[dict[str, Any]]:
    answer = tenant.client.get("/v1/events", **query)
    assert answer.status == 200, answer.fields
    return list(answer.json["items"])


@pytest.fixture
def events(tenant: Tenant) -> list[str]:
    """Five events, oldest first; the last two are of a type that no endpoint receives."""
    endpoint_of(tenant, event_types=["Order*"])
    ids = []
    for event_type in ["OrderReceivedEvent"] * 3 + [JOB] * 2:
        tenant.world.later(seconds=1)
        ids.append(published(tenant, event_type))
    return ids


def test_all_events_are_listed_newest_first(tenant: Tenant, events: list[str]) -> None:
    found = listed(tenant)

    assert [each["id"] for each in found] == events[::-1]
    assert [each["delivery_count"] for each in found] == [0, 0, 1, 1, 1]
    assert {each["type"] for each in found} == {JOB, "OrderReceivedEvent"}


def test_unmatched_events_are_listed_alone(tenant: Tenant, events: list[str]) -> None:
    assert [each["id"] for each in listed(tenant, unmatched="true")] == events[:2:-1]
    assert [each["id"] for each in listed(tenant, unmatched="false")] == events[2::-1]


def test_events_are_filtered_by_type_and_time(tenant: Tenant, events: list[str]) -> None:
    third = next(each for each in listed(tenant) if each["id"] == events[2])

    assert [each["id"] for each in listed(tenant, event_type=JOB, order="oldest")] == events[3:]
    assert [each["id"] for each in listed(tenant, until=third["recorded_at"])] == events[1::-1]
    assert [each["id"] for each in listed(tenant, since=third["recorded_at"])] == events[:1:-1]


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_pages_have_each_event_once(tenant: Tenant, events: list[str], order: str) -> None:
    found: list[str] = []
    cursor = None
    while True:
        query = {"limit": 2, "order": order, **({"cursor": cursor} if cursor else {})}
        answer = tenant.client.get("/v1/events", **query)
        found += [each["id"] for each in answer.json["items"]]
        cursor = answer.json["next_cursor"]
        if cursor is None:
            break

    assert found == (events if order == "oldest" else events[::-1])


def test_a_cursor_of_another_list_is_refused(tenant: Tenant, events: list[str]) -> None:
    cursor = tenant.client.get("/v1/events", limit=2).json["next_cursor"]

    answer = tenant.client.get("/v1/events", limit=2, unmatched="true", cursor=cursor)

    assert (answer.status, answer.json["code"]) == (422, "cursor_of_another_list")


def test_tenants_do_not_see_each_others_events(tenant: Tenant, common: Tenant) -> None:
    published(tenant)

    assert not {each["id"] for each in listed(common)} & {each["id"] for each in listed(tenant)}
