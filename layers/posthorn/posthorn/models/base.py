"""What all models share: their base class, named string types, times, and item attributes.

Models are frozen pydantic classes; the same class reads an API body, an SQS message and a table
item. Times are aware and in UTC, names of durations end in the unit, unknown fields are refused.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

MAX_ATTEMPTS = 50
MAX_RETRY_SPAN_SECONDS = 7 * 24 * 3600
MAX_ENDPOINTS = 1000  # per tenant: the item of an event holds one decision for each
MASK = "••••"  # shown in place of a secret


@dataclass(frozen=True)
class ErrorMessage:
    """The message of every validation error of the annotated type, in plain words."""

    text: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.custom_error_schema(
            handler(source), custom_error_type="broken_rule", custom_error_message=self.text
        )


def iso(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: sorts as text, and Step Functions accepts it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # the first or last hours of the calendar, in another time zone
        raise ValueError("is out of range") from None


def _written(value: Any) -> Any:
    """Complete an offset of hours; name the mistakes of a time that pydantic would not."""
    if not isinstance(value, str):
        return value
    if re.search(r"T.* [0-9]{2}:?[0-9]{2}$", value):
        raise ValueError("has a space before its offset: in a URL, write + as %2B")
    if re.search(r"T[0-9]{2}:[0-9]{2}:60", value):
        raise ValueError("is a leap second: write second 59")
    return f"{value}:00" if re.search(r"T.*[+-][0-9]{2}$", value) else value


WrittenTime = Annotated[datetime, BeforeValidator(_written)]
Time = Annotated[
    AwareDatetime,
    BeforeValidator(_written),
    AfterValidator(_utc),
    PlainSerializer(iso, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
TenantId = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$"),
    ErrorMessage("must be 1 to 40 lower-case letters, digits or hyphens, the first no hyphen"),
]
TypeName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$"),
    ErrorMessage(
        "must be 1 to 128 letters, digits, underscores, dots or hyphens,"
        " the first no dot and no hyphen"
    ),
]
TypePattern = Annotated[
    str,
    StringConstraints(pattern=r"^(\*|[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\*?)$"),
    ErrorMessage("must be the name of an event type, or its beginning followed by *, or *"),
]


Item = dict[str, Any]  # of a DynamoDB table, in plain values


def expiry(moment: datetime) -> Item:
    """The attribute for DynamoDB's TTL. All items of an event expire together."""
    return {"expires_at": int(moment.timestamp())}


def read_expiry(item: Item) -> datetime:
    return datetime.fromtimestamp(item["expires_at"], UTC)


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
