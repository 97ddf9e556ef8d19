"""Publish, deliver, log: the guarantees for publishers, receivers and readers of the log."""

import json
from datetime import timedelta
from typing import Any

from local import seed
from local.api import Api
from tests.e2e.flow import after, moment, new_flow
from tests.e2e.stack import Running, eventually

JOB = seed.JOB["type"]
DELIVERY_FIELDS = {"status": "succeeded", "attempt_count": 1, "last_status_code": 200}


def test_an_event_arrives_signed_and_in_its_envelope(stack: Running) -> None:
    flow = new_flow(stack, "/ok", headers={"x-shop": "se"})

    event_id = flow.publish(time="2026-11-23T11:00:00+01:00")

    (request,) = eventually(lambda: flow.came)
    assert (request.method, request.webhook_id) == ("POST", event_id)
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-shop"] == "se"
    assert request.headers["posthorn-event-type"] == JOB
    assert request.headers["posthorn-attempt"] == "1"
    assert request.headers["webhook-signature"].startswith("v1,")
    assert request.headers["user-agent"].startswith("Posthorn/")
    assert json.loads(request.body) == {
        "type": JOB,
        "timestamp": "2026-11-23T10:00:00.000Z",
        "data": seed.JOB["data"],
    }


def test_the_log_shows_payload_decisions_and_the_exact_request_and_response(
    stack: Running,
) -> None:
    flow = new_flow(stack, "/ok")
    orders = new_flow(stack, "/ok", api=flow.api, event_types=["Order*"])
    event_id = flow.publish()
    flow.until(event_id, "succeeded")

    event = flow.api.call("GET", f"/v1/events/{event_id}")

    assert (event["type"], event["data"]) == (JOB, seed.JOB["data"])
    decisions = {each["endpoint_id"]: each for each in event["decisions"]}
    assert decisions[flow.id]["verdict"] == "matched"
    assert decisions[orders.id]["verdict"] == "type_not_wanted"
    assert decisions[orders.id]["reason"] == f"the endpoint does not subscribe to {JOB}"
    (delivery,) = event["deliveries"]
    assert delivery.items() >= DELIVERY_FIELDS.items()
    whole = flow.api.call("GET", f"/v1/deliveries/{delivery['id']}")
    assert whole.items() > delivery.items()
    (attempt,) = delivery["attempts"]
    assert (attempt["number"], attempt["trigger"]) == (1, "first")
    (received,) = flow.came
    sent = attempt["request"]
    assert (sent["method"], sent["url"]) == ("POST", f"{stack.receiver.url}{flow.path}")
    assert whole["body"] == received.body.decode()
    assert sent["headers"].items() <= received.headers.items()
    of_the_connection = {"host", "content-length", "connection", "accept-encoding"}
    assert received.headers.keys() - sent["headers"].keys() <= of_the_connection
    answered = attempt["response"]
    assert (answered["status_code"], answered["body"]) == (200, '{\n "answer": 200\n}\n')
    assert answered["headers"]["content-type"] == "application/json"


def test_an_event_that_no_endpoint_wants_is_recorded_with_the_reason(stack: Running) -> None:
    flow = new_flow(stack, "/ok", condition="data.StatusId == `3`")

    unwanted, wanted = flow.publish(), flow.publish(data=seed.JOB["data"] | {"StatusId": 3})

    flow.until(wanted, "succeeded")
    event = eventually(lambda: _read(flow.api, unwanted))
    assert [each["verdict"] for each in event["decisions"]] == ["condition_not_met"]
    assert event["deliveries"] == []
    assert [request.webhook_id for request in flow.came] == [wanted]


def _read(api: Api, event_id: str) -> Any:
    answer = api.raw("GET", f"/v1/events/{event_id}")
    return answer.json() if answer.ok else None


def test_of_a_batch_the_valid_events_arrive_and_the_others_are_named(stack: Running) -> None:
    flow = new_flow(stack, "/ok")
    good = [seed.JOB for _ in range(30)]
    bad = {"type": JOB, "data": {"ClientId": "not a number"}}

    answer = flow.api.call("POST", "/v1/events", body={"events": [*good, bad, seed.JOB]})

    accepted = [each["id"] for each in answer["results"] if "id" in each]
    refused = {at: each["error"] for at, each in enumerate(answer["results"]) if "error" in each}
    assert len(accepted) == 31
    assert list(refused) == [30]
    assert refused[30]["status"] == 422
    assert "/data/ClientId" in {each["field"] for each in refused[30]["errors"]}
    eventually(lambda: len(flow.came) == 31)
    assert {request.webhook_id for request in flow.came} == set(accepted)


def test_an_event_that_is_published_again_is_delivered_once(stack: Running) -> None:
    flow = new_flow(stack, "/ok")
    order = seed.JOB | {"id": "job-5519-completed"}

    first = flow.api.call("POST", "/v1/events", body=order)["id"]
    flow.until(first, "succeeded")
    again = flow.api.call("POST", "/v1/events", body=order)["id"]
    twice = flow.api.call("POST", "/v1/events", body={"events": [order, order]})["results"]
    later = flow.publish()

    assert {again, *(each["id"] for each in twice)} == {first}
    flow.until(later, "succeeded")
    assert [request.webhook_id for request in flow.came] == [first, later]
    assert flow.list() == [later, first]


def test_two_tenants_never_see_each_other(stack: Running) -> None:
    mine, theirs = new_flow(stack, "/ok"), new_flow(stack, "/ok")
    my_event, their_event = (flow.publish(id="the-same-id") for flow in (mine, theirs))
    their_delivery = theirs.until(their_event, "succeeded")["id"]
    mine.until(my_event, "succeeded")

    assert my_event != their_event
    assert [request.webhook_id for request in mine.came] == [my_event]
    assert [request.webhook_id for request in theirs.came] == [their_event]
    assert mine.list() == [my_event]
    assert mine.list(endpoint=theirs.id) == []
    assert [each["id"] for each in mine.api.items("/v1/endpoints")] == [mine.id]
    for method, path in (
        ("GET", f"/v1/events/{their_event}"),
        ("GET", f"/v1/deliveries/{their_delivery}"),
        ("POST", f"/v1/deliveries/{their_delivery}/resend"),
        ("POST", f"/v1/deliveries/{their_delivery}/cancel"),
        ("GET", f"/v1/endpoints/{theirs.id}"),
        ("GET", f"/v1/endpoints/{theirs.id}/secret"),
        ("POST", f"/v1/endpoints/{theirs.id}/rotate-secret"),
        ("DELETE", f"/v1/endpoints/{theirs.id}"),
    ):
        body: object = {} if method == "POST" else None
        assert (path, mine.api.raw(method, path, body=body).status_code) == (path, 404)
    posing = Api(stack.url, mine.api.key, tenant="somebody-else")
    assert posing.raw("GET", "/v1/deliveries").status_code == 404
    assert theirs.api.call("GET", f"/v1/endpoints/{theirs.id}")["version"] == 1


def test_publishing_and_reading_need_a_key_with_the_scope(stack: Running) -> None:
    stack.admin.call("PUT", "/v1/tenants/readers", body={"name": "Readers"})
    asked = {"name": "reader", "tenant": "readers", "scopes": ["logs:read"]}
    reader = Api(stack.url, stack.admin.call("POST", "/v1/api-keys", body=asked)["key"])

    assert reader.raw("GET", "/v1/deliveries").status_code == 200
    assert reader.raw("POST", "/v1/events", body=seed.JOB).status_code == 403
    for nobodys_key in (f"phk_01JD000000000000000000000A_{'0' * 64}", "letmein", ""):
        nobody = Api(stack.url, nobodys_key)
        assert nobody.raw("POST", "/v1/events", body=seed.JOB).status_code in (401, 403)
        assert nobody.raw("GET", "/v1/deliveries").status_code in (401, 403)


def test_the_list_of_deliveries_pages_newest_first_and_filters(stack: Running) -> None:
    flow = new_flow(stack, "/ok")
    other = new_flow(stack, "/always/500", api=flow.api, event_types=["Order*"], retry=after())
    answer = flow.api.call("POST", "/v1/events", body={"events": [seed.JOB] * 25})
    jobs = {each["id"] for each in answer["results"]}
    order = flow.api.call("POST", "/v1/events", body=seed.ORDER)["id"]
    other.until(order, "dead")
    eventually(lambda: len(flow.list()) == 26)

    pages = []
    query = {"limit": "10"}
    while True:
        pages.append(flow.api.call("GET", "/v1/deliveries", params=query))
        if pages[-1]["next_cursor"] is None:
            break
        query["cursor"] = pages[-1]["next_cursor"]

    assert [len(page["items"]) for page in pages] == [10, 10, 6]
    rows = [row for page in pages for row in page["items"]]
    assert {row["event_id"] for row in rows} == {*jobs, order}
    times = [row["created_at"] for row in rows]
    assert times == sorted(times, reverse=True)
    assert set(flow.list(endpoint=flow.id)) == jobs
    assert flow.list(event_type=seed.ORDER["type"]) == [order]
    assert flow.list(status="dead") == [order]
    assert set(flow.list(status="succeeded")) == jobs
    newest, oldest = moment(times[0]), moment(times[-1])
    later = (newest + timedelta(seconds=1)).isoformat()
    assert flow.list(since=later) == []
    assert len(flow.list(until=later)) == 26
    assert flow.list(until=(oldest - timedelta(seconds=1)).isoformat()) == []
