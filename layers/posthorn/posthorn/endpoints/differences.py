"""What differs between two documents, field by field."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from posthorn.core.errors import pointer

_CHOICES = ("kind", "mode")  # which of several shapes an object has


@dataclass(frozen=True)
class FieldDifference:
    """`field` is a JSON pointer (RFC 6901); None is what a side does not have."""

    field: str
    before: Any
    after: Any


def between(
    before: Mapping[str, Any], after: Mapping[str, Any], at: str = ""
) -> Iterator[FieldDifference]:
    """Yield what differs, by the deepest object that both have. A list differs as a whole."""
    for name in [*before, *(each for each in after if each not in before)]:
        field = at + pointer(name)
        old, new = before.get(name), after.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping) and _alike(old, new):
            yield from between(old, new, field)
        elif old != new:
            yield FieldDifference(field, old, new)


def _alike(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether both are of one shape: in another shape, a field of the same name is another."""
    return all(old.get(choice) == new.get(choice) for choice in _CHOICES)
