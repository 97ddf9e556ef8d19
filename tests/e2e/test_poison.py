"""A message that no dispatcher can handle ends in the dead-letter queue, alone."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from local import seed
from tests.e2e.flow import after, new_flow
from tests.e2e.stack import Running, eventually

NOT_JSON = "poison "


@pytest.fixture(autouse=True)
def _impatient(stack: Running) -> Iterator[None]:
    """A message that failed comes back after 360 s (template.yaml), five times: too long for a test.

    Nothing here is in work for as long as a second, so nothing else comes back because of this.
    """
    with ExitStack() as restored:
        for queue in ("EventQueue", "RetryQueue"):
            restored.enter_context(_visible_after(stack, queue, seconds=1))
        yield


@contextmanager
def _visible_after(stack: Running, queue: str, *, seconds: int) -> Iterator[None]:
    sqs, url = stack.client("sqs"), stack.resources[queue]
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(seconds)})
    yield
    sqs.set_queue_attributes(QueueUrl=url, Attributes=before["Attributes"])


def test_poison_ends_in_the_dead_letter_queue_and_the_rest_of_its_batch_is_delivered(
    stack: Running,
) -> None:
    flow = new_flow(stack, "/ok")
    flaky = new_flow(stack, "/fail/1", retry=after(0.1))
    poison = {queue: NOT_JSON + secrets.token_hex(8) for queue in ("EventQueue", "RetryQueue")}
    sqs = stack.client("sqs")
    accepted = []
    for queue, body in poison.items():
        entries = [{"Id": "poison", "MessageBody": body}]
        sqs.send_message_batch(QueueUrl=stack.resources[queue], Entries=entries)
    answer = flow.api.call("POST", "/v1/events", body={"events": [seed.JOB] * 9})
    retried = flaky.publish()

    accepted = {each["id"] for each in answer["results"]}
    eventually(lambda: {request.webhook_id for request in flow.came} == accepted)
    flaky.until(retried, "succeeded")
