"""The path of an event, from publishing to the last attempt."""

import json
from datetime import timedelta
from itertools import pairwise

from posthorn.models import DeliveryStatus, Outcome, Trigger
from tests.support.world import ORDER, START, TENANT, World, answered


def test_a_published_event_arrives_once_at_each_endpoint_that_wants_it(world: World) -> None:
    world.endpoint("erp", event_types=["Order*"])
    world.endpoint("prices", event_types=["SkuPriceChangedNotification"])
    world.publish()

    world.take_events()

    assert [request.url for request in world.sent] == ["http://erp.example.com/hook"]
    assert json.loads(world.sent[0].body) == {
        "type": "OrderReceivedEvent",
        "timestamp": "2026-11-23T10:00:00.000Z",
        "data": ORDER,
    }
    (delivery,) = world.deliveries()
    assert delivery.status is DeliveryStatus.SUCCEEDED
    assert delivery.attempt_count == 1


def test_a_failing_endpoint_is_retried_on_schedule_until_it_succeeds(world: World) -> None:
    endpoint = world.endpoint(retry={"kind": "schedule", "delays_seconds": [5, 10, 15]})
    codes = iter([503, 500, 200])
    world.answers[endpoint.url] = lambda _: answered(next(codes))
    world.publish()

    world.take_events()
    world.wake()
    world.wake()

    (delivery,) = world.deliveries()
    assert delivery.status is DeliveryStatus.SUCCEEDED
    history = world.reader.event(TENANT, delivery.event_id)
    attempts = history.records[endpoint.id].attempts
    assert [(each.number, each.trigger) for each in attempts] == [
        (1, Trigger.FIRST),
        (2, Trigger.RETRY),
        (3, Trigger.RETRY),
    ]
    waits = [after.started_at - before.started_at for before, after in pairwise(attempts)]
    # The wait begins when the attempt has ended, 12 ms after it began.
    assert waits == [timedelta(seconds=5.012), timedelta(seconds=10.012)]
    bodies = {request.body for request in world.sent}
    assert len(bodies) == 1
    assert {request.headers["webhook-id"] for request in world.sent} == {delivery.event_id}


def test_a_delivery_whose_retries_are_used_up_is_dead(world: World) -> None:
    endpoint = world.endpoint(retry={"kind": "schedule", "delays_seconds": [1]})
    world.answers[endpoint.url] = lambda _: answered(500)
    world.publish()

    world.take_events()
    world.wake()

    (delivery,) = world.deliveries()
    assert delivery.status is DeliveryStatus.DEAD
    assert delivery.attempt_count == 2
    assert delivery.next_attempt_at is None
    assert delivery.last_outcome is Outcome.HTTP_ERROR


def test_the_same_event_published_twice_is_delivered_once(world: World) -> None:
    world.endpoint()
    item = {"type": "OrderReceivedEvent", "data": ORDER, "id": "order-1"}

    for _ in range(2):
        world.publish(item)
        world.take_events()
        world.later(hours=1)

    assert len(world.sent) == 1
    assert len(world.deliveries()) == 1


def test_an_event_that_no_endpoint_wants_is_recorded_with_the_reason(world: World) -> None:
    endpoint = world.endpoint(event_types=["JobCompletedEvent"])
    (event,) = world.publish()

    world.take_events()

    assert world.reader.event(TENANT, event.id).decisions == ()
    (result,) = world.reader.trace(TENANT, event.id).results
    assert (result.endpoint_id, result.verdict) == (endpoint.id, "type_not_wanted")


def test_a_delivery_without_enough_time_left_is_queued_without_costing_an_attempt(
    world: World,
) -> None:
    world.endpoint()
    world.publish()
    world.seconds_left = 10

    world.take_events()

    (delivery,) = world.deliveries()
    assert (delivery.status, delivery.attempt_count) == (DeliveryStatus.PENDING, 0)
    assert world.sent == []
    world.seconds_left = 60
    world.take_tasks()
    (delivery,) = world.deliveries()
    assert (delivery.status, delivery.attempt_count) == (DeliveryStatus.SUCCEEDED, 1)


def test_a_retry_that_does_not_fit_in_the_time_goes_back_on_its_queue(world: World) -> None:
    endpoint = world.endpoint()
    world.answers[endpoint.url] = lambda _: answered(500)
    world.publish()
    world.take_events()
    world.seconds_left = 10

    world.wake()

    assert len(world.sent) == 1
    world.seconds_left = 60
    world.take_tasks()
    assert len(world.sent) == 2


def test_the_sweeper_requeues_a_delivery_whose_wake_up_was_lost(world: World) -> None:
    endpoint = world.endpoint()
    world.answers[endpoint.url] = lambda _: answered(500)
    world.publish()
    world.take_events()
    world.answers.clear()

    world.later(seconds=20)
    assert world.sweeper.sweep().requeued == 0
    world.later(minutes=1)
    assert world.sweeper.sweep().requeued == 1
    world.take_tasks()

    (delivery,) = world.deliveries()
    assert delivery.status is DeliveryStatus.SUCCEEDED
    assert world.attempts[-1].attempt.trigger is Trigger.SWEEPER
    assert world.sweeper.sweep().requeued == 0


def test_a_late_wake_up_of_an_attempt_already_made_sends_nothing(world: World) -> None:
    endpoint = world.endpoint()
    codes = iter([500, 200])
    world.answers[endpoint.url] = lambda _: answered(next(codes))
    world.publish()
    world.take_events()
    world.wake()

    world.wake()

    assert len(world.sent) == 2


def test_a_resend_that_succeeds_ends_the_pending_retries(world: World) -> None:
    endpoint = world.endpoint()
    world.answers[endpoint.url] = lambda _: answered(500)
    world.publish()
    world.take_events()
    (delivery,) = world.deliveries()
    world.answers.clear()

    world.recovery.resend(TENANT, delivery.id, by="phk_ops")
    world.take_tasks()
    world.wake()

    (delivery,) = world.deliveries()
    assert (delivery.status, delivery.attempt_count) == (DeliveryStatus.SUCCEEDED, 2)
    assert world.attempts[-1].attempt.trigger is Trigger.RESEND
    assert world.attempts[-1].attempt.by == "phk_ops"
    assert len(world.sent) == 2


def test_a_failed_resend_has_the_full_retry_policy_before_it(world: World) -> None:
    endpoint = world.endpoint(retry={"kind": "schedule", "delays_seconds": [5]})
    world.answers[endpoint.url] = lambda _: answered(500)
    world.publish()
    world.take_events()
    world.wake()
    (delivery,) = world.deliveries()
    assert delivery.status is DeliveryStatus.DEAD

    world.recovery.resend(TENANT, delivery.id, by="phk_ops")
    world.take_tasks()

    (delivery,) = world.deliveries()
    assert (delivery.status, delivery.attempt_count) == (DeliveryStatus.RETRYING, 3)
    world.wake()
    (delivery,) = world.deliveries()
    assert (delivery.status, delivery.attempt_count) == (DeliveryStatus.DEAD, 4)


def test_a_cancelled_delivery_is_not_tried_again(world: World) -> None:
    endpoint = world.endpoint()
    world.answers[endpoint.url] = lambda _: answered(500)
    world.publish()
    world.take_events()
    (delivery,) = world.deliveries()

    world.recovery.cancel(TENANT, delivery.id, by="phk_ops")
    world.wake()

    (delivery,) = world.deliveries()
    assert delivery.status is DeliveryStatus.CANCELLED
    assert len(world.sent) == 1


def test_deleting_an_endpoint_cancels_its_retries_and_keeps_its_log(world: World) -> None:
    endpoint = world.endpoint()
    world.answers[endpoint.url] = lambda _: answered(500)
    world.publish()
    world.take_events()

    world.configuration.delete(TENANT, endpoint.id, by="phk_dev")
    world.wake()

    (delivery,) = world.deliveries()
    assert delivery.status is DeliveryStatus.CANCELLED
    assert delivery.status_reason == "the endpoint was deleted"


def test_a_paused_endpoint_holds_its_deliveries(world: World) -> None:
    endpoint = world.endpoint(status="paused")

    world.publish()
    world.take_events()

    (delivery,) = world.deliveries()
    assert (delivery.endpoint_id, delivery.status) == (endpoint.id, DeliveryStatus.HELD)
    assert world.sent == []


def test_an_endpoint_switched_off_by_its_owner_is_not_tracked(world: World) -> None:
    world.endpoint(status="disabled")
    (event,) = world.publish()

    world.take_events()

    assert world.deliveries() == []
    (decision,) = world.reader.event(TENANT, event.id).decisions
    assert decision.verdict == "off"


def test_two_tenants_never_see_each_other(world: World) -> None:
    world.tenancy.put("other", name="Other")
    world.endpoint("theirs", tenant="other")
    world.endpoint("ours")

    world.publish()
    world.take_events()

    assert [request.url for request in world.sent] == ["http://ours.example.com/hook"]
    assert world.deliveries("other") == []


def test_an_item_expires_after_the_retention_of_the_stack(world: World) -> None:
    world.endpoint()
    world.publish()
    world.take_events()

    rows = world.dynamodb.scan(TableName="LogTable")["Items"]

    expected = str(int((START + timedelta(days=30)).timestamp()))
    assert {row["expires_at"]["N"] for row in rows} == {expected}
