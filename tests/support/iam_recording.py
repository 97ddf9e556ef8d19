"""Compares the AWS calls that functions really made with what template.yaml allows them.

A recorded call is `{"function": logical id, "service": IAM prefix, "action": API operation,
"resources": [names, URLs or ARNs]}`, with a transaction already taken apart into its single-item
calls. Statements and calls are both brought down to logical ids, because ARNs exist only deployed.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from tests.support.template_facts import TEMPLATE, functions, of_type, statements

# Operations whose IAM action has another name (service authorization reference).
IAM_ACTIONS = {"SendMessageBatch": "SendMessage"}
# Calls that the Lambda service makes with the function's role: no function is recorded.
POLLING = {
    "Arn": ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    "StreamArn": (
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
    ),
}


# A resource with a name in the template may be referred to by a literal ARN.
_NAMED = {
    "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:"
    + own["Name"]["Fn::Sub"]: logical_id
    for logical_id, own in of_type("AWS::Serverless::StateMachine").items()
    if "Name" in own
}


class Grant(NamedTuple):
    function: str
    action: str  # `dynamodb:Query`
    resource: str  # `LogTable/index/due`, `event-bus/default`; empty when a call names none


class Comparison(NamedTuple):
    not_allowed: list[Grant]
    never_used: list[Grant]


def compare(calls: Iterable[Mapping[str, Any]], physical: Mapping[str, str]) -> Comparison:
    """Hold recorded calls against the statements. `physical` are physical ids by logical id."""
    made = {grant for call in calls for grant in _grants(call, physical)}
    allowed = granted()
    return Comparison(sorted(made - allowed), sorted(allowed - made - polled()))


def granted() -> set[Grant]:
    return {
        Grant(function, action, _symbol(resource))
        for function in functions()
        for statement in statements(function)
        for action in statement.actions
        for resource in statement.resources
    }


def polled() -> set[Grant]:
    return {
        Grant(mapping["FunctionName"]["Ref"], action, _symbol(mapping["EventSourceArn"]))
        for mapping in of_type("AWS::Lambda::EventSourceMapping").values()
        for action in POLLING[mapping["EventSourceArn"]["Fn::GetAtt"][1]]
    }


def _symbol(resource: Any) -> str:
    match resource:
        case {"Fn::GetAtt": [logical_id, "Arn"]} | {"Ref": logical_id}:
            return str(logical_id)
        case {"Fn::GetAtt": [logical_id, "StreamArn"]}:
            return f"{logical_id}/stream"
        case {"Fn::Sub": str(text)}:
            if text in _NAMED:
                return _NAMED[text]
            parameters = TEMPLATE["Parameters"]
            text = re.sub(r"\$\{(\w+)\.Arn}", r"\1", text)
            text = re.sub(
                r"\$\{(\w+)}",
                lambda named: str(parameters[named[1]]["Default"]),
                text,
            )
            return text.rpartition(":")[2]
    raise ValueError(f"no way to compare {resource!r}")


def _grants(call: Mapping[str, Any], physical: Mapping[str, str]) -> list[Grant]:
    action = f"{call['service']}:{IAM_ACTIONS.get(call['action'], call['action'])}"
    logical = {_last(made): logical_id for logical_id, made in physical.items()}
    return [
        Grant(call["function"], action, _logical(call["service"], resource, logical))
        for resource in call["resources"] or [""]
    ]


def _logical(service: str, resource: str, logical: Mapping[str, str]) -> str:
    if service == "events":
        return f"event-bus/{_last(resource)}"
    if service == "s3":
        bucket, folder, *_ = resource.split("/")
        return f"{logical.get(bucket, bucket)}/{folder}/*"
    made, slash, index = resource.partition("/index/")
    name = _last(made)
    return logical.get(name, name) + slash + index


def _last(identifier: str) -> str:
    """The part of an ARN or URL that names the thing."""
    return re.split(r"[:/]", identifier)[-1]
