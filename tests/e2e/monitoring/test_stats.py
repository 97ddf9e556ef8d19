"""Statistics of the running stack, counted from LogTable's stream."""

from typing import Any

from tests.e2e.flow import after, new_flow
from tests.e2e.stack import Running, eventually


def test_a_delivery_that_needed_a_retry_is_counted_as_it_ended(stack: Running) -> None:
    flow = new_flow(stack, "/fail/1", retry=after(0.1))
    flow.until(flow.publish(), "succeeded")

    def totals() -> dict[str, Any]:
        told: dict[str, Any] = flow.api.call("GET", "/v1/stats")["totals"]
        return told if told["statuses"]["succeeded"] else {}

    numbers = eventually(totals)

    assert (numbers["events"], numbers["wanted"], numbers["deliveries"]) == (1, 1, 1)
    assert numbers["statuses"]["retrying"] == 0
    assert (numbers["attempts"], numbers["success_rate"]) == (2, 1.0)
    assert numbers["first_attempt_success_rate"] == 0
