"""Conservation of the running stack, checked by its own function."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from posthorn.monitoring.counters import hour_of
from tests.e2e.breaking import logged, set_attributes
from tests.e2e.flow import after, new_flow
from tests.e2e.stack import Running, eventually


def check(stack: Running) -> dict[str, Any]:
    """The function's log line about this hour and the one before."""
    until = hour_of(datetime.now(UTC)) + timedelta(hours=1)
    asked = {"since": (until - timedelta(hours=2)).isoformat(), "until": until.isoformat()}
    answer = stack.client("lambda").invoke(
        FunctionName=stack.resources["ConservationFunction"],
        Payload=json.dumps(asked),
        LogType="Tail",
    )
    assert "FunctionError" not in answer
    lines = [json.loads(line) for line in base64.b64decode(answer["LogResult"]).splitlines()]
    return next(line for line in lines if line.get("message") == "conservation checked")


def test_published_events_are_in_the_log_and_a_stuck_delivery_is_found(
    stack: Running,
) -> None:
    flow = new_flow(stack, "/always/500", retry=after(600))
    event_id = flow.publish()
    delivery = flow.until(event_id, "retrying")
    eventually(lambda: flow.api.call("GET", "/v1/stats")["totals"]["deliveries"])
    sound = check(stack)
    assert sound["expected"] == sound["found"] > 0
    assert (sound["unaccounted"], sound["unexplained"]) == (0, 0)

    # The state half an hour after a lost wake-up that the sweeper did not find.
    item = logged(stack, f"delivery#{flow.id}", event_id)
    due = (datetime.now(UTC) - timedelta(minutes=30)).isoformat(timespec="milliseconds")
    summary = json.loads(item["summary"]["S"]) | {"next_attempt_at": due}
    set_attributes(
        stack, item, due_sk={"S": f"{due[:-6]}Z#0002"}, summary={"S": json.dumps(summary)}
    )
    broken = check(stack)
    warnings = [each["code"] for each in flow.api.call("GET", "/v1/warnings")["items"]]
    flow.api.call("POST", f"/v1/deliveries/{delivery['id']}/cancel")

    assert (broken["unaccounted"], broken["unexplained"]) == (0, 1)
    assert warnings == ["deliveries_overdue", "endpoint_failing"]
