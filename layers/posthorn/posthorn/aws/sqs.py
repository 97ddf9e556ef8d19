"""SQS: EventQueue carries events, RetryQueue single deliveries to attempt."""

import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from posthorn.core.errors import UnavailableError
from posthorn.models import Event, FanOut, Task

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

Message = Event | Task | FanOut
# SQS takes the characters of XML 1.0; of those that JSON text may contain, it refuses these two.
_NOT_CARRIED = re.compile("[\ufffe\uffff]")
BATCH_MESSAGES, BATCH_BYTES = 10, 1_048_576  # the limits of SendMessageBatch


class Queue:
    """A standard queue; `MessageGroupId`, the tenant, makes it fair between tenants."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def send(self, message: Message, *, delay_seconds: int = 0) -> None:
        """Return after SQS has accepted the message; raise UnavailableError."""
        if self.send_all([message], delays=[delay_seconds]):
            raise UnavailableError("the queue did not accept the message")

    def depth(self, *, with_delayed: bool = True) -> int:
        """The approximate number of messages: waiting, in flight and, on demand, delayed."""
        names: list[QueueAttributeNameType] = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
        ]
        if with_delayed:
            names.append("ApproximateNumberOfMessagesDelayed")
        try:
            answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)
        except (ClientError, BotoCoreError) as error:
            raise UnavailableError("the queue did not answer") from error
        return sum(int(answer["Attributes"][name]) for name in names)

    def send_all(
        self,
        messages: Iterable[Message],
        *,
        delays: Sequence[int] | None = None,
        pool: Executor | None = None,
    ) -> set[int]:
        """Send in as few calls as fit; return the positions of the messages that SQS refused.

        `delays` are the seconds until each becomes visible; a `pool` sends batches in parallel.
        """
        batches = list(_batches(messages, delays))
        sent = pool.map(self._send, batches) if pool else map(self._send, batches)
        return set().union(*sent)

    def _send(self, batch: list["SendMessageBatchRequestEntryTypeDef"]) -> set[int]:
        try:
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=batch)
        except (ClientError, BotoCoreError):
            return {int(entry["Id"]) for entry in batch}
        return {int(entry["Id"]) for entry in answer.get("Failed", ())}


def _escaped(body: str) -> str:
    """With JSON escapes for the characters that SQS does not carry."""
    return _NOT_CARRIED.sub(lambda match: f"\\u{ord(match[0]):04x}", body)


def _batches(
    messages: Iterable[Message], delays: Sequence[int] | None
) -> Iterator[list["SendMessageBatchRequestEntryTypeDef"]]:
    batch: list[SendMessageBatchRequestEntryTypeDef] = []
    size = 0
    for position, message in enumerate(messages):
        body = _escaped(message.model_dump_json(exclude_defaults=True))
        body_bytes = len(body.encode())
        if batch and (len(batch) == BATCH_MESSAGES or size + body_bytes > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append({"Id": str(position), "MessageBody": body, "MessageGroupId": message.tenant})
        if delays and delays[position]:
            batch[-1]["DelaySeconds"] = delays[position]
        size += body_bytes
    if batch:
        yield batch
