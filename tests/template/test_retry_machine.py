"""The shipped state machine of retries: it waits for its cell, and calls the sweeper until done."""

import json
from typing import Any

from tests.support.template_facts import state_machine_definition

SWEEPER = "arn:aws:lambda:eu-north-1:123456789012:function:sweeper"
DEFINITION: dict[str, Any] = json.loads(
    state_machine_definition("RetryStateMachine", SweeperFunctionArn=SWEEPER)
)
STATES = DEFINITION["States"]


def test_it_waits_until_the_cell_begins_and_only_then_calls_the_sweeper() -> None:
    wait = STATES[DEFINITION["StartAt"]]
    call = STATES[wait["Next"]]

    assert (wait["Type"], wait["TimestampPath"]) == ("Wait", "$.from")
    assert call["Parameters"] == {"FunctionName": SWEEPER, "Payload.$": "$"}


def test_it_calls_again_with_the_answer_while_there_is_more() -> None:
    call = STATES["QueueDueDeliveries"]
    choice = STATES[call["Next"]]

    assert call["OutputPath"] == "$.Payload"
    assert choice["Choices"] == [
        {"Variable": "$.more", "BooleanEquals": True, "Next": "QueueDueDeliveries"}
    ]
    assert STATES[choice["Default"]]["Type"] == "Succeed"


def test_a_call_is_tried_again_on_any_error() -> None:
    (retry,) = STATES["QueueDueDeliveries"]["Retry"]

    assert retry["ErrorEquals"] == ["States.ALL"]
    assert retry["MaxAttempts"] >= 5
    assert retry["BackoffRate"] > 1
    assert retry["JitterStrategy"] == "FULL"
