"""Each call of dispatcher and sweeper fails in each possible way, then SQS redelivers.

A failed message is visible again after the visibility timeout, and a second copy may arrive at any
time: here, at once. At the end nothing is lost or duplicated: each delivery has its expected state,
its attempts are numbered without gaps, and no two attempts ran at the same time.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import count, pairwise

import pytest

from posthorn.core.errors import ConflictError, PosthornError
from posthorn.deliveries import state
from posthorn.dispatch.dispatcher import LEASE
from posthorn.egress.http_client import AttemptResult, Request
from posthorn.models import Delivery, Event, Trigger
from tests.support.faults import Died, Fault, failing
from tests.support.world import World, answered
from tests.support.world import world as fresh_world

POLICIES: dict[int, tuple[float, ...]] = {200: (), 500: (60, 600), 501: ()}
_numbers = count(1)


@pytest.fixture(scope="module")
def account() -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
        with fresh_world() as one:
            yield World(replace(one.settings, operations_bus_name="default"))


@dataclass
class Tenant:
    """One endpoint succeeds, one fails and is tried again, one fails for good."""

    world: World
    id: str
    codes: dict[str, int] = field(default_factory=dict)  # by endpoint: its first answer
    answers: dict[str, int] = field(default_factory=dict)  # by URL: its current answer
    sent: dict[tuple[str, ...], list[datetime]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.world.tenancy.put(self.id, name=self.id)
        for code, delays in POLICIES.items():
            policy = {"kind": "schedule", "delays_seconds": delays}
            made = self.world.endpoint(f"{code}-{self.id}", self.id, retry=policy)
            self.codes[made.id] = self.answers[made.url] = code
            self.world.answers[made.url] = self._answer

    def _answer(self, request: Request) -> AttemptResult:
        attempt = request.headers["posthorn-attempt"]
        self.sent[request.headers["webhook-id"], request.url, attempt].append(self.world.now)
        return answered(self.answers[request.url])

    @contextmanager
    def event(self) -> Iterator[Event]:
        """A new event, for which no attempt is made twice at once."""
        (event,) = self.world.publish(tenant=self.id)
        self.answers = dict(zip(self.answers, self.codes.values(), strict=True))
        self.sent.clear()
        yield event
        for times in self.sent.values():
            assert all(later - earlier >= LEASE for earlier, later in pairwise(times))
        for delivery in self.deliveries(event).values():
            with suppress(ConflictError):  # so that the sweeper finds none of it
                self.world.recovery.cancel(self.id, delivery.id, by="phk_test")
        self.world.receive(self.world.settings.retry_queue_url)

    def deliveries(self, event: Event) -> dict[int, Delivery]:
        """The deliveries by the first answer of their endpoint; attempts have no gaps."""
        records = self.world.reader.event(self.id, event.id).records
        for record in records.values():
            numbers = [each.number for each in record.attempts]
            assert numbers == [*range(1, record.delivery.attempt_count + 1)]
        return {self.codes[each]: records[each].delivery for each in records}

    def take(self, event: Event, message: str) -> None:
        self.world.dispatcher.take_event(event, self.world.context(f"{event.id}-{message}"))

    def try_again(self, delivery: Delivery, message: str) -> None:
        context = self.world.context(f"{delivery.id}-{message}")
        self.world.dispatcher.take_task(state.task(delivery), context)


@pytest.fixture
def tenant(account: World) -> Tenant:
    # Remove the log of the test before: moto reads the whole table for each query of the sweeper.
    for row in account.dynamodb.scan(TableName="LogTable")["Items"]:
        key = {"pk": row["pk"], "sk": row["sk"]}
        account.dynamodb.delete_item(TableName="LogTable", Key=key)
    return Tenant(account, f"tenant-{next(_numbers)}")


def goes_through(world: World, work: Callable[[str], None], call: int, fault: Fault) -> bool:
    """Work as SQS would repeat it when this call fails; False when there was no such call."""
    world.restart()
    with failing(world, {call: fault}) as made:
        try:
            work("message")
        except (Died, PosthornError):
            failed = True
        else:
            failed = False
    work("copy")
    world.later(minutes=6)
    if failed:
        work("message")
    return len(made) >= call


def waits(world: World, delivery: Delivery) -> bool:
    """Whether the index `due` has the next attempt, which its cell or the sweeper finds there."""
    due = {(each.task.event_id, each.task.attempt): each.due_at for each in world.waiting()}
    at = due.get((delivery.event_id, delivery.attempt_count + 1))
    return at is not None and at == delivery.next_attempt_at


def statuses(tenant: Tenant, event: Event) -> dict[int, str]:
    return {code: delivery.status for code, delivery in tenant.deliveries(event).items()}


@pytest.mark.parametrize("fault", Fault)
def test_a_first_attempt_survives_it(tenant: Tenant, fault: Fault) -> None:
    reached, call = True, 0
    while reached:
        call += 1
        with tenant.event() as event:
            reached = goes_through(tenant.world, partial(tenant.take, event), call, fault)

            assert statuses(tenant, event) == {200: "succeeded", 500: "retrying", 501: "dead"}
            assert waits(tenant.world, tenant.deliveries(event)[500])
    assert call > 11


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize(("code", "status"), [(200, "succeeded"), (500, "retrying")])
def test_a_retry_survives_it(tenant: Tenant, fault: Fault, code: int, status: str) -> None:
    reached, call = True, 0
    while reached:
        call += 1
        with tenant.event() as event:
            tenant.take(event, "first")
            before = tenant.deliveries(event)[500]
            tenant.answers = dict.fromkeys(tenant.answers, code)

            reached = goes_through(tenant.world, partial(tenant.try_again, before), call, fault)

            after = tenant.deliveries(event)[500]
            assert (after.status, after.attempt_count) == (status, 2)
            assert waits(tenant.world, after) == (code == 500)
    assert call > 5


@pytest.mark.parametrize("fault", Fault)
def test_putting_off_a_first_attempt_survives_it(tenant: Tenant, fault: Fault) -> None:
    reached, call = True, 0
    while reached:
        call += 1
        with tenant.event() as event:
            tenant.world.seconds_left = 1
            reached = goes_through(tenant.world, partial(tenant.take, event), call, fault)
            tenant.world.seconds_left = 60
            tenant.world.take_tasks()
            tenant.world.sweeper.sweep()  # without time left, a redelivery leaves the rest to it
            tenant.world.take_tasks()

            assert statuses(tenant, event) == {200: "succeeded", 500: "retrying", 501: "dead"}
    assert call > 8


@pytest.mark.parametrize("fault", Fault)
def test_a_sweep_survives_it(tenant: Tenant, fault: Fault) -> None:
    world = tenant.world

    def sweep(_: str) -> None:
        world.sweeper.sweep()

    reached, call = True, 0
    while reached:
        call += 1
        with tenant.event() as event:
            tenant.take(event, "first")
            world.later(minutes=4)
            reached = goes_through(world, sweep, call, fault)
            world.take_tasks()

            assert tenant.deliveries(event)[500].attempt_count == 2
    assert call > 9


@pytest.mark.parametrize("fault", Fault)
def test_a_resend_that_failed_is_made_at_most_once(tenant: Tenant, fault: Fault) -> None:
    """The caller gets no answer and does not repeat the request."""
    world = tenant.world
    reached, call = True, 0
    while reached:
        call += 1
        with tenant.event() as event:
            tenant.take(event, "first")
            dead = tenant.deliveries(event)[501]
            tenant.answers = dict.fromkeys(tenant.answers, 200)
            with failing(world, {call: fault}) as made, suppress(Died, PosthornError):
                world.recovery.resend(tenant.id, dead.id, by="phk_ops")
            reached = len(made) >= call
            world.later(hours=1)
            world.sweeper.sweep()
            world.take_tasks()

            after = tenant.deliveries(event)[501]
            assert (after.status, after.attempt_count) in {("dead", 1), ("succeeded", 2)}
    assert after.status == "succeeded"


def test_a_retry_and_a_resend_never_run_at_once(account: World, tenant: Tenant) -> None:
    with tenant.event() as event:
        tenant.take(event, "first")
        delivery = tenant.deliveries(event)[500]
        running: list[str] = []

        def answer_while_the_other_one_comes(request: Request) -> AttemptResult:
            running.append(request.headers["posthorn-attempt"])
            resend = state.task(delivery).model_copy(update={"trigger": Trigger.RESEND})
            account.dispatcher.take_task(resend, account.context("resend"))
            return answered(200)

        (url,) = (url for url, code in tenant.answers.items() if code == 500)
        account.answers[url] = answer_while_the_other_one_comes
        tenant.try_again(delivery, "retry")

        assert running == ["2"]
