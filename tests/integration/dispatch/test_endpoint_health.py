"""Endpoints that fail for days, hang, or answer 410."""

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest

from posthorn.aws.eventbridge import Announcer
from posthorn.dispatch.endpoint_health import EndpointHealth
from posthorn.egress.http_client import AttemptResult, Request
from posthorn.models import DeliveryStatus, DisabledBy, Endpoint, EndpointStatus, Outcome
from tests.support.capacity_units import metered
from tests.support.world import TENANT, World, answered


@pytest.fixture
def told(world: World) -> list[dict[str, Any]]:
    """The operational events that EventBridge takes from here on, in their order."""
    taken: list[dict[str, Any]] = []
    client = boto3.client("events")
    client.meta.events.register(
        "provide-client-params.events.PutEvents",
        lambda params, **_: taken.extend(
            {"type": entry["DetailType"], **json.loads(entry["Detail"])}
            for entry in params["Entries"]
        ),
    )
    announcer = Announcer(client, "default")
    world.dispatcher = replace(
        world.dispatcher,
        announcer=announcer,
        endpoint_health=EndpointHealth(world.config, announcer, world.clock),
    )
    return taken


def stored(world: World, endpoint: Endpoint) -> Endpoint:
    found = world.config.endpoint(TENANT, endpoint.id)
    assert found
    return found


def hang(request: Request) -> AttemptResult:
    return replace(answered(500), outcome=Outcome.TIMEOUT_READ, response=None)


def fail_once(world: World) -> None:
    world.publish()
    world.take_events()


def test_while_all_is_well_nothing_is_written_about_health(world: World) -> None:
    world.endpoint()
    world.publish()

    with metered(world) as meter:
        world.take_events()

    assert [name for name, _ in meter.writes] == ["PutItem LogTable"] * 2


def test_410_disables_the_endpoint_and_holds_the_delivery(
    world: World, told: list[dict[str, Any]]
) -> None:
    endpoint = world.endpoint()
    world.answers[endpoint.url] = lambda _: answered(410)

    fail_once(world)

    after = stored(world, endpoint)
    assert (after.status, after.disabled_by) == (EndpointStatus.DISABLED, DisabledBy.GONE)
    assert after.status_reason == "it answered 410 Gone"
    assert after.updated_by == "posthorn"
    assert [each.status for each in world.deliveries()] == [DeliveryStatus.HELD]
    assert [(each["type"], each["endpoint_id"], each["by"]) for each in told] == [
        ("EndpointDisabled", endpoint.id, "gone")
    ]
    # New events are held too, until the owner enables the endpoint again.
    fail_once(world)
    assert [each.status for each in world.deliveries()] == [DeliveryStatus.HELD] * 2
    assert len(world.sent) == 1


def test_410_does_not_disable_an_endpoint_that_was_changed_meanwhile(
    world: World, told: list[dict[str, Any]]
) -> None:
    endpoint = world.endpoint()

    def changed_while_it_answers(_: Request) -> AttemptResult:
        patch = {"url": "http://new.example.com/hook"}
        world.configuration.change(TENANT, endpoint.id, patch, by="phk_dev")
        return answered(410)

    world.answers[endpoint.url] = changed_while_it_answers
    fail_once(world)

    assert stored(world, endpoint).status is EndpointStatus.ENABLED
    assert told == []


def test_five_days_of_failures_disable_an_endpoint_after_a_warning(
    world: World, told: list[dict[str, Any]]
) -> None:
    endpoint = world.endpoint(retry={"kind": "schedule", "delays_seconds": []})
    world.answers[endpoint.url] = lambda _: answered(500)

    for _ in range(6):
        fail_once(world)
        world.later(days=1)

    after = stored(world, endpoint)
    assert (after.status, after.disabled_by) == (EndpointStatus.DISABLED, DisabledBy.FAILING)
    kinds = [each["type"] for each in told if each["type"] != "DeliveryDead"]
    assert kinds == ["EndpointFailing", "EndpointDisabled"]
    assert told[-1]["reason"] == "every attempt since 2026-11-23T10:00:00.000Z failed"


def test_one_success_restarts_the_five_days(world: World, told: list[dict[str, Any]]) -> None:
    endpoint = world.endpoint(retry={"kind": "schedule", "delays_seconds": []})
    world.answers[endpoint.url] = lambda _: answered(500)
    fail_once(world)
    world.later(days=4)
    world.answers.clear()
    fail_once(world)
    assert stored(world, endpoint).health.failing_since is None

    world.answers[endpoint.url] = lambda _: answered(500)
    world.later(days=2)
    fail_once(world)

    assert stored(world, endpoint).status is EndpointStatus.ENABLED


def test_a_dead_delivery_is_announced(world: World, told: list[dict[str, Any]]) -> None:
    endpoint = world.endpoint(retry={"kind": "schedule", "delays_seconds": []})
    world.answers[endpoint.url] = lambda _: answered(500)

    fail_once(world)

    (delivery,) = world.deliveries()
    assert [(each["type"], each["delivery_id"], each["attempts"]) for each in told] == [
        ("DeliveryDead", delivery.id, 1)
    ]


def test_fresh_events_do_not_wait_behind_an_endpoint_that_hangs(world: World) -> None:
    slow, quick = world.endpoint("slow"), world.endpoint("quick")
    world.answers[slow.url] = hang
    fail_once(world)
    world.sent.clear()

    fail_once(world)

    assert [request.url for request in world.sent] == [quick.url]
    waiting = [each for each in world.deliveries() if each.status is DeliveryStatus.PENDING]
    assert [(each.endpoint_id, each.attempt_count) for each in waiting] == [(slow.id, 0)]
    world.answers.clear()
    world.take_tasks()
    assert slow.url in {request.url for request in world.sent}
    # It succeeds again, so its events are attempted at once again.
    world.sent.clear()
    fail_once(world)
    assert {request.url for request in world.sent} == {slow.url, quick.url}


def test_a_delivery_over_the_slow_limit_is_delayed_without_costing_an_attempt(
    world: World,
) -> None:
    endpoint = world.endpoint("slow")
    world.answers[endpoint.url] = hang
    fail_once(world)
    fail_once(world)
    limiter = world.dispatcher.limiter
    slow = stored(world, endpoint)
    world.sent.clear()

    with limiter.slot(slow) as first, limiter.slot(slow) as second:
        world.take_tasks()

    assert (first, second) == (True, True)
    assert world.sent == []
    attempts = {each.status: each.attempt_count for each in world.deliveries()}
    assert attempts == {DeliveryStatus.RETRYING: 1, DeliveryStatus.PENDING: 0}
    with limiter.slot(slow) as free:
        assert free
