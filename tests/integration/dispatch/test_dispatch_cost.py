"""The write units of a delivery, counted from the calls made."""

import random

import pytest

from tests.bench.cost import event_of
from tests.support.capacity_units import metered
from tests.support.world import World


@pytest.mark.parametrize(("data_bytes", "most_units"), [(600, 5), (1024, 6)])
def test_an_event_delivered_at_once_costs_a_bounded_number_of_write_units_with_its_statistics(
    world: World, data_bytes: int, most_units: int
) -> None:
    """Event and delivery with a row of an index each, and the row of the statistics."""
    world.endpoint()
    world.publish(event_of(data_bytes, random.Random(1)))  # noqa: S311 - filler, no secret

    with metered(world) as meter:
        world.take_events()
        world.count()

    assert [each.status for each in world.deliveries()] == ["succeeded"]
    assert meter.writes
    assert meter.units <= most_units, meter.writes
