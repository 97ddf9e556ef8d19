"""Pages of lists: the answer's shape, the cut, and the refusal of a bad cursor."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Generic, TypeVar

from pydantic import ConfigDict, Field

from posthorn.core.errors import InvalidError
from posthorn.models.base import Model

T = TypeVar("T")
ONLY_IF_SET: Any = Field(default=None, exclude_if=lambda value: value is None)


def _page_example(schema: dict[str, Any], listed: type[Any]) -> None:
    (kind,) = listed.__pydantic_generic_metadata__["args"]
    items = kind.model_config.get("json_schema_extra", {}).get("examples", [])
    schema["examples"] = [{"items": items, "next_cursor": None}]


class Listed(Model, Generic[T]):
    """One page, and the cursor of the next."""

    model_config = ConfigDict(json_schema_extra=_page_example)

    items: list[T]
    next_cursor: str | None = None


def cut_page(rows: Iterable[T], limit: int, key: Callable[[T], str]) -> tuple[list[T], str | None]:
    """The first `limit` rows and the next page's cursor: `key` of the last row, None at the end."""
    read = list(islice(rows, limit + 1))
    return read[:limit], key(read[limit - 1]) if len(read) > limit else None


def check_cursor(cursor: str | None, is_valid: Callable[[str], bool]) -> None:
    """Raise InvalidError for a cursor that no list returned."""
    if cursor is not None and not is_valid(cursor):
        raise bad_cursor()


def bad_cursor() -> InvalidError:
    return InvalidError.at("cursor", "is not a cursor that this API returned")
