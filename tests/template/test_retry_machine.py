"""The shipped state machine, run by moto with the input that a dispatcher gives it."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from posthorn.models import iso
from tests.support.template_facts import state_machine_definition

MESSAGE = {
    "tenant": "acme",
    "event_id": "evt_01",
    "endpoint_id": "ep_01",
    "attempt": 2,
    "trigger": "retry",
}


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        yield


def finished(machine: Any, arn: str) -> dict[str, Any]:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        execution: dict[str, Any] = machine.describe_execution(executionArn=arn)
        if execution["status"] != "RUNNING":
            return execution
        time.sleep(0.02)
    raise AssertionError("the execution did not end")


def test_a_delivery_is_woken_when_it_is_due_and_not_before() -> None:
    sqs: Any = boto3.client("sqs")
    machine: Any = boto3.client("stepfunctions")
    queue = sqs.create_queue(QueueName="retries")["QueueUrl"]
    arn = machine.create_state_machine(
        name="retry",
        definition=state_machine_definition("RetryStateMachine", RetryQueueUrl=queue),
        roleArn="arn:aws:iam::123456789012:role/retry",
    )["stateMachineArn"]
    due = datetime.now(UTC) + timedelta(seconds=3)

    execution = machine.start_execution(
        stateMachineArn=arn, input=json.dumps({"at": iso(due), "message": MESSAGE})
    )
    ended = finished(machine, execution["executionArn"])

    assert ended["status"] == "SUCCEEDED"
    assert datetime.now(UTC) > due - timedelta(seconds=2)  # moto cuts both times to whole seconds
    (woken,) = sqs.receive_message(QueueUrl=queue, AttributeNames=["All"])["Messages"]
    assert json.loads(woken["Body"]) == MESSAGE
    assert woken["Attributes"]["MessageGroupId"] == "acme"


def test_sending_is_tried_again_on_any_error() -> None:
    states = json.loads(state_machine_definition("RetryStateMachine", RetryQueueUrl="q"))["States"]
    (retry,) = states["PutOnRetryQueue"]["Retry"]

    assert retry["ErrorEquals"] == ["States.ALL"]
    assert retry["MaxAttempts"] >= 5
    assert retry["BackoffRate"] > 1
    assert retry["JitterStrategy"] == "FULL"
