"""Write units of events with their statistics: alone, in batches, and for many endpoints.

The stream is counted once the batch is delivered, as Lambda does within its batching window. The
last column is the cost of counting in the dispatcher: each message would write one row per
delivery, because waiting for other messages would delay their requests.
"""

import json
import random
import string
from collections.abc import Iterator

from tests.support.capacity_units import metered
from tests.support.world import ORDER, World, answered, world

CASES = ((1, 1), (10, 1), (100, 1), (1, 5), (10, 5))  # events in a batch, endpoints that want them
SIZE = 1024  # bytes of an event's data


def rows() -> Iterator[str]:
    yield f"write units an event of {SIZE} bytes, delivered at once"
    yield "events endpoints      log  statistics    all  statistics by the dispatcher"
    for events, endpoints in CASES:
        with world() as one:
            log, counted = measured(one, events, endpoints)
        yield (
            f"{events:6} {endpoints:9} {log / events:8.2f} {counted / events:11.2f} "
            f"{(log + counted) / events:6.2f} {endpoints:12.2f}"
        )
    with world() as one:
        log, counted = measured(one, 1, 1, fails_once=True)
    yield f"an event that fails once: {log} for the log, {counted} for statistics (2 by dispatcher)"


def event_of(size: int, random_bytes: random.Random) -> dict[str, object]:
    """An order event whose data is `size` bytes of JSON that hardly compresses."""
    padding = size - len(json.dumps({**ORDER, "FirstName": ""}, separators=(",", ":")))
    note = "".join(random_bytes.choices(string.ascii_letters + string.digits, k=padding))
    return {"type": "OrderReceivedEvent", "data": {**ORDER, "FirstName": note}}


def measured(
    one: World, events: int, endpoints: int, *, fails_once: bool = False
) -> tuple[int, int]:
    """Write units of all events for the log, and for the statistics."""
    random_bytes = random.Random(1)  # noqa: S311 - filler, no secret
    made = [one.endpoint(f"shop-{number}") for number in range(endpoints)]
    if fails_once:
        one.answers[made[0].url] = lambda _: answered(503)
    one.publish(*(event_of(SIZE, random_bytes) for _ in range(events)))
    with metered(one) as log:
        one.take_events()
    with metered(one) as counted:
        one.count()
    if fails_once:
        one.answers.clear()
        with metered(one) as more:
            one.wake()
        with metered(one) as counted_more:
            one.count()
        return log.units + more.units, counted.units + counted_more.units
    return log.units, counted.units
