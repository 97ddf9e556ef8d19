"""Step Functions: an execution of statemachines/retry.asl.json waits for the next attempt."""

from typing import TYPE_CHECKING

from posthorn.aws.step_functions import StateMachine
from posthorn.deliveries import state as progress
from posthorn.models import Delivery, iso

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


class RetryTimer:
    def __init__(self, client: "SFNClient", state_machine_arn: str) -> None:
        self._machine = StateMachine(client, state_machine_arn)

    def start(self, delivery: Delivery) -> None:
        """Wake the delivery at its `next_attempt_at`. Starting it twice is harmless."""
        if delivery.next_attempt_at is None:
            return
        task = progress.task(delivery)
        self._machine.start(
            f"{delivery.id}-{task.attempt}",
            {"at": iso(delivery.next_attempt_at), "message": task.model_dump(mode="json")},
        )
