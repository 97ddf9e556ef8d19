"""A receiver that wants the bare data, and the event's type in a header or in the URL."""

import json

from posthorn.events.event_types import builtin
from posthorn.models import Event
from tests.support.world import World, answered


def test_one_endpoint_takes_all_types_with_equal_bodies(world: World) -> None:
    """The receiver tells types by the header, refuses others with 400, and reads plain JSON."""
    endpoint = world.endpoint(
        event_types=["*"],
        payload={"mode": "data"},
        headers={"x-norce-event-type": "{{type}}", "x-event": "no {{ id }}"},
    )
    known = set(builtin())
    world.answers[endpoint.url] = lambda request: answered(
        200 if request.headers.get("x-norce-event-type") in known else 400
    )

    ids = []
    for name, each in builtin().items():
        (event,) = world.publish({"type": name, "data": each.example})
        assert isinstance(event, Event)
        ids.append(event.id)
        world.take_events()

    assert len(world.sent) == 22
    assert [request.headers["x-norce-event-type"] for request in world.sent] == list(builtin())
    assert [request.headers["x-event"] for request in world.sent] == [f"no {id}" for id in ids]
    examples = [each.example for each in builtin().values()]
    assert [json.loads(request.body) for request in world.sent] == examples
    assert {each.status for each in world.deliveries()} == {"succeeded"}


def test_the_query_of_the_url_has_the_type_and_id(world: World) -> None:
    world.endpoint(url="http://erp.example.com/hook?a=1&t={{type}}&{{id}}=1")
    (event,) = world.publish()
    world.take_events()

    (sent,) = world.sent
    assert sent.url == f"http://erp.example.com/hook?a=1&t=OrderReceivedEvent&{event.id}=1"
    (report,) = world.attempts
    assert report.attempt.request.url == sent.url
