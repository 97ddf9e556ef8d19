"""The write units of a delivery, counted from the calls made."""

import random

from tests.bench.cost import event_of
from tests.support.capacity_units import metered
from tests.support.world import World

MOST_WRITE_UNITS = 4


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
