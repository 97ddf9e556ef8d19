"""The effect of an endpoint's status on its events, and its changes by the owner and by a 410."""

from tests.e2e.flow import after, new_flow
from tests.e2e.stack import Running


def test_an_endpoint_that_answers_410_is_disabled_and_its_deliveries_are_held(
    stack: Running,
) -> None:
    flow = new_flow(stack, "/gone", retry=after(0.1))
    first = flow.publish()
    delivery = flow.until(first, "held")
    second = flow.publish()
    waiting = flow.until(second, "held")

    endpoint = flow.api.call("GET", f"/v1/endpoints/{flow.id}")
    assert (endpoint["status"], endpoint["status_reason"]) == ("disabled", "it answered 410 Gone")
    assert (endpoint["version"], endpoint["updated_by"]) == (2, "posthorn")
    assert delivery["status_reason"] == "the endpoint answered 410 Gone and was disabled"
    assert [each["response"]["status_code"] for each in delivery["attempts"]] == [410]
    assert (waiting["attempts"], waiting["status_reason"]) == ([], "it answered 410 Gone")
    assert len(flow.came) == 1
    assert set(flow.list(status="held")) == {first, second}

    flow.change(status="enabled", url=f"{stack.receiver.url}/ok{flow.path}")
    for held in (delivery, waiting):
        flow.resend(held)

    assert flow.until(first, "succeeded")["attempt_count"] == 2
    assert flow.until(second, "succeeded")["attempt_count"] == 1


def test_events_for_a_paused_endpoint_are_held(stack: Running) -> None:
    flow = new_flow(stack, "/ok")
    awake = new_flow(stack, "/ok", api=flow.api)
    flow.change(status="paused")

    event_id = flow.publish()

    awake.until(event_id, "succeeded")
    held = flow.until(event_id, "held")
    assert held["status_reason"] == "the endpoint is paused"
    assert flow.came == []
    flow.change(status="enabled")
    flow.resend(held)
    flow.until(event_id, "succeeded")
    assert [request.webhook_id for request in flow.came] == [event_id]


def test_a_retry_of_an_endpoint_that_was_paused_meanwhile_is_held(stack: Running) -> None:
    flow = new_flow(stack, "/always/500", retry=after(1))
    event_id = flow.publish()
    flow.until(event_id, "retrying", attempts=1)

    flow.change(status="paused")

    held = flow.until(event_id, "held")
    assert (held["attempt_count"], held["status_reason"]) == (1, "the endpoint is paused")
    assert len(flow.came) == 1


def test_events_for_an_endpoint_that_is_switched_off_are_not_tracked(stack: Running) -> None:
    flow = new_flow(stack, "/ok")
    flow.change(status="disabled")
    missed = flow.publish()
    on = new_flow(stack, "/ok", api=flow.api)
    later = on.publish()
    on.until(later, "succeeded")

    flow.change(status="enabled")
    seen = flow.publish()

    flow.until(seen, "succeeded")
    assert [request.webhook_id for request in flow.came] == [seen]
    event = flow.api.call("GET", f"/v1/events/{missed}")
    assert event["deliveries"] == []
    decisions = {each["endpoint_id"]: each for each in event["decisions"]}
    assert decisions[flow.id]["verdict"] == "off"
    assert decisions[flow.id]["reason"] == "the endpoint was disabled by its owner"
    assert decisions[on.id]["verdict"] == "created_later"


def test_a_redirect_is_followed_only_where_the_endpoint_says_so(stack: Running) -> None:
    flow = new_flow(stack, "/redirect/ok", retry=after())
    target = flow.path.removeprefix("/redirect")
    refused = flow.until(flow.publish(), "dead")

    flow.change(follow_redirects=True)
    followed = flow.until(flow.publish(), "succeeded")

    (attempt,) = refused["attempts"]
    assert attempt["outcome"] == "redirect"
    assert attempt["advice"] == (
        f"answered 307, a redirect to {target}: change the URL, or set follow_redirects"
    )
    assert [request.webhook_id for request in stack.receiver.at(target)] == [followed["event_id"]]
