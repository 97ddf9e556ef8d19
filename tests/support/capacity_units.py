"""Capacity units as DynamoDB charges them for the calls made; sizes and indexes by the template.

An item's size is that of its attributes' names and values. A write costs one unit a kilobyte of the
larger of the item before and after, twice that in a transaction, and the same again for each index
whose entry it adds, changes or removes; an entry whose key changes costs both.

A read costs a unit for 4 KiB, or half of one where it need not be consistent: a query for all that
it read together, anything else for each item, and for one that is not there as for the smallest.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import boto3

from tests.support import template_facts
from tests.support.world import World

Item = dict[str, dict[str, Any]]


@dataclass
class Meter:
    writes: list[tuple[str, int]] = field(default_factory=list)
    reads: list[tuple[str, float]] = field(default_factory=list)
    rows_read: int = 0  # of LogTable, by queries

    @property
    def units(self) -> int:
        return sum(units for _, units in self.writes)

    @property
    def read_units(self) -> float:
        return sum(units for _, units in self.reads)


@contextmanager
def metered(world: World) -> Iterator[Meter]:
    """Count the units of all calls to LogTable and ConfigTable within the block."""
    meter = Meter()
    reader = boto3.client("dynamodb")
    pending: list[tuple[str, str, Any, Item, int]] = []
    asked: dict[str, Any] = {}

    def before(params: Any, model: Any, **_: Any) -> None:
        asked[model.name] = params
        for table, key, factor in _written(model.name, params):
            item = reader.get_item(TableName=table, Key=key).get("Item", {})
            pending.append((model.name, table, key, item, factor))

    def after(model: Any, parsed: Any, **_: Any) -> None:
        units = _read_units(model.name, asked[model.name], parsed)
        if units:
            meter.reads.append((model.name, units))
            if asked[model.name].get("TableName") == "LogTable":
                meter.rows_read += parsed.get("ScannedCount", 0)
        for name, table, key, old, factor in pending:
            new = reader.get_item(TableName=table, Key=key).get("Item", {})
            meter.writes.append((f"{name} {table}", factor * _units(table, old, new)))
        pending.clear()

    events = world.dynamodb.meta.events
    events.register("provide-client-params.dynamodb.*", before)
    events.register("after-call.dynamodb.*", after)
    try:
        yield meter
    finally:
        events.unregister("provide-client-params.dynamodb.*", before)
        events.unregister("after-call.dynamodb.*", after)


def _read_units(operation: str, params: Any, answer: Any) -> float:
    if operation == "Query":
        return _read_cost(params, sum(size(item) for item in answer["Items"]))
    if operation == "GetItem":
        return _read_cost(params, size(answer.get("Item", {})))
    if operation == "BatchGetItem":
        found = {name: list(answer["Responses"].get(name, [])) for name in params["RequestItems"]}
        return sum(
            _read_cost(request, size(found[name].pop()) if found[name] else 0)
            for name, request in params["RequestItems"].items()
            for _ in request["Keys"]
        )
    return 0


def _read_cost(request: Any, read_bytes: int) -> float:
    return max(1, ceil(read_bytes / 4096)) * (1 if request.get("ConsistentRead") else 0.5)


def _written(operation: str, params: Any) -> Iterator[tuple[str, Item, int]]:
    if operation == "TransactWriteItems":
        for each in params["TransactItems"]:
            ((kind, request),) = each.items()
            yield from ((t, k, 2) for t, k, _ in _written(f"{kind}Item", request))
    elif operation == "PutItem":
        item = params["Item"]
        yield params["TableName"], {"pk": item["pk"], "sk": item["sk"]}, 1
    elif operation in ("UpdateItem", "DeleteItem"):
        yield params["TableName"], params["Key"], 1


def _units(table: str, old: Item, new: Item) -> int:
    indexes = template_facts.table_arguments(table, table).get("GlobalSecondaryIndexes", [])
    return _cost(max(size(old), size(new))) + sum(
        _index_units(index, old, new) for index in indexes
    )


def _index_units(index: Any, old: Item, new: Item) -> int:
    keys = [each["AttributeName"] for each in index["KeySchema"]]
    kept = {"pk", "sk", *keys, *index["Projection"].get("NonKeyAttributes", ())}
    before, after = _entry(old, keys, kept), _entry(new, keys, kept)
    if before == after:
        return 0
    if before and after and any(before[key] != after[key] for key in keys):
        return _cost(size(before)) + _cost(size(after))
    return _cost(max(size(before), size(after)))


def _entry(item: Item, keys: list[str], kept: set[str]) -> Item:
    if not all(key in item for key in keys):
        return {}
    return {name: value for name, value in item.items() if name in kept}


def size(item: Item) -> int:
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return (len(content) + 1) // 2 + 1
    return len(content)


def _cost(item_bytes: int) -> int:
    return max(1, ceil(item_bytes / 1024))
