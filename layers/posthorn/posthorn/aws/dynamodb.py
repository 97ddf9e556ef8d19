"""DynamoDB with plain values; failed conditions and failures of the service are distinct errors."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from time import sleep
from typing import TYPE_CHECKING, Any, cast

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError

from posthorn.core.errors import UnavailableError
from posthorn.models import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CONFLICT_TRIES = 5  # the last after 160 ms
READ_TRIES = 8  # of keys that a throttled table leaves out; the last after 1.3 s
_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


class ConditionFailed(Exception):  # noqa: N818 - a result, not a failure
    """The condition did not hold; nothing was written."""


class _ConflictError(UnavailableError):
    pass


def condition_holds(write: Callable[[], None]) -> bool:
    """Run a conditional write; False if its condition failed."""
    try:
        write()
    except ConditionFailed:
        return False
    return True


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "ConditionalCheckFailedException":
            raise ConditionFailed from error
        reasons = {each.get("Code") for each in error.response.get("CancellationReasons", ())}
        if "ConditionalCheckFailed" in reasons:
            raise ConditionFailed from error
        if "TransactionConflict" in reasons or code == "TransactionConflictException":
            raise _ConflictError("another write to the same item was in progress") from error
        raise UnavailableError(f"the table did not answer: {code}") from error
    except BotoCoreError as error:
        raise UnavailableError("the table did not answer") from error


class Table:
    """One table. Expressions use `#name` for attributes and `:name` for values, bound here."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self.name = name

    def get(self, key: Item, *, consistent: bool = True) -> Item | None:
        with _translated_errors():
            answer = self._client.get_item(
                TableName=self.name, Key=_marshal(key), ConsistentRead=consistent
            )
        return next(_live(answer["Item"]), None) if "Item" in answer else None

    def put(self, item: Item, *, condition: str | None = None, values: Item | None = None) -> None:
        with _translated_errors():
            self._client.put_item(**self.put_request(item, condition=condition, values=values))

    def put_request(
        self, item: Item, *, condition: str | None = None, values: Item | None = None
    ) -> Any:
        return {
            "TableName": self.name,
            "Item": _marshal(item),
            **_expressions(condition=condition, values=values),
        }

    def update(
        self,
        key: Item,
        changes: Item,
        *,
        condition: str | None = None,
        values: Item | None = None,
        increments: Mapping[str, int] | None = None,
    ) -> None:
        """Set each attribute of `changes`, or remove it where its value is None; add increments."""
        request = self.update_request(
            key, changes, condition=condition, values=values, increments=increments
        )
        with _translated_errors():
            self._client.update_item(**request)

    def update_request(
        self,
        key: Item,
        changes: Item,
        *,
        condition: str | None = None,
        values: Item | None = None,
        increments: Mapping[str, int] | None = None,
    ) -> Any:
        sets = {name: value for name, value in changes.items() if value is not None}
        removed = [name for name, value in changes.items() if value is None]
        expression = "SET " + ", ".join(f"#{name} = :new_{name}" for name in sets) if sets else ""
        if removed:
            expression += " REMOVE " + ", ".join(f"#{name}" for name in removed)
        if increments:
            expression += " ADD " + ", ".join(f"#{name} :add_{name}" for name in increments)
        new = {f"new_{name}": value for name, value in sets.items()}
        added = {f"add_{name}": value for name, value in (increments or {}).items()}
        return {
            "TableName": self.name,
            "Key": _marshal(key),
            "UpdateExpression": expression,
            **_expressions(
                condition=condition,
                values={**(values or {}), **new, **added},
                extra=expression,
            ),
        }

    def delete(
        self, key: Item, *, condition: str | None = None, values: Item | None = None
    ) -> None:
        with _translated_errors():
            self._client.delete_item(**self.delete_request(key, condition=condition, values=values))

    def delete_request(
        self, key: Item, *, condition: str | None = None, values: Item | None = None
    ) -> Any:
        return {
            "TableName": self.name,
            "Key": _marshal(key),
            **_expressions(condition=condition, values=values),
        }

    def write_together(self, requests: Sequence[Mapping[str, Any]]) -> None:
        """Write in one transaction; each request is `{"Put": put_request(...)}` or similar.

        Costs twice the write units. DynamoDB refuses the whole with a conflict while another write
        to one of the items is under way, so it is tried again, after 10 to 160 ms.
        """
        for tried in range(CONFLICT_TRIES):
            try:
                with _translated_errors():
                    self._client.transact_write_items(TransactItems=cast(Any, requests))
            except _ConflictError:
                if tried == CONFLICT_TRIES - 1:
                    raise
                _back_off(tried)
            else:
                return

    def query(
        self,
        condition: str,
        values: Item,
        *,
        index: str | None = None,
        newest_first: bool = False,
        page: int | None = None,
    ) -> Iterator[Item]:
        """Yield matching items; each page is read when the previous one is used up."""
        after: Item | None = None
        while True:
            found, after = self.query_page(
                condition, values, index=index, newest_first=newest_first, limit=page, after=after
            )
            yield from found
            if after is None:
                return

    def query_page(
        self,
        condition: str,
        values: Item,
        *,
        index: str | None = None,
        newest_first: bool = False,
        limit: int | None = None,
        after: Item | None = None,
    ) -> tuple[list[Item], Item | None]:
        """One page of matching items, and the key after which to continue, None at the end.

        The table is read consistently; an index cannot be.
        """
        arguments: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": condition,
            "ScanIndexForward": not newest_first,
            **({"IndexName": index} if index else {"ConsistentRead": True}),
            **({"Limit": limit} if limit else {}),
            **({"ExclusiveStartKey": _marshal(after)} if after else {}),
            **_expressions(condition=None, values=values, extra=condition),
        }
        with _translated_errors():
            answer = self._client.query(**arguments)
        last = answer.get("LastEvaluatedKey")
        return list(_live(*answer["Items"])), _unmarshal(last) if last else None

    def scan(self, condition: str, values: Item) -> Iterator[Item]:
        """Yield matching items of the whole table, all of which is read and paid for."""
        arguments: dict[str, Any] = {
            "TableName": self.name,
            "FilterExpression": condition,
            "ConsistentRead": True,
            **_expressions(condition=None, values=values, extra=condition),
        }
        while True:
            with _translated_errors():
                answer = self._client.scan(**arguments)
            yield from _live(*answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def get_many(self, keys: list[Item], *, consistent: bool = True) -> list[Item]:
        """Read up to 100 items; missing ones are omitted."""
        requested: Any = {
            self.name: {"Keys": [_marshal(key) for key in keys], "ConsistentRead": consistent}
        }
        found: list[Item] = []
        for tried in count():
            with _translated_errors():
                answer = self._client.batch_get_item(RequestItems=requested)
            found.extend(_live(*answer["Responses"].get(self.name, [])))
            requested = answer.get("UnprocessedKeys")
            if not requested:
                break
            if tried == READ_TRIES - 1:
                raise UnavailableError("the table did not read all items: it is throttled")
            _back_off(tried)
        return found


def _back_off(tried: int) -> None:
    """Wait 10 ms, twice as long after each try, ±50 % so that writers do not meet again."""
    sleep(0.01 * 2**tried * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load


def _expressions(*, condition: str | None, values: Item | None, extra: str = "") -> dict[str, Any]:
    text = f"{condition or ''} {extra}"
    names = {word.strip("(),") for word in text.replace("(", " ").split() if word.startswith("#")}
    arguments: dict[str, Any] = {}
    if condition:
        arguments["ConditionExpression"] = condition
    if names:
        arguments["ExpressionAttributeNames"] = {name: name[1:] for name in names}
    if values:
        arguments["ExpressionAttributeValues"] = {
            f":{name}": _serialize(value) for name, value in values.items()
        }
    return arguments


def _marshal(item: Item) -> Any:
    return {name: _serialize(value) for name, value in item.items()}


def _unmarshal(item: Mapping[str, Any]) -> Item:
    return {name: _plain(_deserialize(value)) for name, value in item.items()}


def utcnow() -> datetime:
    return datetime.now(UTC)


def _live(*found: Mapping[str, Any]) -> Iterator[Item]:
    """The items that have not expired: DynamoDB removes an expired one within days."""
    now = utcnow().timestamp()
    read = (_unmarshal(item) for item in found)
    return (item for item in read if item.get("expires_at", now) >= now)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value)  # the tables have whole numbers only
    return cast(Any, value).value if isinstance(value, Binary) else value
