"""Executions of statemachines/job.asl.json, run step by step by the test."""

import json
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.sqs import sqs_backends

from posthorn.deliveries.filters import DeliveryFilter, WithTests
from posthorn.jobs.runner import JobRun
from posthorn.models import Delivery
from tests.support.world import World


def started(world: World, job_id: str) -> list[JobRun]:
    """The inputs of a job's executions, in order of their number."""
    arn = world.settings.job_state_machine_arn
    listed = world.stepfunctions.list_executions(stateMachineArn=arn)["executions"]
    inputs = [
        world.stepfunctions.describe_execution(executionArn=each["executionArn"])["input"]
        for each in listed
        if each["name"].startswith(job_id)
    ]
    return sorted((JobRun(**json.loads(each)) for each in inputs), key=lambda run: run.run)


def step(world: World, job_id: str) -> JobRun:
    """Take the next step of the execution that was started last."""
    return world.stepping.step(started(world, job_id)[-1]).run


def run_to_end(world: World, job_id: str) -> int:
    """Go through the latest execution until it ends; return how many steps that took."""
    run, steps = started(world, job_id)[-1], 0
    while not run.done:
        run = world.stepping.step(run).run
        steps += 1
        world.later(seconds=run.wait_seconds)
    return steps


def make_due(world: World) -> None:
    """End the delays of RetryQueue's messages: moto counts them by the real clock."""
    backend: Any = sqs_backends[DEFAULT_ACCOUNT_ID][world.sqs.meta.region_name]
    for message in backend.queues["RetryQueue"]._messages:
        message.delayed_until = 0


def deliver(world: World) -> None:
    """Make all attempts that wait on RetryQueue."""
    make_due(world)
    world.take_tasks()


def of_tenant(world: World, tenant: str) -> dict[str, Delivery]:
    """Every delivery of the tenant by its event's id, tests too."""
    wanted = DeliveryFilter(test=WithTests.INCLUDE)
    page, _ = world.reader.page(tenant, wanted, limit=100)
    return {delivery.event_id: delivery for delivery in page}
