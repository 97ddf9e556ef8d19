"""A replay whose workers are killed at random: job steps, dispatchers, sweeper, stream consumer.

Each dies at a call to AWS, before or after it took effect, and is repeated as on AWS: Step
Functions repeats a step, SQS redelivers a message, Lambda repeats a batch.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, TypeVar

import boto3

from posthorn.aws.dynamodb import Table
from posthorn.core import ids
from posthorn.deliveries.filters import DeliveryFilter
from posthorn.deliveries.stream import StreamChange
from posthorn.egress.http_client import AttemptResult, Request
from posthorn.jobs.model import Job, JobCounts, JobKind
from posthorn.jobs.runner import JobRun
from posthorn.jobs.store import JobStore
from posthorn.models import DeliveryStatus, Endpoint, Event, Task, Trigger
from tests.support.faults import Died, dying
from tests.support.job_runs import make_due
from tests.support.world import ORDER, TENANT, World, answered

CALLS_FOR_ONE = 5  # that a replayed delivery takes, at least: kills are spread over so many
ONE_IN = 20  # so often an endpoint fails, and a message comes twice while it is worked on
NO_RETRY = {"kind": "schedule", "delays_seconds": []}
_T = TypeVar("_T")


@dataclass
class Outcome:
    """The result of a replay with killed workers."""

    kills: list[str]  # the calls at which a worker died
    job: Job
    progress: JobCounts
    sends: Counter[str]  # requests by event
    overlapping: int  # attempts of a delivery while another one of it was under way
    ends: Counter[tuple[DeliveryStatus, tuple[int, ...]]]  # status, numbers of the attempts


@dataclass
class _Receiver:
    """The endpoint: now and then it fails, or the same task comes while it answers."""

    world: World
    endpoint: Endpoint
    random_bytes: Random
    sends: Counter[str] = field(default_factory=Counter)
    under_way: set[str] = field(default_factory=set)
    overlapping: int = 0

    def answer(self, request: Request) -> AttemptResult:
        event_id = request.headers["webhook-id"]
        self.sends[event_id] += 1
        self.overlapping += event_id in self.under_way
        self.under_way.add(event_id)
        try:
            if self.random_bytes.randrange(ONE_IN) == 0:
                self._twice(event_id)
            return answered(500 if self.random_bytes.randrange(ONE_IN) == 0 else 200)
        finally:
            self.under_way.discard(event_id)

    def _twice(self, event_id: str) -> None:
        task = Task(
            tenant=TENANT,
            event_id=event_id,
            endpoint_id=self.endpoint.id,
            attempt=2,
            trigger=Trigger.SWEEPER,
        )
        self.world.dispatcher.take_task(task, self.world.context("twice"))


def replay(world: World, *, deliveries: int, kills: int, seed: int) -> Outcome:
    """Replay so many dead deliveries, with so many workers killed on the way."""
    random_bytes = Random(seed)  # noqa: S311 - a test that can be repeated
    endpoint = world.endpoint("replayed", retry=NO_RETRY)
    _dead_ones(world, endpoint, deliveries)
    receiver = _Receiver(world, endpoint, random_bytes)
    world.answers[endpoint.url] = receiver.answer
    of_it = DeliveryFilter(endpoint_ids=(endpoint.id,), status=DeliveryStatus.DEAD)
    job = world.jobs.start(TENANT, JobKind.REPLAY, of_it, rate_per_second=100, by="phk_ops")
    deaths = random_bytes.sample(range(1, deliveries * CALLS_FOR_ONE), kills)
    with dying(world, {call: random_bytes.random() < 0.5 for call in deaths}) as calls:
        _until_started(world, job)
        changes = [StreamChange.of(record) for record in world.stream.new()]
        _survived(partial(world.counting.count, world.stream.shard, changes))
    after, progress = world.jobs.job(TENANT, job.id)
    return Outcome(
        kills=[calls[death - 1] for death in deaths if death <= len(calls)],
        job=after,
        progress=progress,
        sends=receiver.sends,
        overlapping=receiver.overlapping,
        ends=_ends(world, endpoint),
    )


def _dead_ones(world: World, endpoint: Endpoint, count: int) -> None:
    world.answers[endpoint.url] = lambda _: answered(500)
    for number in range(count):
        event = Event(
            id=ids.new("evt", world.now, world.random_bytes(ids.RANDOM_BYTES)),
            tenant=TENANT,
            type="OrderReceivedEvent",
            time=world.now,
            data=ORDER,
            accepted_at=world.now,
        )
        world.dispatcher.take_event(event, world.context(f"event-{number}"))
        world.later(milliseconds=7)


def _until_started(world: World, job: Job) -> None:
    """Go through the job's executions, and all attempts, until each delivery was started."""
    # The test reads through clients of its own, which never fail.
    jobs = JobStore(Table(boto3.client("dynamodb"), world.settings.log_table_name))
    while (now := jobs.job(TENANT, job.id)) and now.next_step_at:
        run = JobRun(tenant=TENANT, job_id=job.id, run=now.run)
        stepped = _survived(partial(world.stepping.step, run))
        world.later(seconds=stepped.run.wait_seconds)
        _dispatch(world)
        _survived(world.sweeper.sweep)
    _dispatch(world)


def _dispatch(world: World) -> None:
    """Work on all messages of RetryQueue; one whose dispatcher dies is shown again later."""
    sqs: Any = boto3.client("sqs")  # of SQS itself, which does not die
    url = world.settings.retry_queue_url
    make_due(world)
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in found:
            task = Task.model_validate_json(message["Body"])
            try:
                world.dispatcher.take_task(task, world.context(message["MessageId"]))
            except Died:
                world.later(minutes=6)
            else:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        make_due(world)


def _survived(work: Callable[[], _T]) -> _T:
    while True:
        try:
            return work()
        except Died:
            continue


def _ends(world: World, endpoint: Endpoint) -> Counter[tuple[DeliveryStatus, tuple[int, ...]]]:
    """The states of all deliveries by one scan: moto examines every item for each query."""
    client = boto3.client("dynamodb")
    pages = client.get_paginator("scan").paginate(TableName=world.settings.log_table_name)
    status: dict[str, DeliveryStatus] = {}
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for page in pages:
        for item in page["Items"]:
            kind, _, rest = item["sk"]["S"].partition("#")
            endpoint_id, _, number = rest.partition("#")
            if kind != "delivery" or endpoint_id != endpoint.id:
                continue
            if number:
                numbers[item["pk"]["S"]].append(int(number))
            else:
                status[item["pk"]["S"]] = DeliveryStatus(item["status"]["S"])
    return Counter((each, tuple(sorted(numbers[pk]))) for pk, each in status.items())
