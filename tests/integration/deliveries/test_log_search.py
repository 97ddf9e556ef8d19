"""Full text over ids and payloads: every match is found, and a page says how far it searched."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest

from posthorn.deliveries.filters import DeliveryFilter, Order
from posthorn.deliveries.search import BUDGET, LONGEST_RANGE, MOST_EXAMINED, DeliverySearch
from tests.integration.conftest import Tenant
from tests.support.world import ORDER, START, World

RANGE = {"since": "2026-11-23T00:00:00Z", "until": "2026-11-24T00:00:00Z"}


def published(tenant: Tenant, number: int, **fields: Any) -> str:
    publication = {
        "type": "OrderReceivedEvent",
        "data": {**ORDER, "ClientOrderRef": f"B-{number:04d}"},
        **fields,
    }
    tenant.world.later(seconds=1)
    (event,) = tenant.world.publish(publication, tenant=tenant.id)
    tenant.world.take_events()
    return str(event.id)


def searched(tenant: Tenant, q: str, **query: object) -> Any:
    answer = tenant.client.get("/v1/deliveries", **{**RANGE, **query}, q=q)
    assert answer.status == 200, answer.json
    return answer.json


def found(tenant: Tenant, q: str, **query: object) -> list[str]:
    return [each["event_id"] for each in searched(tenant, q, **query)["items"]]


def test_deliveries_are_found_by_ids_and_payload_text(tenant: Tenant) -> None:
    plain = tenant.world.endpoint("plain", tenant=tenant.id)
    first = published(tenant, 1, id="Order-4711/received")
    second = published(tenant, 2, data={**ORDER, "FirstName": "Åsa Öberg"})

    assert found(tenant, "order-4711") == [first]
    assert found(tenant, "b-0001") == [first]
    assert found(tenant, "ÅSA ö") == [second]
    assert found(tenant, second) == [second]
    assert found(tenant, second.removeprefix("evt_").lower()) == [second]
    assert found(tenant, plain.id) == [second, first]
    assert found(tenant, '"ClientId":1,') == [second, first]
    assert found(tenant, "nowhere") == []


def test_a_body_that_an_expression_made_is_searched_as_it_was_sent(tenant: Tenant) -> None:
    payload = {"mode": "custom", "expression": "{greeting: join(' ', ['Hi', data.ClientOrderRef])}"}
    tenant.world.endpoint("custom", tenant=tenant.id, payload=payload)
    event_id = published(tenant, 7)

    assert found(tenant, "hi b-0007") == [event_id]


def test_a_search_keeps_to_the_other_filters(tenant: Tenant) -> None:
    tenant.world.endpoint("erp", tenant=tenant.id)
    job = {"ClientId": 1042, "JobId": 660184, "StatusId": 2}
    order = published(tenant, 1)
    other = published(tenant, 2, type="JobCompletedEvent", data=job)

    assert found(tenant, "clientid") == [other, order]
    assert found(tenant, "clientid", order="oldest") == [order, other]
    assert found(tenant, "clientid", event_type="JobCompletedEvent") == [other]
    assert found(tenant, "clientid", status="dead") == []
    page = searched(tenant, "clientid", event_type="JobCompletedEvent")
    assert page["examined"] == 1


def test_a_page_of_a_search_says_how_far_it_got_and_a_list_does_not(
    tenant: Tenant,
) -> None:
    tenant.world.endpoint("erp", tenant=tenant.id)
    events = [published(tenant, number) for number in range(3)]

    first = searched(tenant, "b-000", limit=2)
    last = searched(tenant, "b-000", limit=2, cursor=first["next_cursor"])

    assert [each["event_id"] for each in first["items"]] == [events[2], events[1]]
    assert first["examined"] == 2
    assert first["searched_until"] == first["items"][-1]["created_at"]
    assert [each["event_id"] for each in last["items"]] == [events[0]]
    assert (last["examined"], last["next_cursor"]) == (1, None)
    assert last["searched_until"] == "2026-11-23T00:00:00.000Z"
    ordinary = tenant.client.get("/v1/deliveries", **RANGE).json
    assert set(ordinary) == {"items", "next_cursor"}
    other = tenant.client.get("/v1/deliveries", **RANGE, q="b-0001", cursor=first["next_cursor"])
    assert other.json["code"] == "cursor_of_another_list"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"q": "b"}, "q"),
        ({"q": "b" * 257}, "q"),
        ({"q": "b-1"}, "since"),
        ({"q": "b-1", "since": "2026-11-16T00:00:00Z", "until": "2026-11-23T00:00:01Z"}, "since"),
    ],
)
def test_a_search_without_bounds_is_refused(
    common: Tenant, query: dict[str, object], field: str
) -> None:
    answer = common.client.get("/v1/deliveries", **query)

    assert (answer.status, answer.json["code"]) == (422, "invalid_field")
    assert answer.fields == [field]


def test_a_search_stops_when_its_time_is_used_up_and_goes_on_from_there(
    tenant: Tenant, shared: World
) -> None:
    shared.endpoint("erp", tenant=tenant.id)
    events = [published(tenant, number) for number in range(4)]
    ticks = count()

    def clock() -> datetime:  # the second delivery takes it over its budget
        return shared.now + next(ticks) * BUDGET / 2

    searching = DeliverySearch(shared.reader, shared.log, clock)
    wanted = DeliveryFilter(since=START, until=shared.now + timedelta(hours=1), order=Order.OLDEST)

    seen: list[str] = []
    examined, cursor, pages = 0, None, 0
    while pages == 0 or cursor:
        page = searching.search(tenant.id, wanted, "b-000", limit=50, cursor=cursor)
        seen.extend(each.event_id for each in page.items)
        examined += page.examined or 0
        cursor, pages = page.next_cursor, pages + 1
        assert pages < 10

    assert seen == events
    assert examined == len(events)
    assert pages > 1


def test_a_page_examines_a_bounded_number(
    tenant: Tenant, shared: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_EXAMINED == 300
    monkeypatch.setattr("posthorn.deliveries.search.MOST_EXAMINED", 9)
    shared.endpoint("erp", tenant=tenant.id)
    rare = published(tenant, 0)
    for number in range(1, 12):
        published(tenant, number)

    first = searched(tenant, "b-0000")
    second = searched(tenant, "b-0000", cursor=first["next_cursor"])

    assert (first["items"], first["examined"] <= 9) == ([], True)
    assert [each["event_id"] for each in second["items"]] == [rare]


def test_a_search_up_to_now_counts_its_days_from_now(tenant: Tenant, shared: World) -> None:
    shared.endpoint("erp", tenant=tenant.id)
    event_id = published(tenant, 1)
    searching = DeliverySearch(shared.reader, shared.log, lambda: shared.now + timedelta(hours=1))

    page = searching.search(
        tenant.id, DeliveryFilter(since=shared.now - LONGEST_RANGE / 2), "b-0001", limit=5
    )

    assert [each.event_id for each in page.items] == [event_id]
