"""A message that no dispatcher can handle ends in the dead-letter queue, alone."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import pytest

from local import seed
from tests.e2e.flow import new_flow
from tests.e2e.stack import Running, eventually

QUEUES = ("EventQueue", "RetryQueue")
POISON = "no JSON at all"


@pytest.fixture
def come_back_after(stack: Running) -> Iterator[Callable[[int], None]]:
    """Set the visibility timeout of the queues.

    It is 360 s in template.yaml, and a test cannot wait five times that long.
    """
    sqs = stack.client("sqs")
    urls = [stack.resources[queue] for queue in QUEUES]
    asked = sqs.get_queue_attributes(QueueUrl=urls[0], AttributeNames=["VisibilityTimeout"])
    before = int(asked["Attributes"]["VisibilityTimeout"])

    def set_to(seconds: int) -> None:
        for url in urls:
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(seconds)})

    yield set_to
    set_to(before)


@contextmanager
def _one_batch(stack: Running, mapping: str) -> Iterator[None]:
    """Messages that arrive within the block are received as one batch at its end."""
    functions, uuid = stack.client("lambda"), stack.resources[mapping]
    functions.update_event_source_mapping(UUID=uuid, Enabled=False)
    yield
    functions.update_event_source_mapping(UUID=uuid, Enabled=True)


def test_poison_ends_in_the_dead_letter_queue_and_the_rest_of_its_batch_is_delivered(
    stack: Running, come_back_after: Callable[[int], None]
) -> None:
    sqs, flow = stack.client("sqs"), new_flow(stack, "/ok")
    earlier = flow.until(flow.publish(), "succeeded")
    come_back_after(1)

    with ExitStack() as batches:
        for mapping in ("EventMapping", "RetryMapping"):
            batches.enter_context(_one_batch(stack, mapping))
        for queue in QUEUES:
            sqs.send_message(QueueUrl=stack.resources[queue], MessageBody=POISON)
        answer = flow.api.call("POST", "/v1/events", body={"events": [seed.JOB] * 5})
        flow.resend(earlier)
    for event_id in (each["id"] for each in answer["results"]):
        flow.until(event_id, "succeeded")
    flow.until(earlier["event_id"], "succeeded", attempts=2)
    come_back_after(0)  # there is nothing left in the queues but the poison

    for queue in ("EventDeadLetterQueue", "RetryDeadLetterQueue"):
        messages = eventually(partial(_taken, sqs, stack.resources[queue]))
        assert [message["Body"] for message in messages] == [POISON]
    assert len(flow.came) == 1 + 5 + 1  # no other message was repeated


def _taken(sqs: Any, url: str) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = sqs.receive_message(QueueUrl=url).get("Messages", [])
    for message in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return messages
