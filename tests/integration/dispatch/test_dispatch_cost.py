"""What a delivery costs, counted from the calls really made (design.md §5)."""

import json
import random
import string

from tests.support.capacity_units import metered
from tests.support.world import ORDER, World

MOST_WRITE_UNITS = 4


def event_of(size: int, random_bytes: random.Random) -> dict[str, object]:
    """An order event whose data is `size` bytes of JSON that hardly compresses."""
    padding = size - len(json.dumps({**ORDER, "FirstName": ""}, separators=(",", ":")))
    note = "".join(random_bytes.choices(string.ascii_letters + string.digits, k=padding))
    return {"type": "OrderReceivedEvent", "data": {**ORDER, "FirstName": note}}


def test_an_event_of_1_kib_delivered_at_once_costs_at_most_4_write_units_with_its_statistics(
    world: World,
) -> None:
    world.endpoint()
    world.publish(event_of(1024, random.Random(1)))  # noqa: S311 - filler, no secret

    with metered(world) as meter:
        world.take_events()
        world.count()

    assert [each.status for each in world.deliveries()] == ["succeeded"]
    assert meter.writes
    assert meter.units <= MOST_WRITE_UNITS, meter.writes
