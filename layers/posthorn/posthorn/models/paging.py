"""One page of a list, and the cursor of the next."""

from typing import Any, Generic, TypeVar

from pydantic import ConfigDict, Field

from posthorn.models.base import Model

T = TypeVar("T")
_ONLY_IF_THERE: Any = Field(default=None, exclude_if=lambda value: value is None)


def _page_example(schema: dict[str, Any], listed: type[Any]) -> None:
    (kind,) = listed.__pydantic_generic_metadata__["args"]
    items = kind.model_config.get("json_schema_extra", {}).get("examples", [])
    schema["examples"] = [{"items": items, "next_cursor": None}]


class Listed(Model, Generic[T]):
    """One page, and the cursor of the next."""

    model_config = ConfigDict(json_schema_extra=_page_example)

    items: list[T]
    next_cursor: str | None = None
