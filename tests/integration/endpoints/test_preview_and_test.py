"""Preview and test of an endpoint before it is enabled."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel
from pytest_httpserver import HTTPServer
from standardwebhooks import Webhook
from werkzeug import Request

from posthorn.aws.dynamodb import Table
from posthorn.core.errors import LimitedError
from posthorn.endpoint_tests import preview_and_test as trial
from posthorn.endpoint_tests import views as trial_views
from posthorn.endpoint_tests.drafts import Draft
from posthorn.endpoint_tests.sample_events import SampleEvents
from posthorn.endpoint_tests.views import SavedEndpointTestSpec
from posthorn.endpoints import history
from posthorn.events import event_types
from posthorn.models import MASK, Scope, TenantLimits
from posthorn.tenants.rate_limits import RateLimits
from tests.integration.api_calls import SPEC, created
from tests.integration.conftest import Tenant, new_tenant
from tests.support.invocations import deployed
from tests.support.world import ORDER, START, World, answered

TOKEN = "token-of-the-erp"  # noqa: S105 - of a test
EVENT = {"type": "OrderReceivedEvent", "data": {**ORDER, "ClientOrderRef": "T-1"}}


@pytest.fixture
def hook(httpserver: HTTPServer) -> str:
    """The URL of a receiver that answers 2xx."""
    httpserver.expect_request("/hook").respond_with_data("thanks", status=200)
    return httpserver.url_for("/hook")


@pytest.fixture
def deaf(httpserver: HTTPServer) -> str:
    """The URL of a receiver that answers 410."""
    httpserver.expect_request("/deaf").respond_with_data("gone", status=410)
    return httpserver.url_for("/deaf")


@pytest.fixture
def strict(shared: World) -> Iterator[Tenant]:
    """A tenant of a stack with RequireTestBeforeEnable."""
    with deployed(replace(shared.settings, require_test=True)):
        yield new_tenant(shared)


def visits(httpserver: HTTPServer) -> list[Request]:
    return [request for request, _ in httpserver.log]


def published(tenant: Tenant, **event: Any) -> str:
    tenant.world.publish({**EVENT, **event}, tenant=tenant.id)
    tenant.world.take_events()
    return str(tenant.client.get("/v1/deliveries").json["items"][0]["event_id"])


@pytest.mark.parametrize(
    "model",
    [
        *(
            trial_views.SampleEvent,
            trial_views.SavedEndpointTestSpec,
            trial_views.UnsavedEndpointTestSpec,
        ),
        *(trial_views.SavedDryRunSpec, trial_views.UnsavedDryRunSpec, trial_views.PreviewView),
        *(trial_views.EndpointTestView, trial_views.DryRunView, history.DifferenceView),
    ],
)
def test_the_examples_of_the_documentation_are_correct(model: type[BaseModel]) -> None:
    examples = model.model_json_schema()["examples"]

    assert examples
    for example in examples:
        model.model_validate(example)


# --- preview --------------------------------------------------------------------------------------


def test_a_preview_shows_the_exact_request_with_a_signature_that_verifies(
    tenant: Tenant, httpserver: HTTPServer, hook: str
) -> None:
    made = created(
        tenant, url=hook, auth={"kind": "bearer", "token": TOKEN}, headers={"x-shop": "se"}
    )

    answer = tenant.client.post(f"/v1/endpoints/{made['id']}/preview", {"event": EVENT})

    seen = answer.json
    assert answer.status == 200
    assert (seen["matches"], seen["verdict"], seen["reason"]) == (True, "matched", None)
    request = seen["request"]
    assert (request["method"], request["url"]) == ("POST", hook)
    assert json.loads(request["body"])["data"] == EVENT["data"]
    assert request["headers"]["authorization"] == MASK
    assert request["headers"]["x-shop"] == "se"
    assert request["headers"]["posthorn-attempt"] == "1"
    assert "posthorn-test" not in request["headers"]
    Webhook(made["signing"]["secret"]).verify(request["body"], request["headers"])
    assert TOKEN not in answer.body
    assert visits(httpserver) == []
    assert tenant.client.get("/v1/deliveries").json["items"] == []


@pytest.mark.parametrize(
    ("fields", "verdict", "reason"),
    [
        ({"event_types": ["Sku*"]}, "type_not_wanted", "OrderReceivedEvent"),
        ({"condition": "data.ClientId == `2`"}, "condition_not_met", "1 == 2"),
        ({"status": "disabled"}, "matched", None),
        ({"status": "paused"}, "matched", None),
    ],
)
def test_a_preview_explains_a_mismatch_in_any_status(
    tenant: Tenant, fields: dict[str, Any], verdict: str, reason: str | None
) -> None:
    made = created(tenant, **fields)

    seen = tenant.client.post(f"/v1/endpoints/{made['id']}/preview", {"event": EVENT}).json

    assert (seen["verdict"], seen["matches"]) == (verdict, verdict == "matched")
    assert seen["reason"] is None if reason is None else reason in seen["reason"]
    assert seen["request"]["url"] == made["url"]


def test_without_an_event_the_example_of_a_wanted_type_is_previewed(tenant: Tenant) -> None:
    made = created(tenant, event_types=["SkuPrice*"])
    path = f"/v1/endpoints/{made['id']}/preview"

    first_wanted = tenant.client.post(path).json
    named = tenant.client.post(path, {"event_type": "OrderReceivedEvent"}).json

    assert first_wanted["event_type"].startswith("SkuPrice")
    assert first_wanted["matches"] is True
    assert (named["event_type"], named["verdict"]) == ("OrderReceivedEvent", "type_not_wanted")


def test_a_payload_error_is_reported(tenant: Tenant) -> None:
    made = created(tenant, payload={"mode": "custom", "expression": "data.Nothing"})

    seen = tenant.client.post(f"/v1/endpoints/{made['id']}/preview", {"event": EVENT}).json

    assert seen["request"] is None
    assert seen["payload_error"] == "the payload expression gives null on this event"


def test_changes_are_previewed_with_the_kept_secrets_and_saved_nowhere(tenant: Tenant) -> None:
    made = created(tenant, auth={"kind": "bearer", "token": TOKEN})
    path = f"/v1/endpoints/{made['id']}"
    changes = {"url": "https://new.example.com/", "auth": {"kind": "bearer", "token": MASK}}

    seen = tenant.client.post(f"{path}/preview", {"event": EVENT, "changes": changes}).json

    assert seen["request"]["url"] == "https://new.example.com/"
    Webhook(made["signing"]["secret"]).verify(seen["request"]["body"], seen["request"]["headers"])
    assert tenant.client.get(path).json["version"] == 1
    assert tenant.client.get(f"{path}/versions").json["items"][0]["version"] == 1


def test_an_unsaved_endpoint_is_previewed_with_a_secret_of_its_own(tenant: Tenant) -> None:
    body = {"endpoint": SPEC, "event": EVENT}

    seen = tenant.client.post("/v1/endpoints/preview", body).json

    Webhook(seen["signing_secret"]).verify(seen["request"]["body"], seen["request"]["headers"])
    assert tenant.client.get("/v1/endpoints").json["items"] == []


def test_a_real_event_is_previewed_as_it_would_be_sent(tenant: Tenant) -> None:
    made = created(tenant)
    event_id = published(tenant)

    seen = tenant.client.post(f"/v1/endpoints/{made['id']}/preview", {"event_id": event_id}).json

    (delivery,) = tenant.world.deliveries(tenant.id)
    _, record = tenant.world.reader.delivery(tenant.id, delivery.id)
    assert seen["event_id"] == seen["request"]["headers"]["webhook-id"] == event_id
    assert json.loads(seen["request"]["body"])["data"] == EVENT["data"]
    assert seen["request"]["headers"].keys() == record.attempts[0].request.headers.keys()


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"event": EVENT, "event_type": "OrderReceivedEvent"}, [""]),
        ({"event": {"type": "OrderReceivedEvent"}}, ["/event/data"]),
        ({"event": {**EVENT, "data": {"a": "\ud800"}}}, ["/event/data/a"]),
        ({"event_type": "NoSuchEvent"}, ["/event_type"]),
        ({"changes": {"timeout_seconds": 99}}, ["/changes/timeout_seconds"]),
        ({"changes": {"url": "ftp://x"}}, ["/changes/url"]),
        ({"nonsense": 1}, ["/nonsense"]),
    ],
)
def test_a_request_that_cannot_be_tried_is_refused_by_field(
    tenant: Tenant, body: dict[str, Any], fields: list[str]
) -> None:
    path = f"/v1/endpoints/{created(tenant)['id']}"

    answers = [tenant.client.post(f"{path}/{way}", body) for way in ("preview", "test")]

    assert [(each.status, each.fields) for each in answers] == [(422, fields)] * 2


def test_errors_of_an_unsaved_endpoint_name_its_fields(tenant: Tenant) -> None:
    body = {"endpoint": {**SPEC, "url": "ftp://x", "condition": "a ==="}}

    answer = tenant.client.post("/v1/endpoints/preview", body)

    assert answer.fields == ["/endpoint/url", "/endpoint/condition"]


def test_another_tenants_endpoint_or_event_cannot_be_tested(
    tenant: Tenant, stranger: Tenant
) -> None:
    path = f"/v1/endpoints/{created(tenant)['id']}"
    event_id = published(tenant)
    own = f"/v1/endpoints/{created(stranger)['id']}"

    assert stranger.client.post(f"{path}/preview").status == 404
    assert stranger.client.post(f"{path}/test").status == 404
    assert stranger.client.post(f"{path}/dry-run").status == 404
    assert stranger.client.post(f"{own}/preview", {"event_id": event_id}).status == 404


def test_a_signature_and_a_logged_event_need_their_scopes(tenant: Tenant) -> None:
    path = f"/v1/endpoints/{created(tenant)['id']}"
    event_id = published(tenant)
    reader = tenant.client_with(Scope.CONFIG_READ, Scope.LOGS_READ)
    writer = tenant.client_with(Scope.CONFIG_WRITE)

    assert reader.post(f"{path}/preview").status == 403
    assert reader.post(f"{path}/test").status == 403
    assert writer.post(f"{path}/preview").status == 200
    assert writer.post(f"{path}/preview", {"event_id": event_id}).status == 403
    assert writer.post(f"{path}/dry-run").status == 403
    assert reader.post(f"{path}/dry-run").status == 200


# --- test -----------------------------------------------------------------------------------------


def test_a_test_sends_at_once_even_from_a_disabled_endpoint_and_is_logged(
    tenant: Tenant, httpserver: HTTPServer, hook: str
) -> None:
    made = created(tenant, url=hook, status="disabled")

    answer = tenant.client.post(f"/v1/endpoints/{made['id']}/test", {"event": EVENT})

    done = answer.json
    assert (answer.status, done["passed"], done["matches"]) == (200, True, True)
    (request,) = visits(httpserver)
    assert request.headers["posthorn-test"] == "true"
    assert request.headers["webhook-id"] == done["event_id"]
    Webhook(made["signing"]["secret"]).verify(request.get_data(), dict(request.headers))
    attempt = done["attempt"]
    assert (attempt["trigger"], attempt["outcome"]) == ("test", "succeeded")
    assert attempt["by"] == made["updated_by"]
    assert done["body"].encode() == request.get_data()
    assert attempt["response"]["body"] == "thanks"
    # The log has the same.
    assert tenant.client.get("/v1/deliveries", endpoint=made["id"]).json["items"] == []
    (listed,) = tenant.client.get("/v1/deliveries", test="only").json["items"]
    assert (listed["id"], listed["test"], listed["status"]) == (
        done["delivery_id"],
        True,
        "succeeded",
    )
    assert tenant.client.get(f"/v1/deliveries/{listed['id']}").json["attempts"] == [attempt]
    event = tenant.client.get(f"/v1/events/{done['event_id']}").json
    assert (event["data"], len(event["deliveries"])) == (EVENT["data"], 1)


def test_a_failed_test_is_not_retried_nor_resent_and_changes_nothing(
    tenant: Tenant, deaf: str
) -> None:
    world = tenant.world
    made = created(tenant, url=deaf)
    path = f"/v1/endpoints/{made['id']}"
    waiting_before = len(world.waiting())

    done = tenant.client.post(f"{path}/test").json

    assert (done["passed"], done["attempt"]["response"]["status_code"]) == (False, 410)
    assert "410" in done["attempt"]["advice"]
    listed = tenant.client.get(f"/v1/deliveries/{done['delivery_id']}").json
    assert (listed["status"], listed["status_reason"]) == ("dead", "a failed test is not retried")
    assert listed["next_attempt_at"] is None
    assert tenant.client.get("/v1/deliveries", status="dead").json["items"] == []
    after = tenant.client.get(path).json
    assert (after["status"], after["version"]) == ("enabled", 1)
    stored = world.config.endpoint(tenant.id, made["id"])
    assert stored
    assert stored.health.failing_since is None
    resent = tenant.client.post(f"/v1/deliveries/{done['delivery_id']}/resend")
    assert (resent.status, resent.json["code"]) == (409, "test_delivery")
    world.later(days=1)
    assert world.sweeper.sweep().requeued == 0
    assert len(world.waiting()) == waiting_before


def test_a_real_event_is_tested_as_an_event_of_its_own(tenant: Tenant, hook: str) -> None:
    made = created(tenant, url="http://never.example.com/")
    event_id = published(tenant, id="order-1")
    tenant.client.patch(f"/v1/endpoints/{made['id']}", {"url": hook})

    done = tenant.client.post(f"/v1/endpoints/{made['id']}/test", {"event_id": event_id}).json

    assert done["passed"] is True
    assert done["event_id"] != event_id
    copy, real = (
        tenant.client.get(f"/v1/events/{each}").json for each in (done["event_id"], event_id)
    )
    assert (copy["data"], copy["time"]) == (real["data"], real["time"])
    assert copy["published_id"] is None
    assert [each["test"] for each in real["deliveries"]] == [False]


def test_drafts_are_tested_without_a_trace(
    tenant: Tenant, httpserver: HTTPServer, hook: str
) -> None:
    saved = created(tenant, url="http://never.example.com/")

    unsaved = tenant.client.post(
        "/v1/endpoints/test", {"endpoint": {**SPEC, "url": hook}, "event": EVENT}
    ).json
    changed = tenant.client.post(
        f"/v1/endpoints/{saved['id']}/test", {"changes": {"url": hook}, "event": EVENT}
    ).json

    first, second = visits(httpserver)
    assert (unsaved["passed"], changed["passed"]) == (True, True)
    Webhook(unsaved["signing_secret"]).verify(first.get_data(), dict(first.headers))
    Webhook(saved["signing"]["secret"]).verify(second.get_data(), dict(second.headers))
    assert (unsaved["delivery_id"], changed["delivery_id"]) == (None, None)
    assert changed["signing_secret"] is None
    assert tenant.client.get("/v1/deliveries").json["items"] == []


def test_a_test_passes_the_egress_guard_like_any_attempt(shared: World) -> None:
    with deployed(replace(shared.settings, allow_private_addresses=False)):
        tenant = new_tenant(shared)
        spec = {**SPEC, "url": "https://localtest.example.com"}
        made = created(tenant, **spec)
        changes = {"url": "http://[::ffff:127.0.0.1]:8080/"}
        refused = tenant.client.post(f"/v1/endpoints/{made['id']}/test", {"changes": changes})

    assert (refused.status, refused.fields) == (422, ["/changes/url"])


def test_a_payload_that_cannot_be_made_is_a_failed_test(tenant: Tenant) -> None:
    made = created(tenant, payload={"mode": "custom", "expression": "data.Nothing"})

    done = tenant.client.post(f"/v1/endpoints/{made['id']}/test").json

    assert (done["passed"], done["attempt"]["outcome"]) == (False, "payload_error")
    assert done["body"] is None
    assert tenant.client.get(f"/v1/deliveries/{done['delivery_id']}").status == 200


def test_a_test_ends_before_the_gateway_gives_up(tenant: Tenant) -> None:
    world = tenant.world
    endpoint = world.endpoint(tenant=tenant.id, timeout_seconds=30)
    trying = trial.EndpointTester(
        config=world.config,
        log=world.log,
        events=SampleEvents(
            world.log, event_types.builtin, now=world.clock, random_bytes=world.random_bytes
        ),
        rate_limits=RateLimits(Table(world.dynamodb, world.settings.config_table_name)),
        limits=world.tenancy.limits,
        attempter=world.dispatcher.attempter,
        now=world.clock,
    )

    trying.test(Draft(endpoint, endpoint), SavedEndpointTestSpec(), by="phk_dev")

    assert world.sent[-1].timeout_seconds == 25


def test_a_tenant_over_its_test_limit_gets_429(tenant: Tenant, hook: str) -> None:
    path = f"/v1/endpoints/{created(tenant, url=hook)['id']}/test"
    none = TenantLimits(tests_per_minute=0)
    tenant.world.tenancy.put(tenant.id, name="Hasty", limits=none)

    answer = tenant.client.post(path)

    assert (answer.status, answer.json["code"]) == (429, "limited")
    assert tenant.client.get("/v1/deliveries").json["items"] == []


def test_each_minute_and_each_tenant_has_its_own_tests(tenant: Tenant, stranger: Tenant) -> None:
    world = tenant.world
    limits = RateLimits(Table(world.dynamodb, world.settings.config_table_name))

    def count(tenant_id: str, now: Any) -> None:
        limits.count(tenant_id, "tests", per_minute=2, now=now)

    count(tenant.id, START)
    count(tenant.id, START + timedelta(seconds=59))
    with pytest.raises(LimitedError):
        count(tenant.id, START + timedelta(seconds=59))
    count(stranger.id, START)
    count(tenant.id, START + timedelta(seconds=60))


# --- lifecycle ------------------------------------------------------------------------------------


def test_where_a_test_is_required_an_endpoint_is_enabled_after_one_that_passed(
    strict: Tenant, hook: str
) -> None:
    refused = strict.client.post("/v1/endpoints", {**SPEC, "url": hook})
    assert (refused.status, refused.json["code"]) == (409, "test_required")
    path = f"/v1/endpoints/{created(strict, url=hook, status='disabled')['id']}"
    on = {"status": "enabled"}

    untested = strict.client.patch(path, on)
    strict.client.post(f"{path}/test")
    with_more = strict.client.patch(path, {**on, "url": "https://other.example.com/"})
    enabled = strict.client.patch(path, on)

    assert (untested.status, untested.json["code"]) == (409, "test_required")
    assert with_more.json["code"] == "test_required"
    assert (enabled.status, enabled.json["status"]) == (200, "enabled")


def test_a_test_counts_for_the_version_that_passed_it_alone(
    strict: Tenant, hook: str, deaf: str
) -> None:
    path = f"/v1/endpoints/{created(strict, url=deaf, status='disabled')['id']}"
    codes = []

    def try_to(status: str) -> None:
        codes.append(strict.client.patch(path, {"status": status}).status)

    strict.client.post(f"{path}/test")
    try_to("enabled")  # it failed
    strict.client.post(f"{path}/test", {"changes": {"url": hook}})
    try_to("enabled")  # a draft with other settings passed
    strict.client.patch(path, {"url": hook})
    strict.client.post(f"{path}/test")
    strict.client.patch(path, {"name": "New"})
    try_to("enabled")  # the previous version passed
    try_to("paused")  # pausing must not bypass the test
    strict.client.post(f"{path}/test")
    try_to("enabled")
    try_to("paused")
    try_to("enabled")  # paused, not disabled: needs no test

    assert codes == [409, 409, 409, 409, 200, 200, 200]


def test_pending_retries_go_to_the_changed_endpoint_with_the_body_of_the_first_attempt(
    tenant: Tenant,
) -> None:
    world = tenant.world
    before = world.endpoint(
        tenant=tenant.id,
        payload={"mode": "custom", "expression": "{ref: data.ClientOrderRef}"},
        headers={"x-shop": "se"},
    )
    world.answers[before.url] = lambda _: answered(500)
    world.publish(tenant=tenant.id)
    world.take_events()

    world.configuration.change(
        tenant.id,
        before.id,
        {
            "url": "http://new.example.com/hook",
            "method": "PUT",
            "headers": {"x-shop": "no"},
            "payload": {"mode": "cloudevents"},
        },
        by="phk_dev",
    )
    world.wake()

    first, second = world.sent[-2:]
    assert (second.method, second.url) == ("PUT", "http://new.example.com/hook")
    assert (first.headers["x-shop"], second.headers["x-shop"]) == ("se", "no")
    assert first.body == second.body == b'{"ref":"B-1"}'
    assert second.headers["content-type"] == "application/json"
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    (delivery,) = world.deliveries(tenant.id)
    _, record = world.reader.delivery(tenant.id, delivery.id)
    assert [each.endpoint_version for each in record.attempts] == [1, 2]
    assert delivery.endpoint_version == 2
    # The next event has the payload mode of the new version.
    world.publish(tenant=tenant.id)
    world.take_events()
    assert world.sent[-1].headers["content-type"] == "application/cloudevents+json"
