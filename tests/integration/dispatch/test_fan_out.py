"""An event of many endpoints: recorded and queued in chunks, continued where it stopped."""

from collections import Counter
from typing import Any

import pytest

from posthorn.dispatch import dispatcher
from posthorn.models import DeliveryStatus
from tests.support.faults import Died, Fault, failing
from tests.support.world import TENANT, World

ENDPOINTS = 30


@pytest.fixture
def wide(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A tenant with 30 endpoints for every event; chunks of 10."""
    monkeypatch.setattr(dispatcher, "FAN_OUT_CHUNK", 10)
    for number in range(ENDPOINTS):
        world.endpoint(f"erp-{number}")
    return world


def retry_messages(world: World) -> list[Any]:
    return world.receive(world.settings.retry_queue_url)


def deliver(world: World) -> None:
    """Take messages of RetryQueue until there are none."""
    while messages := retry_messages(world):
        for message in messages:
            world.take_retry_message(message)


def assert_each_delivered_once(world: World) -> None:
    deliveries = world.deliveries()
    assert Counter(each.status for each in deliveries) == {DeliveryStatus.SUCCEEDED: ENDPOINTS}
    assert len({request.url for request in world.sent}) == len(world.sent) == ENDPOINTS


def test_its_message_sends_nothing_and_queues_a_task_for_each(wide: World) -> None:
    wide.publish()
    wide.take_events()

    assert wide.sent == []
    assert {each.status for each in wide.deliveries()} == {DeliveryStatus.PENDING}
    deliver(wide)
    assert_each_delivered_once(wide)


def test_what_it_has_no_time_for_is_left_to_a_message_of_its_own(wide: World) -> None:
    times = iter([60.0, 60.0, 1.0])
    context = wide.context("first")
    wide.publish()
    (message,) = wide.receive(wide.settings.event_queue_url)
    object.__setattr__(context, "seconds_left", lambda: next(times))

    wide.take_message(message, context)

    messages = retry_messages(wide)
    assert len(wide.deliveries()) == 20
    assert sum("fan_out_event_id" in each["Body"] for each in messages) == 1
    for each in messages:
        wide.take_retry_message(each)
    deliver(wide)
    assert_each_delivered_once(wide)


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.ERROR_AFTER])
@pytest.mark.parametrize("call", [1, 2, 12, 13, 30])
def test_a_crash_at_any_call_is_repaired_by_the_message_that_comes_back(
    wide: World, call: int, fault: Fault
) -> None:
    wide.publish()
    (message,) = wide.receive(wide.settings.event_queue_url)
    with failing(wide, {call: fault}):
        try:
            wide.take_message(message)
        except (Died, Exception):  # noqa: BLE001 - whatever the fault makes of it
            wide.restart()

    wide.later(minutes=6)
    wide.take_message(message)
    deliver(wide)

    assert_each_delivered_once(wide)


def test_paused_and_deleted_endpoints_are_recorded_without_a_task(wide: World) -> None:
    first, second, *_ = wide.config.endpoints(TENANT)
    wide.configuration.change(TENANT, first.id, {"status": "paused"}, by="phk_test")
    wide.configuration.delete(TENANT, second.id, by="phk_test")
    wide.publish()
    wide.take_events()

    statuses = Counter(each.status for each in wide.deliveries())
    assert statuses == {DeliveryStatus.HELD: 1, DeliveryStatus.PENDING: ENDPOINTS - 2}
