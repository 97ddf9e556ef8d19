"""Direct changes of log items, to produce the state after a crash or after a long time."""

from typing import Any

from tests.e2e.stack import Running


def logged(stack: Running, sort_key: str, event_id: str) -> dict[str, Any]:
    """The item of the log that belongs to the event and has this sort key."""
    pages = (
        stack.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=stack.resources["LogTable"],
            FilterExpression="sk = :sk AND contains(pk, :event)",
            ExpressionAttributeValues={":sk": {"S": sort_key}, ":event": {"S": event_id}},
        )
    )
    (item,) = (item for page in pages for item in page["Items"])
    found: dict[str, Any] = item
    return found


def set_attributes(stack: Running, item: dict[str, Any], **values: dict[str, str]) -> None:
    stack.client("dynamodb").update_item(
        TableName=stack.resources["LogTable"],
        Key={"pk": item["pk"], "sk": item["sk"]},
        UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in values),
        ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
    )
