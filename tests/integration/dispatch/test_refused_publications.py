"""An id that is published again with other content: refused, recorded, counted and announced."""

import json
from typing import Any

import pytest

from posthorn.aws.eventbridge import Announcement, Announcer
from posthorn.core.errors import InvalidError
from posthorn.deliveries.views import of_trace
from posthorn.models import Event
from posthorn.monitoring.last_day import LastDay
from posthorn.monitoring.warnings import WarningSigns
from tests.support.world import ORDER, TENANT, World

ITEM = {"type": "OrderReceivedEvent", "data": ORDER, "id": "order-1"}
OTHER = {**ITEM, "data": {**ORDER, "Source": "POS"}}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    kept: list[tuple[str, dict[str, Any]]] = []

    def announce(self: Announcer, kind: Announcement, detail: dict[str, Any]) -> None:
        kept.append((kind.value, detail))

    monkeypatch.setattr(Announcer, "announce", announce)
    return kept


def published(world: World, *items: dict[str, Any]) -> str:
    """Publish and dispatch each in a request of its own; the event's id."""
    for item in items:
        (event,) = world.publish(item)
        world.later(minutes=10)
        world.take_events()
    assert isinstance(event, Event)
    return event.id


def warnings(world: World) -> list[Any]:
    lists = world.reader.lists
    signs = WarningSigns(world.config.endpoints, world.log, lists, world.stats, world.clock)
    return signs.of(TENANT)


def test_other_content_is_recorded_with_the_event_and_announced(
    world: World, told: list[tuple[str, dict[str, Any]]]
) -> None:
    world.endpoint()
    event_id = published(
        world,
        ITEM,
        OTHER,
        {
            **ITEM,
            "type": "OrderConfirmedEvent",
            "data": {
                "ClientId": 1,
                "ApplicationId": 1,
                "OrderId": 5,
                "OrderNo": "1",
                "ClientOrderRef": "B-1",
                "Source": "WEB",
            },
        },
    )

    assert [json.loads(each.body)["data"] for each in world.sent] == [ORDER]
    view = of_trace(world.reader.trace(TENANT, event_id))
    assert view.refused_count == 2
    first, second = view.refused_publications
    assert (first.type, first.differs) == ("OrderReceivedEvent", ("data",))
    assert (second.type, second.differs) == ("OrderConfirmedEvent", ("type", "data"))
    assert first.at < second.at
    assert first.sha256 != second.sha256
    assert [kind for kind, _ in told] == ["PublicationRefused"] * 2
    assert told[0][1]["published_id"] == "order-1"


def test_the_same_content_is_silent(world: World, told: list[tuple[str, dict[str, Any]]]) -> None:
    world.endpoint()
    turned = {**ITEM, "data": dict(reversed(ORDER.items()))}
    event_id = published(world, ITEM, turned, {**ITEM, "time": "2026-11-23T09:00:00Z"})
    assert of_trace(world.reader.trace(TENANT, event_id)).refused_count == 0
    assert told == []


def test_a_redelivered_message_is_recorded_once(
    world: World, told: list[tuple[str, dict[str, Any]]]
) -> None:
    published(world, ITEM)
    world.publish(OTHER)
    (message,) = world.receive(world.settings.event_queue_url)
    for _ in range(2):
        world.take_message(message)
    (kind, detail) = told[-1]
    assert (kind, detail["count"]) == ("PublicationRefused", 1)


def test_the_first_nine_and_the_latest_are_kept_and_all_are_counted(world: World) -> None:
    others = [{**ITEM, "data": {**ORDER, "Source": f"S{n}"}} for n in range(12)]
    event_id = published(world, ITEM, *others)
    refusals = world.reader.trace(TENANT, event_id).history.refusals
    assert refusals.count == 12
    assert len(refusals.kept) == 10
    assert refusals.kept[-1].at > refusals.kept[-2].at


def test_refused_publications_are_counted_and_warned_of(world: World) -> None:
    published(world, ITEM, OTHER)
    world.count()
    last_day = LastDay.read(world.stats, TENANT, world.now)
    assert last_day
    assert last_day.refused() == {"OrderReceivedEvent": 1}
    (warning,) = warnings(world)
    assert (warning.code, warning.count) == ("publications_refused", 1)
    assert warning.message.startswith("publications of OrderReceivedEvent were not delivered")
    world.later(hours=25)
    assert warnings(world) == []


def test_erasure_removes_the_digest_and_ends_the_comparison(world: World) -> None:
    event_id = published(world, ITEM, OTHER)
    world.erasing.erase(TENANT, event_id, by="phk_1", cancel=True)
    published(world, OTHER)
    refusals = world.reader.trace(TENANT, event_id).history.refusals
    assert (refusals.count, refusals.kept[0].sha256) == (1, "")


def test_within_one_request_the_later_one_gets_an_error(world: World) -> None:
    first, again, same = world.publish(ITEM, OTHER, ITEM)
    assert isinstance(first, Event)
    assert isinstance(same, Event)
    assert isinstance(again, InvalidError)
    assert again.code == "id_reused"
    assert [each.field for each in again.violations] == ["/id"]
