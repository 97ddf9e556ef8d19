"""Step Functions: an execution of statemachines/retry.asl.json waits for the next attempt."""

import json
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from posthorn.errors import UnavailableError
from posthorn.models import Delivery, Task, Trigger, iso

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


class RetryTimer:
    def __init__(self, client: "SFNClient", state_machine_arn: str) -> None:
        self._client = client
        self._state_machine_arn = state_machine_arn

    def start(self, delivery: Delivery) -> None:
        """Wake the delivery at its `next_attempt_at`. Starting it twice is harmless.

        The execution is named after delivery and attempt: while one of that name runs, and for 90
        days after it, AWS starts no second one.
        """
        if delivery.next_attempt_at is None:
            return
        attempt = delivery.attempt_count + 1
        task = Task(
            tenant=delivery.tenant,
            event_id=delivery.event_id,
            endpoint_id=delivery.endpoint_id,
            attempt=attempt,
            trigger=Trigger.RETRY,
        )
        document = {"at": iso(delivery.next_attempt_at), "message": task.model_dump(mode="json")}
        try:
            self._client.start_execution(
                stateMachineArn=self._state_machine_arn,
                name=f"{delivery.id}-{attempt}",
                input=json.dumps(document),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise UnavailableError("the retry could not be scheduled") from error
        except BotoCoreError as error:
            raise UnavailableError("the retry could not be scheduled") from error
