"""Transactions of moto that do not copy the whole table each, to be able to roll back.

Conditions are checked before anything is written, as DynamoDB does, so there is nothing to undo.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from moto.dynamodb.comparisons import get_filter_expression
from moto.dynamodb.exceptions import ConditionalCheckFailed, TransactionCanceledException
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table

_write = DynamoDBBackend.transact_write_items


@contextmanager
def quick_transactions() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DynamoDBBackend, "transact_write_items", _checked_first)
        patch.setattr(Table, "__deepcopy__", lambda table, _: table, raising=False)
        yield


def _checked_first(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    errors = [_error(backend, each) for each in transact_items]
    if any(errors):
        raise TransactionCanceledException([each or (None, None, None) for each in errors])
    _write(backend, transact_items)


def _error(backend: DynamoDBBackend, item: dict[str, Any]) -> Any:
    (request,) = item.values()
    key = request.get("Key") or {name: request["Item"][name] for name in ("pk", "sk")}
    condition = get_filter_expression(
        request.get("ConditionExpression"),
        request.get("ExpressionAttributeNames"),
        request.get("ExpressionAttributeValues"),
    )
    current = backend.get_item(request["TableName"], key)
    if condition.expr(current):
        return None
    return "ConditionalCheckFailed", str(ConditionalCheckFailed().message), None
