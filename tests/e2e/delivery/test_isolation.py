"""An endpoint that hangs hardly delays the other endpoints of its tenant."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from local.receiver import Received
from tests.e2e.flow import Flow, after, moment, new_flow
from tests.e2e.stack import Running, eventually

EVENTS_A_SECOND = 10
HANGS_SECONDS = 5  # its timeout, which an event that waits behind it takes at least


def test_a_hanging_endpoint_does_not_delay_the_others_of_its_tenant(stack: Running) -> None:
    healthy = new_flow(stack, "/ok")
    without = _median_delay(healthy, events=20)

    with _hanging(stack, healthy) as hanging:
        beside = _median_delay(healthy, events=30)
        # The first, and then with every place that it may take.
        eventually(lambda: len(hanging.came) >= 3)

    assert beside < without + HANGS_SECONDS / 2


@contextmanager
def _hanging(stack: Running, other: Flow) -> Iterator[Flow]:
    """An endpoint with the same event types as the other one, which always uses up its timeout.

    It is deleted at the end, so that its deliveries do not occupy dispatchers in later tests.
    """
    flow = new_flow(
        stack, "/slow/8", api=other.api, timeout_seconds=HANGS_SECONDS, retry=after(600)
    )
    # Until its first timeout the endpoint is not known as slow, and it occupies the two dispatchers
    # that this stack has for fresh events.
    flow.until(flow.publish(), "retrying", attempts=1)
    yield flow
    flow.api.call("DELETE", f"/v1/endpoints/{flow.id}")


def _median_delay(flow: Flow, *, events: int) -> float:
    """Publish at an even pace; the median of the time from each event's acceptance to arrival."""
    start = time.monotonic()
    published = set()
    for number in range(events):
        time.sleep(max(0.0, start + number / EVENTS_A_SECOND - time.monotonic()))  # the pace
        published.add(flow.publish())
    eventually(lambda: published <= {request.webhook_id for request in flow.came})
    return median(_delay(request) for request in flow.came if request.webhook_id in published)


def _delay(request: Received) -> float:
    return (request.at - moment(json.loads(request.body)["timestamp"])).total_seconds()
