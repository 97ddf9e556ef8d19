"""The log by API: requests, responses, resend and cancel."""

from datetime import UTC, datetime, timedelta

import pytest

from posthorn.deliveries.store import Claim
from posthorn.models import iso
from tests.integration.api_calls import delivered, endpoint_of, listed, published, wake
from tests.integration.conftest import Tenant
from tests.support.world import ORDER, START, World, answered

NO_SUCH = "01KAR7XJ80000000000000000A"


def test_a_delivery_in_a_list_has_its_status_and_last_attempt(
    tenant: Tenant, shared: World
) -> None:
    endpoint = endpoint_of(tenant, answers=503)
    event_id = published(tenant)

    (row,) = listed(tenant)

    assert row["id"].startswith("dlv_")
    assert (row["event_id"], row["endpoint_id"]) == (event_id, endpoint.id)
    assert (row["event_type"], row["endpoint_version"]) == ("OrderReceivedEvent", 1)
    assert (row["status"], row["status_reason"], row["attempt_count"]) == ("retrying", None, 1)
    assert (row["last_outcome"], row["last_status_code"]) == ("http_error", 503)
    assert row["created_at"] == row["last_attempt_at"] == iso(shared.now)
    assert row["next_attempt_at"] == iso(shared.now + timedelta(seconds=5.012))
    assert row["test"] is False
    assert "attempts" not in row


def test_deliveries_are_found_by_endpoint_type_status_and_time(
    tenant: Tenant, shared: World
) -> None:
    orders = endpoint_of(tenant, "orders", event_types=["Order*"], answers=503)
    jobs = endpoint_of(tenant, "jobs", event_types=["Job*"])
    first = published(tenant)
    shared.later(minutes=1)
    noon = shared.now
    second = published(tenant, "JobCompletedEvent")
    shared.later(minutes=1)
    third = published(tenant)

    def events(**query: object) -> list[str]:
        return [row["event_id"] for row in listed(tenant, **query)]

    assert events() == [third, second, first]
    assert events(endpoint=orders.id) == [third, first]
    assert events(endpoint=jobs.id) == [second]
    assert events(event_type="JobCompletedEvent") == [second]
    assert events(event_type="OrderReceivedEvent", endpoint=jobs.id) == []
    assert events(status="retrying") == [third, first]
    assert events(status="succeeded") == [second]
    assert events(status="dead") == []
    assert events(since=iso(noon)) == [third, second]
    assert events(until=iso(noon)) == [first]
    assert events(since=iso(noon), until=iso(noon + timedelta(seconds=1))) == [second]
    assert events(since="2026-11-23T11:00:00+01:00", status="retrying") == [third, first]
    assert events(outcome="http_error") == events(status_code="5xx") == [third, first]
    assert events(outcome="succeeded") == events(status_code="2xx") == [second]
    assert events(status_code="4xx") == events(outcome="timeout_read") == []
    assert events(event_id=second) == events(event_id=second, endpoint=jobs.id) == [second]
    assert events(event_id=second, endpoint=orders.id) == []
    assert events(order="oldest") == [first, second, third]
    assert events(order="oldest", status="retrying", since=iso(noon)) == [third]
    assert events(since=iso(noon), until=iso(noon)) == []
    assert events(since=iso(noon + timedelta(days=1)), until=iso(noon), endpoint=jobs.id) == []


def test_pages_stay_whole_while_new_deliveries_arrive(tenant: Tenant, shared: World) -> None:
    endpoint_of(tenant, "erp")
    endpoint_of(tenant, "crm", answers=500)
    before = []
    for _ in range(4):
        shared.later(seconds=1)
        before.append(published(tenant))

    seen: list[tuple[str, str]] = []
    query: dict[str, object] = {"limit": 3}
    while True:
        page = tenant.client.get("/v1/deliveries", **query).json
        seen.extend((row["event_id"], row["endpoint_id"]) for row in page["items"])
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
        shared.later(seconds=1)
        published(tenant)

    assert [event_id for event_id, _ in seen] == [each for each in reversed(before) for _ in "ab"]
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"cursor": "NQ=="}, "cursor"),
        ({"cursor": "é"}, "cursor"),
        ({"cursor": "W" * 9000}, "cursor"),
        ({"status": "lost"}, "status"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-11-23T10:00:00"}, "since"),
        ({"until": "0001-01-01T00:00:00+14:00"}, "until"),
        ({"endpoint": "erp"}, "endpoint"),
        ({"endpoint": "ep_" + "0" * 3000}, "endpoint"),
        ({"event_id": "order-4711"}, "event_id"),
        ({"outcome": "lost"}, "outcome"),
        ({"status_code": "503"}, "status_code"),
        ({"test": "yes"}, "test"),
        ({"order": "best"}, "order"),
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
    ],
)
def test_a_filter_that_cannot_be_read_is_named(
    common: Tenant, query: dict[str, object], field: str
) -> None:
    answer = common.client.get("/v1/deliveries", **query)

    assert (answer.status, answer.json["code"]) == (422, "invalid_field")
    assert answer.fields == [field]


@pytest.mark.parametrize("other", [{"order": "oldest"}, {"status": "dead"}, {"since": iso(START)}])
def test_a_cursor_holds_for_its_own_list_only(tenant: Tenant, other: dict[str, object]) -> None:
    endpoint_of(tenant)
    published(tenant)
    published(tenant)
    cursor = tenant.client.get("/v1/deliveries", limit=1).json["next_cursor"]

    answer = tenant.client.get("/v1/deliveries", cursor=cursor, **other)

    assert (answer.status, answer.json["code"]) == (422, "cursor_of_another_list")
    assert answer.fields == ["cursor"]
    assert len(listed(tenant, cursor=cursor, limit=2)) == 1


def test_the_deliveries_of_a_deleted_endpoint_stay_in_the_list(tenant: Tenant) -> None:
    endpoint = endpoint_of(tenant)
    event_id = published(tenant)

    assert tenant.client.delete(f"/v1/endpoints/{endpoint.id}").status == 204

    assert [row["event_id"] for row in listed(tenant)] == [event_id]
    assert [row["event_id"] for row in listed(tenant, endpoint=endpoint.id)] == [event_id]


def test_a_delivery_is_read_with_each_attempt_and_all_that_came_back(tenant: Tenant) -> None:
    endpoint = endpoint_of(tenant, answers=503, auth={"kind": "bearer", "token": "hunter2"})
    published(tenant)
    wake(tenant)
    (row,) = listed(tenant)

    answer = tenant.client.get(f"/v1/deliveries/{row['id']}")

    assert answer.status == 200
    assert {name: answer.json[name] for name in row} == row
    assert answer.json["endpoint_name"] == endpoint.name
    first, second = answer.json["attempts"]
    assert (first["number"], first["trigger"]) == (1, "first")
    assert (second["number"], second["trigger"]) == (2, "retry")
    assert second["outcome"] == "http_error"
    assert second["advice"]
    assert second["duration_ms"] == 12
    assert second["timings_ms"] == {"dns": 1, "connect": 2, "first_byte": 12}
    assert second["endpoint_version"] == 1
    assert second["certificate_expires_at"] == "2027-01-22T10:00:00.000Z"
    assert second["request"]["method"] == "POST"
    assert second["request"]["url"] == endpoint.url
    assert second["request"]["headers"]["webhook-id"] == row["event_id"]
    assert second["request"]["headers"]["posthorn-attempt"] == "2"
    assert '"type":"OrderReceivedEvent"' in answer.json["body"]
    assert second["response"]["status_code"] == 503
    assert second["response"]["body"] == "as you wish"
    assert second["response"]["truncated"] is False
    assert "hunter2" not in answer.body


def test_an_event_is_read_with_its_payload_decisions_and_deliveries(tenant: Tenant) -> None:
    wanting = endpoint_of(tenant, "erp", event_types=["Order*"])
    other = endpoint_of(tenant, "jobs", event_types=["Job*"])
    event_id = published(tenant, id="order-4711", time="2026-11-23T09:59:59+00:00")

    answer = tenant.client.get(f"/v1/events/{event_id}")

    event = answer.json
    assert answer.status == 200
    assert (event["id"], event["published_id"]) == (event_id, "order-4711")
    assert (event["type"], event["data"]) == ("OrderReceivedEvent", ORDER)
    assert event["time"] == "2026-11-23T09:59:59.000Z"
    verdicts = {each["endpoint_id"]: each["verdict"] for each in event["decisions"]}
    assert verdicts == {wanting.id: "matched", other.id: "type_not_wanted"}
    assert event["summary"] == "matched 1 of 2 endpoints"
    (delivery,) = event["deliveries"]
    assert delivery["endpoint_name"] == wanting.name
    assert (delivery["endpoint_id"], delivery["status"]) == (wanting.id, "succeeded")
    assert [each["outcome"] for each in delivery["attempts"]] == ["succeeded"]
    assert not {"tenant", "traceparent"} & set(event)


def test_an_event_is_found_by_the_id_that_its_publisher_gave(
    tenant: Tenant, stranger: Tenant
) -> None:
    endpoint_of(tenant)
    event_id = published(tenant, id="order-4711/received")

    def found(by: Tenant, published_id: str) -> list[str]:
        answer = by.client.get("/v1/events", published_id=published_id)
        assert (answer.status, answer.json["next_cursor"]) == (200, None)
        return [each["id"] for each in answer.json["items"]]

    assert found(tenant, "order-4711/received") == [event_id]
    assert found(tenant, "order-4711") == []
    assert found(stranger, "order-4711/received") == []


@pytest.mark.parametrize(
    "path",
    [
        f"/v1/deliveries/dlv_{NO_SUCH}_{NO_SUCH}",
        "/v1/deliveries/dlv_x",
        f"/v1/deliveries/{'x' * 3000}",
        f"/v1/events/evt_{NO_SUCH}",
        "/v1/events/order-4711",
        f"/v1/endpoints/ep_{NO_SUCH}",
        f"/v1/endpoints/{'x' * 3000}",
    ],
)
def test_an_unknown_id_is_not_found(common: Tenant, path: str) -> None:
    answer = common.client.get(path)

    assert (answer.status, answer.json["code"]) == (404, "not_found")


def test_a_dead_delivery_can_be_resent_and_succeeds(tenant: Tenant, shared: World) -> None:
    no_retries = {"kind": "schedule", "delays_seconds": []}
    delivery_id = delivered(tenant, answers=500, retry=no_retries)
    (dead,) = listed(tenant, status="dead")
    shared.answers[f"http://erp-{tenant.id}.example.com/hook"] = lambda _: answered(200)

    answer = tenant.client.post(f"/v1/deliveries/{delivery_id}/resend")
    shared.take_tasks()

    assert dead["id"] == delivery_id
    assert (answer.status, answer.json["status"]) == (202, "pending")
    after = tenant.client.get(f"/v1/deliveries/{delivery_id}").json
    assert (after["status"], after["attempt_count"]) == ("succeeded", 2)
    assert after["attempts"][1]["trigger"] == "resend"
    assert after["attempts"][1]["by"].startswith("phk_")


def test_a_retrying_delivery_can_be_cancelled_once(tenant: Tenant, shared: World) -> None:
    delivery_id = delivered(tenant, answers=500)

    first = tenant.client.post(f"/v1/deliveries/{delivery_id}/cancel")
    second = tenant.client.post(f"/v1/deliveries/{delivery_id}/cancel")
    sent_so_far = len(shared.sent)
    wake(tenant)

    assert (first.status, first.json["status"]) == (200, "cancelled")
    assert first.json["next_attempt_at"] is None
    assert first.json["status_reason"].startswith("cancelled by phk_")
    assert (second.status, second.json["code"]) == (409, "nothing_to_cancel")
    assert len(shared.sent) == sent_so_far


def test_a_succeeded_delivery_cannot_be_cancelled(tenant: Tenant) -> None:
    delivery_id = delivered(tenant)

    answer = tenant.client.post(f"/v1/deliveries/{delivery_id}/cancel")

    assert (answer.status, answer.json["code"]) == (409, "nothing_to_cancel")


@pytest.mark.parametrize("action", ["resend", "cancel"])
def test_nothing_moves_a_delivery_while_an_attempt_is_being_made(
    tenant: Tenant, shared: World, action: str
) -> None:
    delivery_id = delivered(tenant, answers=500)
    (delivery,) = shared.deliveries(tenant.id)
    now = datetime.now(UTC)  # the handlers have the real clock
    assert shared.log.claim_delivery(delivery, Claim("m-1", now, now + timedelta(hours=1)))

    answer = tenant.client.post(f"/v1/deliveries/{delivery_id}/{action}")

    assert (answer.status, answer.json["code"]) == (409, "attempt_running")
    assert [row["status"] for row in listed(tenant)] == ["retrying"]


@pytest.mark.parametrize(
    ("change", "code"),
    [({"status": "disabled"}, "endpoint_not_enabled"), (None, "endpoint_deleted")],
)
def test_nothing_is_resent_to_an_endpoint_that_takes_nothing(
    tenant: Tenant, change: dict[str, str] | None, code: str
) -> None:
    endpoint = endpoint_of(tenant)
    published(tenant)
    (row,) = listed(tenant)
    path = f"/v1/endpoints/{endpoint.id}"
    done = tenant.client.patch(path, change) if change else tenant.client.delete(path)
    assert done.status in (200, 204)

    answer = tenant.client.post(f"/v1/deliveries/{row['id']}/resend")

    assert (answer.status, answer.json["code"]) == (409, code)
