"""A recorder of the functions' AWS calls. A copy of this file runs inside the functions.

One JSON line per call: function, service, IAM action (without its prefix) and named resources.
"""

import json
import os
from collections.abc import Iterator
from typing import Any

from botocore import handlers
from botocore.model import OperationModel

CALLS_FILE = "POSTHORN_CALLS_FILE"
NAMES_A_RESOURCE = ("QueueUrl", "KeyId", "stateMachineArn", "executionArn", "TopicArn")
# IAM checks a transaction as its single-item calls.
TRANSACTION_ACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}


def record(params: dict[str, Any], model: OperationModel, **_: object) -> None:
    """Append the lines in one write, which is atomic for a file opened for appending."""
    who = {
        "function": os.environ["AWS_LAMBDA_FUNCTION_NAME"],
        "service": model.service_model.signing_name,
    }
    lines = [
        json.dumps(who | {"action": action, "resources": resources})
        for action, resources in _actions(model.name, params)
    ]
    file = os.open(os.environ[CALLS_FILE], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, "".join(f"{line}\n" for line in lines).encode())
    finally:
        os.close(file)


def _actions(operation: str, params: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    if "TransactItems" in params:
        for item in params["TransactItems"]:
            for kind, inner in item.items():
                yield TRANSACTION_ACTIONS[kind], _resources(inner)
    else:
        yield operation, _resources(params)


def _resources(params: dict[str, Any]) -> list[str]:
    named = [params[key] for key in NAMES_A_RESOURCE if key in params]
    if "Bucket" in params:
        named.append(f"{params['Bucket']}/{params['Key']}" if "Key" in params else params["Bucket"])
    if "TableName" in params:
        index = params.get("IndexName")
        named.append(f"{params['TableName']}/index/{index}" if index else params["TableName"])
    named += params.get("RequestItems", {})
    named += {
        entry["EventBusName"] for entry in params.get("Entries", ()) if "EventBusName" in entry
    }
    return named


if CALLS_FILE in os.environ:
    handlers.BUILTIN_HANDLERS.append(("provide-client-params", record))
