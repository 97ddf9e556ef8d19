"""The samples for `sam local invoke`, each passed to its handler."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from ulid import ULID
from werkzeug import Request, Response

from posthorn.deliveries.filters import DeliveryFilter
from posthorn.jobs.model import JobKind
from posthorn.models import (
    DeliveryStatus,
    EffectiveLimits,
    Endpoint,
    EndpointSpec,
    Event,
    Scope,
    Task,
    Trigger,
)
from tests.support.invocations import SAMPLES, invoke, sample
from tests.support.template_facts import GLOBALS, TEMPLATE
from tests.support.world import TENANT, World, answered

INVOKED = {  # the function of each sample
    "api-create-endpoint.json": "ApiFunction",
    "api-list-deliveries.json": "ApiFunction",
    "authorizer.json": "AuthorizerFunction",
    "conservation.json": "ConservationFunction",
    "console-sign-in.json": "ConsoleFunction",
    "dispatcher-event.json": "DispatcherFunction",
    "dispatcher-retry.json": "DispatcherFunction",
    "ingest.json": "IngestFunction",
    "stats.json": "StatsFunction",
    "job.json": "JobFunction",
    "sweeper.json": "SweeperFunction",
}


def invoked(name: str) -> Any:
    return invoke(INVOKED[name], sample(name))


def body_of(name: str) -> Any:
    return json.loads(sample(name)["Records"][0]["body"])


def made_as(identifier: str) -> tuple[Callable[[], datetime], bytes]:
    """The clock and the random bytes that produce this id."""
    ulid = ULID.from_str(identifier.partition("_")[2])
    return lambda: ulid.datetime, ulid.bytes[6:]


def sampled_endpoint(world: World, url: str) -> Endpoint:
    """The endpoint of the samples."""
    clock, random_bytes = made_as(body_of("dispatcher-retry.json")["endpoint_id"])
    configuration = replace(
        world.configuration,
        now=clock,
        random_bytes=lambda size: random_bytes[:size].ljust(size, b"\0"),
    )
    spec = EndpointSpec(name="ERP", url=url, event_types=("Order*",))
    return configuration.create(TENANT, spec, by="phk_test")[0]


def test_there_is_a_sample_for_every_function_and_no_other_file() -> None:
    assert {path.name for path in SAMPLES.iterdir()} == {*INVOKED, "env.json"}


def test_the_environment_file_names_the_resources_of_a_deployed_stack() -> None:
    """Parameters are left out: `sam local` uses their defaults."""
    variables = GLOBALS["Environment"]["Variables"]
    named = {
        name
        for name, value in variables.items()
        if "Fn::GetAtt" in value
        or "Fn::Sub" in value
        or (set(value) == {"Ref"} and value["Ref"] in TEMPLATE["Resources"])
    }

    assert set(sample("env.json")["Parameters"]) == named


def test_the_ingest_sample_puts_an_order_on_the_queue(shared: World) -> None:
    answer = invoked("ingest.json")

    assert answer["statusCode"] == 202
    (message,) = shared.receive(shared.settings.event_queue_url)
    event = Event.model_validate_json(message["Body"])
    assert json.loads(answer["body"]) == {"id": event.id}
    assert (event.tenant, event.type) == (TENANT, "OrderReceivedEvent")
    assert event.data["ClientOrderRef"] == "B-553190"


def test_the_event_of_the_dispatcher_sample_is_the_one_that_ingest_makes(shared: World) -> None:
    invoked("ingest.json")

    (message,) = shared.receive(shared.settings.event_queue_url)
    made, carried = json.loads(message["Body"]), body_of("dispatcher-event.json")
    assert {**made, "accepted_at": carried["accepted_at"]} == carried


def test_the_dispatcher_samples_deliver_an_order_that_failed_at_first(
    shared: World, httpserver: HTTPServer
) -> None:
    received: list[Request] = []

    def receive(request: Request) -> Response:
        received.append(request)
        return Response(status=500 if len(received) == 1 else 204)

    httpserver.expect_request("/hook", method="POST").respond_with_handler(receive)
    endpoint = sampled_endpoint(shared, httpserver.url_for("/hook"))

    first = invoked("dispatcher-event.json")
    woken = [each.task.model_dump(mode="json") for each in shared.waiting()]
    second = invoked("dispatcher-retry.json")

    assert first == second == {"batchItemFailures": []}
    assert body_of("dispatcher-retry.json") in woken
    event_id = body_of("dispatcher-event.json")["id"]
    delivery = shared.reader.event(TENANT, event_id).records[endpoint.id].delivery
    assert (delivery.status, delivery.attempt_count) == (DeliveryStatus.SUCCEEDED, 2)
    assert {each.headers["webhook-id"] for each in received} == {event_id}
    assert received[1].headers["posthorn-attempt"] == "2"
    assert json.loads(received[1].data)["data"] == body_of("dispatcher-event.json")["data"]


def test_the_list_sample_shows_retrying_deliveries(shared: World) -> None:
    failing, working = shared.endpoint("failing"), shared.endpoint("working")
    shared.answers[failing.url] = lambda _: answered(503)
    shared.publish()
    shared.take_events()

    answer = invoked("api-list-deliveries.json")

    assert answer["statusCode"] == 200
    rows = json.loads(answer["body"])["items"]
    assert {row["status"] for row in rows} == {"retrying"}
    assert [row["last_status_code"] for row in rows if row["endpoint_id"] == failing.id] == [503]
    assert working.id not in {row["endpoint_id"] for row in rows}


def test_the_create_sample_makes_an_endpoint_and_hides_its_token(shared: World) -> None:
    answer = invoked("api-create-endpoint.json")

    made = json.loads(answer["body"])
    token = json.loads(sample("api-create-endpoint.json")["body"])["auth"]["token"]
    assert answer["statusCode"] == 201
    assert token not in answer["body"]
    assert made["id"] in {each.id for each in shared.config.endpoints(TENANT)}


def test_the_console_sample_asks_for_a_key(shared: World) -> None:
    answer = invoked("console-sign-in.json")

    assert answer["statusCode"] == 200
    assert "API key" in answer["body"]


def test_the_authorizer_sample_comes_in_with_its_key_and_not_without(shared: World) -> None:
    _, _, token = sample("authorizer.json")["headers"]["authorization"].partition(" ")
    key_id, _, secret = token.rpartition("_")
    clock, random_bytes = made_as(key_id)
    chances = {len(random_bytes): random_bytes, len(secret) // 2: bytes.fromhex(secret)}
    access = replace(shared.access, now=clock, random_bytes=chances.__getitem__)

    before = invoked("authorizer.json")
    access.create_key(name="ERP", tenant=TENANT, scopes=[Scope.LOGS_READ], by="me")
    after = invoked("authorizer.json")

    assert before == {"isAuthorized": False}
    assert after == {
        "isAuthorized": True,
        "context": {"key_id": key_id, "tenant": TENANT, "scopes": "logs:read"},
    }


def test_the_stats_sample_counts_a_delivery_that_succeeded(shared: World) -> None:
    hour = datetime(2026, 11, 23, 10, tzinfo=UTC)

    assert invoked("stats.json") == {"state": {}}

    rows = shared.stats.rows(TENANT, hour, hour + timedelta(hours=1))
    ((cell, counts),) = rows
    assert cell.event_type == "OrderReceivedEvent"
    assert (counts["created"], counts["status.succeeded"], counts["attempts"]) == (1, 1, 1)


def test_the_conservation_sample_checks_two_hours(
    shared: World, capsys: pytest.CaptureFixture[str]
) -> None:
    invoked("conservation.json")

    assert '"UnaccountedDeliveries":[0.0]' in capsys.readouterr().out


def test_the_job_sample_discards_held_deliveries(shared: World) -> None:
    shared.now = datetime.now(UTC) - timedelta(hours=1)  # the handler has the real clock
    endpoint = shared.endpoint("paused", status="paused")
    (event,) = shared.publish()
    shared.take_events()
    clock, random_bytes = made_as(sample("job.json")["job_id"])
    forever = EffectiveLimits(retention_days=3650)  # the sample is older than 30 days
    jobs = replace(
        shared.jobs, now=clock, random_bytes=lambda _: random_bytes, limits=lambda _: forever
    )
    of_it = DeliveryFilter(endpoint_ids=(endpoint.id,))
    jobs.start(TENANT, JobKind.DISCARD, of_it, rate_per_second=10, by="phk_test")

    answer = invoked("job.json")

    assert (answer["steps"], answer["done"]) == (1, False)
    delivery = shared.reader.event(TENANT, event.id).records[endpoint.id].delivery
    assert (delivery.status, delivery.job_id) == (DeliveryStatus.CANCELLED, answer["job_id"])


def test_the_sweeper_sample_requeues_overdue_deliveries(
    shared: World, capsys: pytest.CaptureFixture[str]
) -> None:
    shared.now = datetime.now(UTC) - timedelta(hours=1)  # the handler has the real clock
    endpoint = shared.endpoint("forgotten")
    shared.answers[endpoint.url] = lambda _: answered(500)
    shared.publish()
    shared.take_events()

    invoked("sweeper.json")

    messages = shared.receive(shared.settings.retry_queue_url)
    tasks = [Task.model_validate_json(message["Body"]) for message in messages]
    (task,) = (each for each in tasks if each.endpoint_id == endpoint.id)
    assert (task.attempt, task.trigger) == (2, Trigger.SWEEPER)
    assert f'"OverdueDeliveries":[{len(tasks)}.0]' in capsys.readouterr().out
