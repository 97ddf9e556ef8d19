"""Each call of a job fails, and the process dies right before and right after it."""

from contextlib import suppress
from typing import Any

import pytest

from posthorn.core.errors import PosthornError
from posthorn.deliveries.filters import DeliveryFilter
from posthorn.jobs.model import Job, JobKind, JobStatus
from posthorn.jobs.store import JobRequest
from posthorn.models import DeliveryStatus, Endpoint
from tests.support.faults import Died, Fault, dying, dying_at, failing
from tests.support.job_kills import NO_RETRY, replay
from tests.support.job_runs import deliver, run_to_end, started
from tests.support.world import ORDER, World, answered

DELIVERIES, KILLS = 40, 10  # `make bench` has 5,000


def dead_ones(world: World, tenant: str, count: int) -> Endpoint:
    world.tenancy.put(tenant, name=tenant)
    endpoint = world.endpoint(f"erp-{tenant}", tenant, retry=NO_RETRY)
    world.answers[endpoint.url] = lambda _: answered(500)
    order: dict[str, Any] = {"type": "OrderReceivedEvent", "data": ORDER}
    world.publish(*[order] * count, tenant=tenant)
    world.take_events()
    world.answers[endpoint.url] = lambda _: answered(200)
    world.later(seconds=1)
    return endpoint


def start(world: World, tenant: str, endpoint: Endpoint, key: str = "key") -> Job:
    """Replay all deliveries of the endpoint."""
    wanted = DeliveryFilter(endpoint_ids=(endpoint.id,))
    asked = JobRequest(key, "request")
    return world.jobs.start(
        tenant, JobKind.REPLAY, wanted, rate_per_second=100, by="phk_ops", asked=asked
    )


def statuses(world: World, tenant: str) -> list[DeliveryStatus]:
    page, _ = world.reader.page(tenant, DeliveryFilter(), limit=100)
    return [each.status for each in page]


@pytest.mark.parametrize("fault", Fault)
def test_a_fault_at_any_call_of_a_step_counts_each_delivery_once(
    world: World, fault: Fault
) -> None:
    endpoint = dead_ones(world, "tenant", 2)
    call, reached = 0, True
    while reached:
        call += 1
        job = start(world, "tenant", endpoint, key=f"{call}")
        (run,) = started(world, job.id)

        with failing(world, {call: fault}) as made, suppress(Died, PosthornError):
            world.stepping.step(run)
        reached = len(made) >= call
        deliver(world)  # queued deliveries are attempted before the step is repeated
        run_to_end(world, job.id)
        deliver(world)
        world.count()

        done, progress = world.jobs.job("tenant", job.id)
        assert (done.status, done.matched, done.started) == (JobStatus.COMPLETED, 2, 2)
        assert done.skipped == {}
        assert progress.succeeded == progress.finished == 2
        page, _ = world.reader.page("tenant", DeliveryFilter(), limit=100)
        assert [each.attempt_count for each in page] == [call + 1] * 2
    assert call > 10


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_while_starting_a_job_leaves_one_job_or_none(world: World, after: bool) -> None:
    endpoint = dead_ones(world, "tenant", 1)
    call, reached = 0, True
    while reached:
        call += 1

        with dying_at(world, call, after=after) as made, suppress(Died):
            start(world, "tenant", endpoint, key=f"{call}")
        reached = len(made) >= call
        world.later(minutes=5)
        world.sweeper.sweep()
        job = start(world, "tenant", endpoint, key=f"{call}")

        assert len(list(world.job_store.jobs("tenant", page=100))) == call
        run_to_end(world, job.id)
        assert world.jobs.job("tenant", job.id)[0].started == 1
        deliver(world)
    assert call > 4


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_while_resuming_a_job_is_repaired_by_the_sweeper(world: World, after: bool) -> None:
    endpoint = dead_ones(world, "tenant", 1)
    call, reached = 0, True
    while reached:
        call += 1
        job = start(world, "tenant", endpoint, key=f"{call}")
        world.jobs.pause("tenant", job.id, by="phk_ops")

        with dying_at(world, call, after=after) as made, suppress(Died):
            world.jobs.resume("tenant", job.id)
        reached = len(made) >= call
        world.later(minutes=5)
        world.sweeper.sweep()
        with suppress(PosthornError):
            world.jobs.resume("tenant", job.id)

        run_to_end(world, job.id)
        assert world.jobs.job("tenant", job.id)[0].started == 1
        deliver(world)


def test_a_job_cancelled_during_a_crashed_step_counts_the_deliveries_of_the_step(
    world: World,
) -> None:
    twin = start(world, "twin", dead_ones(world, "twin", 3))
    with dying(world, {}) as made:
        world.stepping.step(*started(world, twin.id))
    second = made.index("UpdateItem") + 2
    job = start(world, "tenant", dead_ones(world, "tenant", 3))
    with dying_at(world, second, after=True), suppress(Died):
        world.stepping.step(*started(world, job.id))
    assert statuses(world, "tenant").count(DeliveryStatus.PENDING) == 2

    world.jobs.cancel("tenant", job.id, by="phk_ops")
    run_to_end(world, job.id)
    deliver(world)

    done, _ = world.jobs.job("tenant", job.id)
    assert (done.status, done.started, done.skipped) == (JobStatus.CANCELLED, 2, {})
    assert sorted(statuses(world, "tenant")) == ["dead", "succeeded", "succeeded"]


def test_workers_killed_at_random_replay_each_delivery_once_and_count_it(world: World) -> None:
    outcome = replay(world, deliveries=DELIVERIES, kills=KILLS, seed=4711)

    assert len(outcome.kills) == KILLS
    assert outcome.job.status is JobStatus.COMPLETED
    assert outcome.job.matched == outcome.job.started == DELIVERIES
    assert outcome.overlapping == 0
    assert outcome.progress.finished == DELIVERIES
    assert outcome.ends == {
        (DeliveryStatus.SUCCEEDED, (1, 2)): outcome.progress.succeeded,
        (DeliveryStatus.DEAD, (1, 2)): outcome.progress.failed,
    }
    assert len(outcome.sends) == DELIVERIES
    assert outcome.sends.total() <= DELIVERIES + KILLS, "a send repeats only for a kill"
