"""Wait for the next attempt in an execution of statemachines/retry.asl.json."""

from typing import TYPE_CHECKING

from posthorn.aws.step_functions import StateMachine
from posthorn.deliveries import state
from posthorn.models import Delivery, iso

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


class RetryTimer:
    def __init__(self, client: "SFNClient", state_machine_arn: str) -> None:
        self._machine = StateMachine(client, state_machine_arn)

    def start(self, delivery: Delivery) -> None:
        """Queue the next attempt at `next_attempt_at`. Starting it twice is harmless."""
        if delivery.next_attempt_at is None:
            return
        task = state.task(delivery)
        self._machine.start(
            f"{delivery.id}-{task.attempt}",
            {"at": iso(delivery.next_attempt_at), "message": task.model_dump(mode="json")},
        )
