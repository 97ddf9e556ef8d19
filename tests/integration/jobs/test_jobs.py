"""Jobs by API, and their steps: replay, drain and discard."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from posthorn import wiring
from posthorn.deliveries.store import Claim
from posthorn.dispatch.tenant_cache import TenantConfig
from posthorn.jobs.runner import STEPS_IN_RUN
from posthorn.models import Delivery, Endpoint, Event, Scope, Task, Trigger, iso
from tests.integration.conftest import Tenant
from tests.support.http_client import Answer
from tests.support.job_runs import deliver, of_tenant, run_to_end, started, step
from tests.support.world import ORDER, World, answered

NO_SUCH = "/v1/jobs/job_01KAR7XJ80000000000000000A"
NO_RETRY = {"kind": "schedule", "delays_seconds": []}


@pytest.fixture(scope="module", autouse=True)
def one_clock(shared: World) -> Iterator[None]:
    """The API uses the world's clock."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wiring, "now", shared.clock)
        yield


def endpoint_of(tenant: Tenant, name: str = "erp", **fields: Any) -> Endpoint:
    return tenant.world.endpoint(f"{name}-{tenant.id}", tenant=tenant.id, **fields)


def fails(tenant: Tenant, endpoint: Endpoint, *, code: int = 500) -> None:
    tenant.world.answers[endpoint.url] = lambda _: answered(code)


def publish(tenant: Tenant, count: int, event_type: str = "OrderReceivedEvent") -> list[str]:
    """Publish events a second apart, each delivered before the next; return their ids."""
    data = (
        ORDER if event_type == "OrderReceivedEvent" else {"ClientId": 1, "JobId": 1, "StatusId": 2}
    )
    ids = []
    for _ in range(count):
        (event,) = tenant.world.publish({"type": event_type, "data": data}, tenant=tenant.id)
        tenant.world.take_events()
        tenant.world.later(seconds=1)
        ids.append(event.id)
    return ids


def dead_ones(tenant: Tenant, count: int, **fields: Any) -> tuple[Endpoint, list[str]]:
    """An endpoint whose deliveries died, and that works again."""
    endpoint = endpoint_of(tenant, retry=NO_RETRY, **fields)
    fails(tenant, endpoint)
    ids = publish(tenant, count)
    fails(tenant, endpoint, code=200)
    return endpoint, ids


def held_ones(tenant: Tenant, count: int) -> tuple[Endpoint, list[str]]:
    endpoint = endpoint_of(tenant, status="paused")
    return endpoint, publish(tenant, count)


def sent_to(endpoint: Endpoint, world: World) -> list[str]:
    """The events that the endpoint got, in order."""
    return [each.headers["webhook-id"] for each in world.sent if each.url == endpoint.url]


def start(tenant: Tenant, kind: str = "replay", **spec: Any) -> dict[str, Any]:
    body = {"kind": kind, "filter": {"status": "dead"}, "rate_per_second": 100, **spec}
    answer = tenant.client.post("/v1/jobs", body)
    assert answer.status == 201, answer.body
    job: dict[str, Any] = answer.json
    return job


def read(tenant: Tenant, job: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = tenant.client.get(f"/v1/jobs/{job['id']}").json
    return found


def post(tenant: Tenant, job: dict[str, Any], what: str) -> Answer:
    return tenant.client.post(f"/v1/jobs/{job['id']}/{what}")


def statuses(tenant: Tenant) -> list[str]:
    return [each.status.value for each in of_tenant(tenant.world, tenant.id).values()]


# --- replay ---------------------------------------------------------------------------------------


def test_a_replay_is_counted_first_and_touches_nothing(tenant: Tenant) -> None:
    endpoint, _ = dead_ones(tenant, 3)
    began = tenant.world.now

    answer = tenant.client.post("/v1/jobs/count", {"filter": {"endpoint": endpoint.id}})

    assert answer.json == {
        "matched": 3,
        "complete": True,
        "oldest": iso(began - timedelta(seconds=3)),
        "newest": iso(began - timedelta(seconds=1)),
    }
    assert statuses(tenant) == ["dead"] * 3


def test_a_replay_delivers_again_with_its_own_trigger(tenant: Tenant, shared: World) -> None:
    dead_ones(tenant, 3)

    job = start(tenant)
    run_to_end(shared, job["id"])
    deliver(shared)

    assert statuses(tenant) == ["succeeded"] * 3
    for delivery in of_tenant(shared, tenant.id).values():
        shown = tenant.client.get(f"/v1/deliveries/{delivery.id}").json
        assert [each["trigger"] for each in shown["attempts"]] == ["first", "replay"]
        assert shown["attempts"][-1]["by"] == shown["job_id"] == job["id"]
    after = read(tenant, job)
    assert (after["matched"], after["started"], after["skipped"]) == (3, 3, 0)
    assert after["all_started_at"] is not None


def test_a_replay_is_completed_when_each_delivery_has_come_to_its_end(
    tenant: Tenant, shared: World
) -> None:
    endpoint, _ = dead_ones(tenant, 4)
    job = start(tenant)
    run_to_end(shared, job["id"])
    waiting = read(tenant, job)
    assert (waiting["status"], waiting["started"], waiting["left"]) == ("running", 4, 4)
    cancelled, resent, *_ = of_tenant(shared, tenant.id).values()
    tenant.client.post(f"/v1/deliveries/{cancelled.id}/cancel")
    tenant.client.post(f"/v1/deliveries/{resent.id}/resend")
    codes = iter([200, 500, 200, 200])
    shared.answers[endpoint.url] = lambda _: answered(next(codes))

    deliver(shared)
    shared.count()

    after = read(tenant, job)
    ends = ("succeeded", "failed", "cancelled", "held", "taken_over")
    assert sum(after[each] for each in ends) == after["started"] == 4
    assert (after["cancelled"], after["taken_over"], after["held"]) == (1, 1, 0)
    assert after["succeeded"] + after["failed"] == 2
    assert (after["status"], after["left"], after["eta_at"]) == ("completed", 0, None)
    assert after["finished_at"] == iso(shared.now)


def test_a_replay_of_nothing_is_completed_at_once(tenant: Tenant, shared: World) -> None:
    job = start(tenant)

    run_to_end(shared, job["id"])

    assert read(tenant, job)["status"] == "completed"


def test_deliveries_held_by_an_endpoint_paused_meanwhile_count_as_held(
    tenant: Tenant, shared: World
) -> None:
    endpoint, _ = dead_ones(tenant, 2)
    job = start(tenant)
    run_to_end(shared, job["id"])
    tenant.client.patch(f"/v1/endpoints/{endpoint.id}", {"status": "paused"})

    deliver(shared)
    shared.count()

    after = read(tenant, job)
    assert (after["status"], after["held"]) == ("completed", 2)


def test_a_replayed_delivery_has_its_whole_retry_policy_again(
    tenant: Tenant, shared: World
) -> None:
    endpoint = endpoint_of(tenant, retry={"kind": "schedule", "delays_seconds": [60]})
    fails(tenant, endpoint)
    publish(tenant, 1)
    (delivery,) = of_tenant(shared, tenant.id).values()
    retry_now(shared, delivery)
    assert statuses(tenant) == ["dead"]

    run_to_end(shared, start(tenant)["id"])
    deliver(shared)

    (again,) = of_tenant(shared, tenant.id).values()
    assert (again.status.value, again.attempt_count) == ("retrying", 3)
    retry_now(shared, again)
    assert statuses(tenant) == ["dead"]


def retry_now(world: World, delivery: Delivery) -> None:
    assert delivery.next_attempt_at is not None
    world.now = max(world.now, delivery.next_attempt_at)
    task = Task(
        tenant=delivery.tenant,
        event_id=delivery.event_id,
        endpoint_id=delivery.endpoint_id,
        attempt=delivery.attempt_count + 1,
        trigger=Trigger.RETRY,
    )
    world.dispatcher.take_task(task, world.context("retry"))


def test_a_replay_goes_oldest_first_at_its_rate(tenant: Tenant, shared: World) -> None:
    endpoint, ids = dead_ones(tenant, 5)
    shared.sent.clear()
    job = start(tenant, rate_per_second=0.2)  # two in ten seconds

    run = step(shared, job["id"])

    assert run.wait_seconds == 10
    assert read(tenant, job)["started"] == 2
    assert read(tenant, job)["eta_at"] is not None
    again = shared.stepping.step(run).run
    assert (again.wait_seconds, read(tenant, job)["started"]) == (10, 2), "it is not due yet"
    assert run_to_end(shared, job["id"]) == 3
    deliver(shared)
    assert sent_to(endpoint, shared) == ids


def test_a_replay_has_the_deliveries_of_its_filter(tenant: Tenant, shared: World) -> None:
    endpoint = endpoint_of(tenant, retry=NO_RETRY)
    fails(tenant, endpoint, code=500)
    publish(tenant, 1)
    fails(tenant, endpoint, code=404)
    since = iso(shared.now)
    (wanted,) = publish(tenant, 1)
    publish(tenant, 1, "JobCompletedEvent")
    fails(tenant, endpoint, code=200)

    job = start(
        tenant,
        filter={
            "endpoint": endpoint.id,
            "event_type": "OrderReceivedEvent",
            "status": "dead",
            "status_code": "4xx",
            "since": since,
        },
    )
    run_to_end(shared, job["id"])
    deliver(shared)

    delivered = [
        event_id
        for event_id, each in of_tenant(shared, tenant.id).items()
        if each.status.value == "succeeded"
    ]
    assert delivered == [wanted]
    assert job["filter"]["status_code"] == "4xx"


def test_deliveries_created_after_the_start_of_a_replay_are_not_replayed(
    tenant: Tenant, shared: World
) -> None:
    endpoint, _ = dead_ones(tenant, 1)
    job = start(tenant)
    shared.later(seconds=1)
    fails(tenant, endpoint)
    publish(tenant, 1)

    run_to_end(shared, job["id"])

    assert read(tenant, job)["started"] == 1


def test_succeeded_deliveries_can_be_replayed_and_tests_cannot(
    tenant: Tenant, shared: World
) -> None:
    endpoint = endpoint_of(tenant)
    publish(tenant, 2)
    body = {"event_type": "OrderReceivedEvent"}
    assert tenant.client.post(f"/v1/endpoints/{endpoint.id}/test", body).status == 200
    shared.later(seconds=1)

    job = start(tenant, filter={"endpoint": endpoint.id})
    run_to_end(shared, job["id"])
    deliver(shared)

    assert (job["matched"], read(tenant, job)["started"]) == (2, 2)
    attempts = [each.attempt_count for each in of_tenant(shared, tenant.id).values()]
    assert sorted(attempts) == [1, 2, 2]


def test_a_replay_goes_through_every_endpoint_of_the_tenant(tenant: Tenant, shared: World) -> None:
    for name in ("one", "two", "three"):
        endpoint_of(tenant, name)
    publish(tenant, 2)

    job = start(tenant, filter={"status": "succeeded"})
    run_to_end(shared, job["id"])

    assert job["matched"] == read(tenant, job)["started"] == 6


def test_a_delivery_that_cannot_be_replayed_is_skipped_with_the_reason(
    tenant: Tenant, shared: World
) -> None:
    endpoint, _ = dead_ones(tenant, 3)
    paused, _ = dead_ones(tenant, 1, name="paused")
    gone, _ = dead_ones(tenant, 1, name="gone")
    found = [each for each in shared.deliveries(tenant.id) if each.endpoint_id == endpoint.id]
    job = start(tenant)
    claim = Claim("someone", shared.now, shared.now + timedelta(seconds=90))
    assert shared.log.claim_delivery(found[0], claim)
    shared.recovery.resend(tenant.id, found[1].id, by="phk_ops")
    tenant.client.patch(f"/v1/endpoints/{paused.id}", {"status": "paused"})
    tenant.client.delete(f"/v1/endpoints/{gone.id}")

    run_to_end(shared, job["id"])

    after = read(tenant, job)
    assert (after["matched"], after["started"], after["skipped"], after["left"]) == (5, 1, 4, 1)
    assert after["skipped_reasons"] == {
        "being_attempted": 1,
        "changed": 2,  # resent by then, or its endpoint deleted
        "endpoint_not_enabled": 1,
    }


# --- drain and discard ----------------------------------------------------------------------------


def resume(tenant: Tenant, endpoint: Endpoint, held: str, **headers: str) -> Answer:
    body = {"held": held, "rate_per_second": 100}
    return tenant.client.post(f"/v1/endpoints/{endpoint.id}/resume", body, **headers)


def test_resuming_an_endpoint_drains_held_deliveries_oldest_first(
    tenant: Tenant, shared: World
) -> None:
    endpoint, ids = held_ones(tenant, 3)
    shared.sent.clear()

    answer = resume(tenant, endpoint, "drain")

    assert answer.status == 200, answer.body
    assert answer.json["endpoint"]["status"] == "enabled"
    job = answer.json["job"]
    assert (job["kind"], job["matched"], job["filter"]["endpoint"]) == ("drain", 3, endpoint.id)
    run_to_end(shared, job["id"])
    deliver(shared)
    assert sent_to(endpoint, shared) == ids
    for delivery in of_tenant(shared, tenant.id).values():
        (attempt,) = tenant.client.get(f"/v1/deliveries/{delivery.id}").json["attempts"]
        assert (attempt["trigger"], attempt["by"]) == ("drain", job["id"])


def test_deliveries_held_while_the_endpoint_is_being_enabled_are_drained(
    tenant: Tenant, shared: World
) -> None:
    endpoint, ids = held_ones(tenant, 2)
    as_it_was = shared.config.endpoint(tenant.id, endpoint.id)
    assert as_it_was is not None
    job = resume(tenant, endpoint, "drain").json["job"]
    step(shared, job["id"])
    # A dispatcher that read the endpoint before it was enabled.
    shared.publish({"type": "OrderReceivedEvent", "data": ORDER}, tenant=tenant.id)
    config = TenantConfig(shared.tenancy.limits(tenant.id), (as_it_was,))
    context = replace(shared.context("late"), tenant=lambda _: config)
    for message in shared.receive(shared.settings.event_queue_url):
        shared.dispatcher.take_event(Event.model_validate_json(message["Body"]), context)

    run_to_end(shared, job["id"])
    deliver(shared)

    assert statuses(tenant) == ["succeeded"] * 3
    after = read(tenant, job)
    assert (after["matched"], after["started"], after["skipped"]) == (3, 3, 0)
    assert len(ids) == 2


def test_resuming_an_endpoint_can_discard_held_deliveries(tenant: Tenant, shared: World) -> None:
    endpoint, _ = held_ones(tenant, 3)
    shared.sent.clear()

    job = resume(tenant, endpoint, "discard").json["job"]
    run_to_end(shared, job["id"])
    deliver(shared)

    assert statuses(tenant) == ["cancelled"] * 3
    (delivery, *_) = of_tenant(shared, tenant.id).values()
    assert delivery.status_reason == f"discarded by {job['created_by']}"
    shared.count()
    assert (read(tenant, job)["status"], read(tenant, job)["cancelled"]) == ("completed", 3)
    assert not sent_to(endpoint, shared)


def test_resuming_an_endpoint_can_keep_held_deliveries(tenant: Tenant, shared: World) -> None:
    endpoint, _ = held_ones(tenant, 2)

    answer = resume(tenant, endpoint, "keep")

    assert (answer.json["endpoint"]["status"], answer.json["job"]) == ("enabled", None)
    assert statuses(tenant) == ["held"] * 2
    job = start(tenant, "drain", filter={"endpoint": endpoint.id})
    run_to_end(shared, job["id"])
    deliver(shared)
    assert statuses(tenant) == ["succeeded"] * 2


def test_resuming_twice_makes_one_version_and_one_job(tenant: Tenant) -> None:
    endpoint, _ = held_ones(tenant, 1)

    first, second = resume(tenant, endpoint, "drain"), resume(tenant, endpoint, "drain")

    assert first.json["endpoint"]["version"] == second.json["endpoint"]["version"] == 2
    assert first.json["job"]["id"] == second.json["job"]["id"]


def test_resuming_an_endpoint_that_was_changed_meanwhile_is_refused(tenant: Tenant) -> None:
    endpoint, _ = held_ones(tenant, 1)
    tenant.client.patch(f"/v1/endpoints/{endpoint.id}", {"name": "Other"})

    answer = resume(tenant, endpoint, "drain", if_match='"1"')

    assert (answer.status, answer.json["code"]) == (412, "stale_version")
    assert tenant.client.get("/v1/jobs").json["items"] == []


def test_a_drain_is_paid_by_no_endpoint_that_is_paused_again(tenant: Tenant, shared: World) -> None:
    endpoint, _ = held_ones(tenant, 2)
    job = resume(tenant, endpoint, "drain").json["job"]
    tenant.client.patch(f"/v1/endpoints/{endpoint.id}", {"status": "paused"})

    run_to_end(shared, job["id"])

    assert statuses(tenant) == ["held"] * 2
    assert read(tenant, job)["skipped_reasons"] == {"endpoint_not_enabled": 2}


# --- pause, resume, cancel, rate ------------------------------------------------------------------


def test_a_paused_job_waits_and_goes_on_where_it_was(tenant: Tenant, shared: World) -> None:
    dead_ones(tenant, 3)
    job = start(tenant, rate_per_second=0.1)
    run = step(shared, job["id"])

    paused = post(tenant, job, "pause")

    assert (paused.json["status"], paused.json["eta_at"]) == ("paused", None)
    shared.later(minutes=10)
    assert shared.stepping.step(run).run.done, "the execution does not wait for people"
    assert job["id"] not in shared.sweeper.sweep().restarted
    assert read(tenant, job)["started"] == 1
    assert post(tenant, job, "resume").json["status"] == "running"
    assert [each.run for each in started(shared, job["id"])] == [1, 2]
    run_to_end(shared, job["id"])
    assert read(tenant, job)["started"] == 3


def test_the_execution_of_before_a_pause_ends_when_another_one_has_the_job(
    tenant: Tenant, shared: World
) -> None:
    dead_ones(tenant, 2)
    job = start(tenant, rate_per_second=0.1)
    run = step(shared, job["id"])
    post(tenant, job, "pause")
    post(tenant, job, "resume")

    assert shared.stepping.step(run).run.done
    assert read(tenant, job)["started"] == 1


def test_a_cancelled_job_starts_nothing_more_and_its_started_deliveries_continue(
    tenant: Tenant, shared: World
) -> None:
    dead_ones(tenant, 3)
    job = start(tenant, rate_per_second=0.1)
    step(shared, job["id"])

    cancelled = post(tenant, job, "cancel").json

    assert (cancelled["status"], cancelled["reason"]) == (
        "cancelled",
        f"cancelled by {job['created_by']}",
    )
    run_to_end(shared, job["id"])
    deliver(shared)
    assert sorted(statuses(tenant)) == ["dead", "dead", "succeeded"]
    assert read(tenant, job)["started"] == 1
    assert post(tenant, job, "cancel").status == 200, "it is cancelled already"
    assert post(tenant, job, "resume").json["code"] == "job_not_paused"
    assert post(tenant, job, "pause").json["code"] == "job_not_running"


def test_a_paused_job_can_be_cancelled(tenant: Tenant, shared: World) -> None:
    dead_ones(tenant, 1)
    job = start(tenant)
    post(tenant, job, "pause")

    assert post(tenant, job, "cancel").json["status"] == "cancelled"
    run_to_end(shared, job["id"])
    assert read(tenant, job)["started"] == 0


def test_a_job_that_has_started_everything_cannot_be_stopped(tenant: Tenant, shared: World) -> None:
    dead_ones(tenant, 1)
    job = start(tenant)
    run_to_end(shared, job["id"])

    for what in ("pause", "cancel"):
        answer = post(tenant, job, what)
        assert (answer.status, answer.json["code"]) == (409, "job_all_started")


def test_the_rate_of_a_job_can_be_changed(tenant: Tenant, shared: World) -> None:
    dead_ones(tenant, 4)
    job = start(tenant, rate_per_second=0.1)
    step(shared, job["id"])

    answer = tenant.client.patch(f"/v1/jobs/{job['id']}", {"rate_per_second": 50})

    assert answer.json["rate_per_second"] == 50
    assert run_to_end(shared, job["id"]) == 2, "one waits, the next one does the rest"
    assert read(tenant, job)["started"] == 4


# --- asking for jobs ------------------------------------------------------------------------------


def test_the_same_idempotency_key_starts_one_job(tenant: Tenant) -> None:
    dead_ones(tenant, 1)
    body = {"kind": "replay", "filter": {"status": "dead"}}

    first, second = (
        tenant.client.post("/v1/jobs", body, idempotency_key="monday") for _ in range(2)
    )
    other = tenant.client.post("/v1/jobs", {**body, "rate_per_second": 1}, idempotency_key="monday")

    assert first.json["id"] == second.json["id"]
    assert (other.status, other.json["code"]) == (409, "idempotency_key_reused")
    assert len(tenant.client.get("/v1/jobs").json["items"]) == 1


def test_a_tenant_has_no_more_than_five_jobs_running(tenant: Tenant, shared: World) -> None:
    dead_ones(tenant, 1)
    jobs = [start(tenant) for _ in range(5)]

    refused = tenant.client.post("/v1/jobs", {"kind": "replay", "filter": {"status": "dead"}})

    assert (refused.status, refused.json["code"]) == (409, "too_many_jobs")
    run_to_end(shared, jobs[0]["id"])
    start(tenant)


def test_jobs_are_listed_newest_first_in_pages(tenant: Tenant) -> None:
    jobs = []
    for _ in range(3):
        jobs.append(start(tenant)["id"])
        tenant.world.later(seconds=1)

    first = tenant.client.get("/v1/jobs", limit=2).json
    second = tenant.client.get("/v1/jobs", limit=2, cursor=first["next_cursor"]).json

    assert [each["id"] for each in (*first["items"], *second["items"])] == jobs[::-1]
    assert second["next_cursor"] is None
    assert tenant.client.get("/v1/jobs", cursor="x").fields == ["cursor"]


@pytest.mark.parametrize(
    ("spec", "fields"),
    [
        ({"kind": "replay"}, ["/filter"]),
        ({"kind": "replay", "filter": {}}, ["/filter"]),
        ({"kind": "resend", "filter": {"status": "dead"}}, ["/kind"]),
        ({"kind": "drain", "filter": {"status": "dead"}}, ["/filter/status"]),
        ({"kind": "replay", "filter": {"status": "lost"}}, ["/filter/status"]),
        ({"kind": "replay", "filter": {"endpoint": "erp"}}, ["/filter/endpoint"]),
        ({"kind": "replay", "filter": {"event_id": "1"}}, ["/filter/event_id"]),
        ({"kind": "replay", "filter": {"since": "yesterday"}}, ["/filter/since"]),
        ({"kind": "replay", "filter": {"since": "2026-11-23T10:00:00"}}, ["/filter/since"]),
        (
            {"kind": "replay", "filter": {"status": "dead"}, "rate_per_second": 0},
            ["/rate_per_second"],
        ),
        (
            {"kind": "replay", "filter": {"status": "dead"}, "rate_per_second": 101},
            ["/rate_per_second"],
        ),
        ({"kind": "replay", "filter": {"status": "dead"}, "speed": 1}, ["/speed"]),
    ],
)
def test_an_invalid_job_is_refused_with_the_fields(
    common: Tenant, spec: dict[str, Any], fields: list[str]
) -> None:
    answer = common.client.post("/v1/jobs", spec)

    assert (answer.status, answer.fields) == (422, fields)
    assert common.client.get("/v1/jobs").json["items"] == []


def test_another_tenant_sees_and_stops_nothing(tenant: Tenant, stranger: Tenant) -> None:
    job = start(tenant)

    assert stranger.client.get("/v1/jobs").json["items"] == []
    assert stranger.client.get(f"/v1/jobs/{job['id']}").status == 404
    for what in ("pause", "resume", "cancel"):
        assert post(stranger, job, what).status == 404
    assert read(tenant, job)["status"] == "running"


@pytest.mark.parametrize("path", [NO_SUCH, "/v1/jobs/nothing"])
def test_a_job_that_is_not_there_is_not_found(common: Tenant, path: str) -> None:
    assert common.client.get(path).status == 404
    assert common.client.post(f"{path}/cancel").status == 404


def test_reading_the_log_is_enough_to_count_and_watch_and_not_to_start(tenant: Tenant) -> None:
    endpoint, _ = held_ones(tenant, 1)
    job = start(tenant)
    reader = tenant.client_with(Scope.LOGS_READ)
    configurer = tenant.client_with(Scope.CONFIG_WRITE)
    body = {"kind": "replay", "filter": {"status": "dead"}}

    assert reader.post("/v1/jobs/count", body).status == 200
    assert reader.get(f"/v1/jobs/{job['id']}").status == 200
    assert reader.get("/v1/jobs").status == 200
    assert reader.post("/v1/jobs", body).status == 403
    assert reader.post(f"/v1/jobs/{job['id']}/cancel").status == 403
    assert reader.patch(f"/v1/jobs/{job['id']}", {"rate_per_second": 1}).status == 403
    resuming = f"/v1/endpoints/{endpoint.id}/resume"
    assert configurer.post(resuming, {"held": "discard"}).status == 403
    assert tenant.client.get(f"/v1/endpoints/{endpoint.id}").json["status"] == "paused"


# --- the life of an execution ---------------------------------------------------------------------


def test_a_job_whose_execution_was_lost_is_started_again(tenant: Tenant, shared: World) -> None:
    dead_ones(tenant, 2)
    job = start(tenant, rate_per_second=0.1)
    step(shared, job["id"])
    shared.later(minutes=2)
    assert job["id"] not in shared.sweeper.sweep().restarted, "it may only be slow"
    shared.later(minutes=2)

    assert job["id"] in shared.sweeper.sweep().restarted

    assert [each.run for each in started(shared, job["id"])] == [1, 2]
    run_to_end(shared, job["id"])
    assert read(tenant, job)["started"] == 2
    assert job["id"] not in shared.sweeper.sweep().restarted


def test_a_job_no_step_of_which_gets_through_fails_and_can_be_resumed(
    tenant: Tenant, shared: World
) -> None:
    dead_ones(tenant, 1)
    job = start(tenant)

    for _ in range(6):
        shared.later(minutes=5)
        shared.sweeper.sweep()

    failed = read(tenant, job)
    assert (failed["status"], failed["reason"]) == ("failed", "no step succeeded in 6 runs")
    post(tenant, job, "resume")
    run_to_end(shared, job["id"])
    assert read(tenant, job)["started"] == 1


def test_an_execution_hands_a_long_job_on_before_its_history_is_full(
    tenant: Tenant, shared: World
) -> None:
    dead_ones(tenant, 2)
    job = start(tenant, rate_per_second=0.1)
    (run,) = started(shared, job["id"])
    last = run.model_copy(update={"steps": STEPS_IN_RUN - 1})

    assert shared.stepping.step(last).run.done

    assert [each.run for each in started(shared, job["id"])] == [1, 2]
    assert started(shared, job["id"])[-1].steps == 0
    run_to_end(shared, job["id"])
    assert read(tenant, job)["started"] == 2


def test_deleting_an_endpoint_cancels_what_was_held_for_it(tenant: Tenant, shared: World) -> None:
    endpoint, ids = held_ones(tenant, 3)

    answer = tenant.client.delete(f"/v1/endpoints/{endpoint.id}")

    assert answer.status == 204
    (job,) = tenant.client.get("/v1/jobs").json["items"]
    assert (job["kind"], job["matched"]) == ("discard", 3)
    run_to_end(shared, job["id"])
    deliveries = tenant.client.get("/v1/deliveries", endpoint=endpoint.id).json["items"]
    assert {each["event_id"] for each in deliveries} == set(ids)
    assert {each["status"] for each in deliveries} == {"cancelled"}


def test_deleting_an_endpoint_without_held_deliveries_starts_no_job(tenant: Tenant) -> None:
    endpoint = endpoint_of(tenant)

    assert tenant.client.delete(f"/v1/endpoints/{endpoint.id}").status == 204
    assert tenant.client.get("/v1/jobs").json["items"] == []
