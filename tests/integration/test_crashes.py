"""For each write: what if we die right after it, or right before? (design.md §4)

The dispatcher dies at each of its calls in turn. Its message comes back after the visibility
timeout, and in the end nothing is lost or there twice, and attempts are numbered without gaps.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest

from posthorn.models import DeliveryStatus, Event, Task, Trigger
from posthorn.sender import Exchange, Request
from tests.crashes import Died, dying_at
from tests.world import ORDER, World, exchange


def dies_and_comes_back(world: World, call: int, *, after: bool, work: Callable[[], None]) -> bool:
    """Do the work, dying at this call, then once more; False when there was no such call."""
    with dying_at(world, call, after=after) as made, suppress(Died):
        work()
    world.later(minutes=6)
    work()
    return len(made) >= call


def published(world: World, tenant: str) -> Event:
    """One event of a new tenant whose endpoints are a healthy and a failing one."""
    world.tenancy.put(tenant, name=tenant)
    world.endpoint("healthy", tenant)
    world.answers[world.endpoint("failing", tenant).url] = lambda _: exchange(500)
    (event,) = world.publish({"type": "OrderReceivedEvent", "data": ORDER}, tenant=tenant)
    assert isinstance(event, Event)
    return event


def retry_of(world: World, tenant: str) -> Task:
    """The retry that waits in Step Functions for this tenant."""
    (task,) = (
        Task.model_validate(each["message"])
        for each in world.waiting()
        if each["message"]["tenant"] == tenant and each["message"]["attempt"] == 2
    )
    return task


def attempts_by_status(world: World, event: Event) -> dict[DeliveryStatus, list[int]]:
    story = world.reading.event(event.tenant, event.id)
    return {
        record.delivery.status: [attempt.number for attempt in record.attempts]
        for record in story.records.values()
    }


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_at_any_call_of_a_first_attempt_loses_nothing(world: World, after: bool) -> None:
    call = 0
    reached = True
    while reached:
        call += 1
        event = published(world, f"tenant-{call}")
        turn = world.turn(f"message-{call}")

        reached = dies_and_comes_back(
            world, call, after=after, work=partial(world.dispatcher.take_event, event, turn)
        )

        assert attempts_by_status(world, event) == {
            DeliveryStatus.SUCCEEDED: [1],
            DeliveryStatus.RETRYING: [1],
        }
        assert retry_of(world, event.tenant).event_id == event.id
    assert call > 5


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("code", [200, 500], ids=["succeeding", "failing"])
def test_a_crash_at_any_call_of_a_retry_loses_nothing(world: World, after: bool, code: int) -> None:
    call = 0
    reached = True
    while reached:
        call += 1
        event = published(world, f"tenant-{call}")
        world.dispatcher.take_event(event, world.turn(f"message-{call}"))
        world.answers["http://failing.example.com/hook"] = lambda _: exchange(code)
        task = retry_of(world, event.tenant)
        turn = world.turn(f"retry-{call}")

        reached = dies_and_comes_back(
            world, call, after=after, work=partial(world.dispatcher.take_task, task, turn)
        )

        failing = world.reading.event(event.tenant, event.id).records
        (record,) = (each for each in failing.values() if each.delivery.attempt_count > 1)
        assert [attempt.number for attempt in record.attempts] == [1, 2]
        if code == 200:
            assert record.delivery.status is DeliveryStatus.SUCCEEDED
        else:
            assert record.delivery.status is DeliveryStatus.RETRYING
            messages = [each["message"] for each in world.waiting()]
            assert (event.id, 3) in {(each["event_id"], each["attempt"]) for each in messages}
    assert call > 3


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_while_deferring_a_first_attempt_loses_nothing(world: World, after: bool) -> None:
    call = 0
    reached = True
    while reached:
        call += 1
        event = published(world, f"tenant-{call}")
        turn = world.turn(f"message-{call}")
        world.seconds_left = 1

        reached = dies_and_comes_back(
            world, call, after=after, work=partial(world.dispatcher.take_event, event, turn)
        )

        world.seconds_left = 60
        world.take_tasks()
        assert attempts_by_status(world, event) == {
            DeliveryStatus.SUCCEEDED: [1],
            DeliveryStatus.RETRYING: [1],
        }


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_while_resending_is_repaired_by_the_sweeper(world: World, after: bool) -> None:
    call = 0
    reached = True
    while reached:
        call += 1
        event = published(world, f"tenant-{call}")
        world.dispatcher.take_event(event, world.turn(f"message-{call}"))
        world.answers["http://failing.example.com/hook"] = lambda _: exchange(200)
        (delivery,) = (
            record.delivery
            for record in world.reading.event(event.tenant, event.id).records.values()
            if record.delivery.status is DeliveryStatus.RETRYING
        )

        with dying_at(world, call, after=after) as made, suppress(Died):
            world.recovery.resend(event.tenant, delivery.id, by="phk_ops")
        reached = len(made) >= call
        world.later(hours=1)
        world.sweeper.sweep()
        world.take_tasks()

        records = world.reading.event(event.tenant, event.id).records.values()
        (numbers,) = (
            [attempt.number for attempt in record.attempts]
            for record in records
            if record.delivery.id == delivery.id
        )
        assert numbers == [1, 2]
        assert {record.delivery.status for record in records} == {DeliveryStatus.SUCCEEDED}


def test_a_retry_and_a_resend_never_run_at_once(world: World) -> None:
    event = published(world, "tenant")
    world.dispatcher.take_event(event, world.turn("message"))
    task = retry_of(world, "tenant")
    resend = task.model_copy(update={"trigger": Trigger.RESEND})
    running: list[Request] = []

    def answer_while_the_other_one_comes(request: Request) -> Exchange:
        running.append(request)
        world.dispatcher.take_task(resend, world.turn("resend"))
        return exchange(200)

    world.answers["http://failing.example.com/hook"] = answer_while_the_other_one_comes
    world.dispatcher.take_task(task, world.turn("retry"))

    assert len(running) == 1
    assert running[0].headers["posthorn-attempt"] == "2"
