"""The comparison that the e2e run feeds with the calls its functions made."""

from collections.abc import Mapping
from typing import Any

from tests.support.iam_recording import Grant, compare, granted, polled

PHYSICAL = {
    "ConfigTable": "posthorn-ConfigTable-1A2B",
    "LogTable": "posthorn-LogTable-3C4D",
    "EventQueue": "http://127.0.0.1:4566/000000000000/posthorn-EventQueue-5E6F",
    "RetryQueue": "http://127.0.0.1:4566/000000000000/posthorn-RetryQueue-7A8B",
    "RetryStateMachine": "arn:aws:states:eu-north-1:000000000000:stateMachine:posthorn-Retry-9C",
    "SecretsKey": "0f1e2d3c-0000-4000-8000-000000000000",
}


def call(function: str, action: str, *resources: str) -> Mapping[str, Any]:
    service, _, name = action.partition(":")
    return {"function": function, "service": service, "action": name, "resources": resources}


def not_allowed(*calls: Mapping[str, Any]) -> list[Grant]:
    return compare(calls, PHYSICAL).not_allowed


def test_calls_that_a_statement_names_are_allowed() -> None:
    assert not not_allowed(
        call("IngestFunction", "dynamodb:GetItem", "posthorn-ConfigTable-1A2B"),
        call("IngestFunction", "sqs:SendMessage", PHYSICAL["EventQueue"]),
        call("DispatcherFunction", "states:StartExecution", PHYSICAL["RetryStateMachine"]),
        call(
            "DispatcherFunction",
            "kms:Decrypt",
            f"arn:aws:kms:eu-north-1:000000000000:key/{PHYSICAL['SecretsKey']}",
        ),
        call("SweeperFunction", "dynamodb:Query", "posthorn-LogTable-3C4D/index/due"),
    )


def test_a_batch_of_messages_needs_the_permission_of_one_message() -> None:
    assert not not_allowed(call("IngestFunction", "sqs:SendMessageBatch", PHYSICAL["EventQueue"]))


def test_another_functions_permission_does_not_help() -> None:
    refused = not_allowed(call("SweeperFunction", "kms:Decrypt", PHYSICAL["SecretsKey"]))

    assert refused == [Grant("SweeperFunction", "kms:Decrypt", "SecretsKey")]


def test_permission_for_an_index_does_not_include_its_table() -> None:
    refused = not_allowed(call("SweeperFunction", "dynamodb:Query", "posthorn-LogTable-3C4D"))

    assert refused == [Grant("SweeperFunction", "dynamodb:Query", "LogTable")]


def test_a_call_that_names_no_resource_is_not_taken_for_allowed() -> None:
    assert not_allowed(call("DispatcherFunction", "kms:Decrypt"))


def test_permissions_that_no_call_used_are_listed_but_those_of_the_pollers() -> None:
    unused = set(compare([], PHYSICAL).never_used)

    assert unused == granted() - polled()
    assert Grant("IngestFunction", "sqs:SendMessage", "EventQueue") in unused
