"""Cells of time: executions are shared, a lost start is the sweeper's, nothing is early."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from posthorn.core.errors import UnavailableError
from posthorn.dispatch.sweeper import GRACE
from posthorn.models import DeliveryStatus, Task, iso
from tests.support.faults import Fault, failing
from tests.support.world import World, answered


def fail(world: World, events: int, **fields: Any) -> None:
    """Publish events to an endpoint that answers 500, and make the first attempts."""
    endpoint = world.endpoint(f"erp-{events}", **fields)
    world.answers[endpoint.url] = lambda _: answered(500)
    for _ in range(events):
        world.publish()
        world.take_events()
        world.later(milliseconds=10)


def test_deliveries_of_one_cell_share_one_execution(world: World) -> None:
    fail(world, 8, retry={"kind": "schedule", "delays_seconds": [100]})

    cells = world.cells()

    assert len(world.deliveries()) == 8
    assert len(cells) == 1
    due = world.waiting()[0].due_at
    assert cells[0]["from"] <= iso(due) < cells[0]["to"]


def test_a_cell_is_started_once_in_an_environment_and_twice_is_harmless(world: World) -> None:
    fail(world, 2, retry={"kind": "schedule", "delays_seconds": [100]})
    world.restart()
    fail(world, 3, retry={"kind": "schedule", "delays_seconds": [100]})

    assert len(world.cells()) == 1
    assert not world.lost_wake_ups


def test_a_delivery_whose_cell_is_about_to_begin_goes_to_the_queue_with_its_delay(
    world: World,
) -> None:
    fail(world, 1, retry={"kind": "schedule", "delays_seconds": [1]})

    assert world.cells() == []
    assert world.retry_queue.depth(with_delayed=False) == 0
    assert world.retry_queue.depth() == 1


def test_the_wake_up_of_a_cell_queues_each_delivery_with_the_delay_that_is_left(
    world: World,
) -> None:
    fail(world, 3, retry={"kind": "schedule", "delays_seconds": [100]})
    (cell,) = world.cells()
    begin = world.waiting()[0].due_at - timedelta(seconds=10)
    world.now = begin

    woken = world.sweeper.wake(cell["from"], cell["to"])

    assert (woken.queued, woken.more) == (3, False)
    assert world.retry_queue.depth(with_delayed=False) == 0
    assert world.retry_queue.depth() == 3


def test_what_is_due_after_the_cell_is_not_woken(world: World) -> None:
    fail(world, 1, retry={"kind": "schedule", "delays_seconds": [100]})
    due = world.waiting()[0].due_at
    before, after = iso(due - timedelta(seconds=5)), iso(due)

    assert world.sweeper.wake(before, after).queued == 0
    assert world.sweeper.wake(after, iso(due + timedelta(milliseconds=1))).queued == 1


def test_a_large_cell_is_woken_in_steps_and_each_delivery_once(world: World) -> None:
    fail(world, 20, retry={"kind": "schedule", "delays_seconds": [100]})
    expected = Counter(each.task.event_id for each in world.waiting())
    world.later(seconds=110)
    sweeper = replace(world.sweeper, most_per_shard=2)
    begin, end = world.cells()[0]["from"], world.cells()[0]["to"]

    steps = 1
    while (woken := sweeper.wake(begin, end)).more:
        steps += 1
        begin = woken.continue_from or ""
    found = Counter(
        Task.model_validate_json(each["Body"]).event_id
        for each in world.receive(world.settings.retry_queue_url)
    )

    assert steps > 1
    assert found == expected


@pytest.mark.parametrize("fault", [Fault.ERROR_BEFORE, Fault.THROTTLED, Fault.TIMEOUT])
def test_a_start_that_fails_costs_no_message_and_the_sweeper_brings_the_delivery(
    world: World, fault: Fault
) -> None:
    endpoint = world.endpoint(retry={"kind": "schedule", "delays_seconds": [100]})
    world.answers[endpoint.url] = lambda _: answered(500)
    world.publish()
    with failing(world, {"StartExecution": fault}):
        world.take_events()  # does not raise

    assert [type(each) for each in world.lost_wake_ups] == [UnavailableError]
    assert len(world.cells()) == fault.is_after
    world.answers.clear()
    world.now = world.waiting()[0].due_at + GRACE + timedelta(seconds=1)
    assert world.sweeper.sweep().requeued == 1
    world.take_tasks()
    (delivery,) = world.deliveries()
    assert delivery.status is DeliveryStatus.SUCCEEDED


def test_what_the_queue_still_has_is_not_swept_again(world: World) -> None:
    fail(world, 5, retry={"kind": "schedule", "delays_seconds": [100]})
    world.later(minutes=5)

    assert world.sweeper.sweep().requeued == 5
    assert world.sweeper.sweep().requeued == 0
