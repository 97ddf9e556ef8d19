"""Repair of a lost wake-up and of a crashed dispatcher."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.e2e.breaking import logged, set_attributes
from tests.e2e.flow import after, new_flow
from tests.e2e.stack import Running

LONG_AGO = timedelta(minutes=3)  # beyond the grace of the sweeper


def test_the_sweeper_requeues_a_retry_whose_wake_up_was_lost(stack: Running) -> None:
    flow = new_flow(stack, "/fail/1", retry=after(60))
    lost, waiting = flow.publish(), flow.publish()
    flow.until(lost, "retrying", attempts=1)
    flow.until(waiting, "retrying", attempts=1)
    _make_overdue(stack, f"delivery#{flow.id}", lost)

    _sweep(stack)

    delivery = flow.until(lost, "succeeded")
    assert [each["trigger"] for each in delivery["attempts"]] == ["first", "sweeper"]
    assert len(flow.came_of(lost)) == 2
    assert _sweep(stack) == 0
    assert flow.delivery(waiting)["attempt_count"] == len(flow.came_of(waiting)) == 1


def _make_overdue(stack: Running, sort_key: str, event_id: str) -> None:
    """Move the time at which the delivery is due into the past: its cell does not find it then.

    The index that the sweeper reads is sorted by `due_sk`: the time, and the attempt's number.
    """
    item = logged(stack, sort_key, event_id)
    due = (datetime.now(UTC) - LONG_AGO).isoformat(timespec="milliseconds")
    due_sk = f"{due.replace('+00:00', 'Z')}#{item['due_sk']['S'].partition('#')[2]}"
    set_attributes(stack, item, due_sk={"S": due_sk})


def _sweep(stack: Running) -> int:
    """Run the sweeper as its schedule does; return its number of requeued deliveries."""
    return int(stack.invoke("SweeperFunction", logs="swept")["requeued"])


def test_an_event_whose_dispatcher_died_is_finished_when_its_message_comes_back(
    stack: Running,
) -> None:
    flow = new_flow(stack, "/ok")
    event_id = flow.publish(id="a-crash")
    flow.until(event_id, "succeeded")
    # The state after a dispatcher died between sending and recording, once its claim has lapsed
    # (90 s, before SQS shows the message again).
    _forget(stack, logged(stack, f"delivery#{flow.id}", event_id))
    lapsed = str(int(datetime.now(UTC).timestamp()) - 1)
    set_attributes(stack, logged(stack, "event", event_id), claim_until={"N": lapsed})

    assert flow.publish(id="a-crash") == event_id

    assert flow.until(event_id, "succeeded")["attempt_count"] == 1
    assert [request.webhook_id for request in flow.came] == [event_id, event_id]


def _forget(stack: Running, item: dict[str, Any]) -> None:
    key = {"pk": item["pk"], "sk": item["sk"]}
    stack.client("dynamodb").delete_item(TableName=stack.resources["LogTable"], Key=key)
