"""After a failure: delays, the end of all retries, resend and cancel.

All scenarios start together, so that their delays overlap.
"""

import pytest

from tests.e2e.flow import Delivery, EventHistory, after, begun, new_flow, waits
from tests.e2e.stack import Running

JITTER = 0.2
CLOCK_SECONDS = 0.01  # times in the log are cut to milliseconds
# For the queue, a dispatcher and a busy machine: a retry may be late, and never early.
LATE_SECONDS = 3.0


@pytest.fixture(scope="module", autouse=True)
def flaky(stack: Running) -> EventHistory:
    return begun(stack, "/fail/2", retry=after(1, 3))


@pytest.fixture(scope="module", autouse=True)
def patient(stack: Running) -> EventHistory:
    """Its retry is far enough away to wait in the execution of a cell."""
    return begun(stack, "/fail/1", retry=after(14))


@pytest.fixture(scope="module", autouse=True)
def growing(stack: Running) -> EventHistory:
    policy = {"kind": "exponential", "first_delay_seconds": 0.5, "factor": 3, "max_attempts": 3}
    return begun(stack, "/always/503", retry=policy)


@pytest.fixture(scope="module", autouse=True)
def hopeless(stack: Running) -> EventHistory:
    return begun(stack, "/always/500", retry=after(0.3, 0.3))


@pytest.fixture(scope="module", autouse=True)
def busy(stack: Running) -> EventHistory:
    return begun(stack, "/busy/2", retry=after(0.1))


@pytest.fixture(scope="module", autouse=True)
def slow(stack: Running) -> EventHistory:
    return begun(stack, "/slow/2", timeout_seconds=1, retry=after(0.5))


@pytest.fixture(scope="module", autouse=True)
def orphan(stack: Running) -> EventHistory:
    """Its endpoint is deleted while a retry waits."""
    story = begun(stack, "/always/500", retry=after(1, 1))
    story.until("retrying", attempts=1)
    story.flow.api.call("DELETE", f"/v1/endpoints/{story.flow.id}")
    return story


@pytest.fixture(scope="module", autouse=True)
def cancelled(stack: Running) -> EventHistory:
    """It is cancelled while a retry waits."""
    story = begun(stack, "/fail/1", retry=after(1))
    delivery = story.until("retrying", attempts=1)
    story.flow.api.call("POST", f"/v1/deliveries/{delivery['id']}/cancel")
    return story


@pytest.fixture(scope="module", autouse=True)
def overtaken(stack: Running) -> EventHistory:
    """It is resent while a retry waits."""
    story = begun(stack, "/fail/1", retry=after(1))
    story.flow.resend(story.until("retrying", attempts=1))
    return story


def test_a_dead_delivery_that_is_resent_arrives_with_the_same_id_and_body(
    stack: Running,
) -> None:
    flow = new_flow(stack, "/always/500", retry=after())
    event_id = flow.publish()
    dead = flow.until(event_id, "dead")
    mended = new_flow(stack, "/ok", api=flow.api, event_types=["Order*"])
    flow.change(url=mended.endpoint["url"])

    flow.resend(dead)

    delivery = flow.until(event_id, "succeeded")
    failed, resent = delivery["attempts"]
    assert (resent["number"], resent["trigger"]) == (2, "resend")
    assert resent["by"].startswith("phk_")
    (before,), (request,) = flow.came, mended.came
    assert (request.webhook_id, request.body) == (event_id, before.body)
    assert (failed["endpoint_version"], resent["endpoint_version"]) == (1, 2)


def test_a_resend_that_fails_has_the_whole_retry_policy_before_it(stack: Running) -> None:
    flow = new_flow(stack, "/fail/3", retry=after(0.2))
    event_id = flow.publish()
    dead = flow.until(event_id, "dead")
    assert dead["attempt_count"] == 2

    flow.resend(dead)

    delivery = flow.until(event_id, "succeeded")
    triggers = [each["trigger"] for each in delivery["attempts"]]
    assert triggers == ["first", "retry", "resend", "retry"]


def test_a_resend_of_a_succeeded_delivery_has_the_same_webhook_id(
    stack: Running,
) -> None:
    flow = new_flow(stack, "/ok")
    event_id = flow.publish()

    flow.resend(flow.until(event_id, "succeeded"))

    flow.until(event_id, "succeeded", attempts=2)
    assert [request.webhook_id for request in flow.came] == [event_id, event_id]


def test_a_delivery_is_dead_when_all_its_retries_are_used_up(hopeless: EventHistory) -> None:
    flow = hopeless.flow
    delivery = hopeless.until("dead")
    later = flow.publish()
    flow.until(later, "dead")

    delivery = flow.delivery(hopeless.event_id)
    assert delivery["status_reason"] == "all retries are used up"
    assert delivery["next_attempt_at"] is None
    assert (delivery["last_outcome"], delivery["last_status_code"]) == ("http_error", 500)
    assert len(delivery["attempts"]) == len(flow.came_of(hopeless.event_id)) == 3
    assert set(flow.list(status="dead")) == {hopeless.event_id, later}


def test_retry_after_is_a_floor_under_the_schedule(busy: EventHistory) -> None:
    delivery = busy.until("succeeded")

    refused, _ = delivery["attempts"]
    assert (refused["response"]["status_code"], refused["retry_after_seconds"]) == (429, 2)
    (waited,) = waits(delivery)
    assert waited >= 2 - CLOCK_SECONDS


def test_an_endpoint_that_is_too_slow_times_out_and_is_tried_again(slow: EventHistory) -> None:
    delivery = slow.until("dead")

    assert [each["outcome"] for each in delivery["attempts"]] == ["timeout_read"] * 2
    for attempt in delivery["attempts"]:
        assert 1000 <= attempt["duration_ms"] <= 2000  # its timeout, and a second at most
        assert attempt["response"] is None


def test_a_slow_endpoint_that_is_mended_gets_its_events_again(slow: EventHistory) -> None:
    slow.until("dead")
    slow.flow.change(timeout_seconds=10)

    event_id = slow.flow.publish()

    assert slow.flow.until(event_id, "succeeded")["attempt_count"] == 1


def test_deleting_an_endpoint_cancels_waiting_deliveries_and_keeps_its_log(
    orphan: EventHistory,
) -> None:
    delivery = orphan.until("cancelled")

    assert delivery["status_reason"] == "the endpoint was deleted"
    assert len(delivery["attempts"]) == len(orphan.flow.came) == 1
    assert orphan.flow.list() == [orphan.event_id]


def test_a_resend_takes_the_place_of_the_retry_that_was_waiting(
    overtaken: EventHistory,
) -> None:
    overtaken.until("succeeded")

    _let_the_wake_up_pass(overtaken)

    triggers = [each["trigger"] for each in overtaken.until("succeeded")["attempts"]]
    assert triggers == ["first", "resend"]
    assert len(overtaken.flow.came_of(overtaken.event_id)) == 2


def test_a_cancelled_delivery_is_not_tried_again(cancelled: EventHistory) -> None:
    _let_the_wake_up_pass(cancelled)

    delivery = cancelled.until("cancelled")
    assert delivery["status_reason"].startswith("cancelled by phk_")
    assert len(delivery["attempts"]) == len(cancelled.flow.came_of(cancelled.event_id)) == 1
    path = f"/v1/deliveries/{delivery['id']}/cancel"
    again = cancelled.flow.api.raw("POST", path)
    assert (again.status_code, again.json()["code"]) == (409, "nothing_to_cancel")


def _let_the_wake_up_pass(story: EventHistory) -> None:
    """Wait until a retry was made that was scheduled later, with the same delay."""
    story.flow.change(retry=after(1))
    story.flow.until(story.flow.publish(), "succeeded", attempts=2)


def test_two_failures_then_success_with_the_waits_of_the_schedule(flaky: EventHistory) -> None:
    delivery = flaky.until("succeeded")

    outcomes = [(each["outcome"], each["trigger"]) for each in delivery["attempts"]]
    assert outcomes == [("http_error", "first"), ("http_error", "retry"), ("succeeded", "retry")]
    assert [each["number"] for each in delivery["attempts"]] == [1, 2, 3]
    _assert_waited(delivery, 1, 3)


def test_an_exponential_policy_waits_longer_each_time(growing: EventHistory) -> None:
    delivery = growing.until("dead")

    assert delivery["attempt_count"] == 3
    _assert_waited(delivery, 0.5, 1.5)


def _assert_waited(delivery: Delivery, *delays: float) -> None:
    for waited, delay in zip(waits(delivery), delays, strict=True):
        assert waited >= delay * (1 - JITTER) - CLOCK_SECONDS
        assert waited <= delay * (1 + JITTER) + LATE_SECONDS


def test_each_attempt_has_the_same_id_and_the_same_bytes(flaky: EventHistory) -> None:
    flaky.until("succeeded")
    requests = flaky.flow.came

    assert [request.status for request in requests] == [500, 500, 200]
    assert {request.webhook_id for request in requests} == {flaky.event_id}
    assert len({request.body for request in requests}) == 1
    assert [request.headers["posthorn-attempt"] for request in requests] == ["1", "2", "3"]
    times = [int(request.headers["webhook-timestamp"]) for request in requests]
    assert times == sorted(times)
    assert times[0] < times[-1]


def test_a_longer_wait_is_held_by_the_execution_of_a_cell(
    stack: Running, patient: EventHistory
) -> None:
    delivery = patient.until("succeeded")

    assert [each["trigger"] for each in delivery["attempts"]] == ["first", "retry"]
    _assert_waited(delivery, 14)
    executions = stack.client("stepfunctions").list_executions(
        stateMachineArn=stack.resources["RetryStateMachine"], statusFilter="SUCCEEDED"
    )["executions"]
    assert executions
    assert all(each["name"].startswith("due-") for each in executions)
