"""LogTable's stream as Lambda passes it on: records since the last read, filtered, as JSON."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

import boto3

from tests.support.template_facts import properties

Record = dict[str, Any]
PATTERNS = [
    json.loads(each["Pattern"]) for each in properties("StatsMapping")["FilterCriteria"]["Filters"]
]


class Stream:
    """The records of a table's one shard, each given out once."""

    def __init__(self, table_name: str) -> None:
        arn = boto3.client("dynamodb").describe_table(TableName=table_name)["Table"][
            "LatestStreamArn"
        ]
        self._client: Any = boto3.client("dynamodbstreams")
        (shard,) = self._client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        self.shard = shard["ShardId"]
        self._iterator = self._client.get_shard_iterator(
            StreamArn=arn, ShardId=self.shard, ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]

    def new(self) -> list[Record]:
        """The records since the last read that pass the filter of the template."""
        return [record for record in self._read() if any(matches(record, p) for p in PATTERNS)]

    def _read(self) -> Iterator[Record]:
        while True:
            answer = self._client.get_records(ShardIterator=self._iterator)
            self._iterator = answer["NextShardIterator"]
            if not answer["Records"]:
                return
            for record in answer["Records"]:
                told = record["dynamodb"]
                created_at = told.pop("ApproximateCreationDateTime").timestamp()
                yield {
                    **record,
                    "dynamodb": {**_as_json(told), "ApproximateCreationDateTime": created_at},
                }

    def event(self, records: list[Record]) -> dict[str, Any]:
        """The event that Lambda builds from a batch when the mapping has a tumbling window."""
        return {
            "Records": records,
            "window": {"start": "2026-11-23T10:00:00Z", "end": "2026-11-23T10:15:00Z"},
            "state": {},
            "shardId": self.shard,
            "eventSourceARN": "arn:aws:dynamodb:eu-north-1:123456789012:table/LogTable/stream/1",
            "isFinalInvokeForWindow": False,
            "isWindowTerminatedEarly": False,
        }


def matches(record: Any, pattern: Mapping[str, Any]) -> bool:
    """Lambda's filter rules, as far as the template uses them."""
    for name, wanted in pattern.items():
        found = record.get(name)
        if isinstance(wanted, Mapping):
            if not isinstance(found, Mapping) or not matches(found, wanted):
                return False
        elif not any(_allows(rule, found) for rule in wanted):
            return False
    return True


def _allows(rule: Any, found: Any) -> bool:
    match rule:
        case {"prefix": prefix}:
            return isinstance(found, str) and found.startswith(prefix)
        case {"exists": wanted}:
            return (found is not None) is wanted
    return bool(found == rule)


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _as_json(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_as_json(each) for each in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value
