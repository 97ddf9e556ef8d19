"""Expired items are gone at once, although the table removes them within days."""

from posthorn.deliveries.filters import DeliveryFilter, EventFilter
from posthorn.models import DeliveryStatus
from tests.support.world import ORDER, TENANT, World, answered


def test_an_item_that_has_expired_is_gone_before_the_table_removes_it(world: World) -> None:
    endpoint = world.endpoint()
    world.answers[endpoint.url] = lambda _: answered(500)
    (event,) = world.publish({"type": "OrderReceivedEvent", "data": ORDER, "id": "order-1"})
    world.take_events()
    world.later(days=31)

    assert world.log.history(TENANT, event.id) is None
    assert world.reader.deliveries(TENANT, DeliveryFilter(), limit=10).items == []
    assert world.reader.events(TENANT, EventFilter(), limit=10).items == []


def test_a_published_id_is_free_again_once_its_event_has_expired(world: World) -> None:
    world.endpoint()
    publication = {"type": "OrderReceivedEvent", "data": ORDER, "id": "order-1"}
    world.publish(publication)
    world.take_events()
    world.later(days=31)
    (event,) = world.publish(publication)
    world.take_events()

    (delivery,) = world.log.history(TENANT, event.id).records.values()  # type: ignore[union-attr]
    assert delivery.delivery.status is DeliveryStatus.SUCCEEDED
    assert len(world.sent) == 2
