"""The things of design.md §2, one class each, checked at every boundary they cross.

Frozen pydantic models: the same class reads an API body, an SQS message and a table item. Times are
aware and in UTC, durations carry their unit in the name. Unknown fields are refused.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

MAX_ATTEMPTS = 50  # design.md §6
MAX_RETRY_SPAN_SECONDS = 7 * 24 * 3600  # design.md §6
MAX_ENDPOINTS = 1000  # of one tenant: an event's item holds a decision for each
MASK = "••••"  # what an answer shows in place of a secret


def iso(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: sorts as text, and Step Functions reads it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Time = Annotated[
    AwareDatetime,
    AfterValidator(lambda moment: moment.astimezone(UTC)),
    PlainSerializer(iso, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
TenantId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
TypeName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")]
TypePattern = Annotated[
    str, StringConstraints(pattern=r"^(\*|[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\*?)$")
]


Item = dict[str, Any]  # of a DynamoDB table, in plain values


def expiry(moment: datetime) -> Item:
    """The attribute that ends an item's life: all items of an event share one moment."""
    return {"expires_at": int(moment.timestamp())}


def read_expiry(item: Item) -> datetime:
    return datetime.fromtimestamp(item["expires_at"], UTC)


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
