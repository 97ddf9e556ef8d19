"""First pages cost the same whatever the number of endpoints, present or deleted."""

from collections.abc import Mapping

from tests.bench.scale import views, with_endpoints
from tests.support.capacity_units import metered
from tests.support.world import TENANT, world

MOST_CALLS = 20


def measured(endpoints: int, deleted: int) -> Mapping[str, tuple[int, float]]:
    with with_endpoints(endpoints, deleted=deleted) as one:
        found = {}
        for view, read in views(one).items():
            with metered(one) as meter:
                read()
            found[view] = len(meter.reads), meter.read_units
        return found


def test_a_first_page_costs_at_most_20_calls_and_the_same_with_more_endpoints() -> None:
    few, many = measured(1, 0), measured(30, 10)

    # Ids are hashed to shards, so one of them may need a second page.
    assert all(calls <= few[view][0] + 2 for view, (calls, _) in many.items())
    assert max(calls for calls, _ in many.values()) <= MOST_CALLS
    for view, (_, units) in many.items():
        assert units <= 1.2 * few[view][1] + 2, view


def read_units_of_a_delivery(endpoints: int) -> float:
    with world() as one:
        for number in range(endpoints):
            one.endpoint(f"erp-{number}")
        one.publish()
        one.take_events()
        delivery = one.deliveries()[0]
        with metered(one) as meter:
            shown = one.reader.delivery_view(TENANT, delivery.id)
        assert [each.number for each in shown.attempts] == [1]
        return meter.read_units


def test_a_delivery_costs_the_same_whatever_the_number_of_endpoints_of_its_event() -> None:
    assert read_units_of_a_delivery(20) == read_units_of_a_delivery(1)
