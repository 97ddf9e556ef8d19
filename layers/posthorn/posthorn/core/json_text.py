"""Reading JSON of a client: a value that would change or be lost is named by a pointer.

Python's parser takes the last of two equal names, rounds numbers, and keeps halves of surrogate
pairs, which have no UTF-8.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from math import isinf
from typing import Any

from posthorn.core.errors import Violation, pointer

MAX_DIGITS = 4300  # of an integer: Python converts no more
_MOST_FLAWS = 50
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_HALF = "has half of a surrogate pair (U+D800 to U+DFFF), which is no character"
_ROUNDED = "would be rounded to {}: write at most 15 significant digits, or the number as a string"
_OUT_OF_RANGE = "is a number out of range: write it as a string"
_DIGITS = f"has more than {MAX_DIGITS} digits: write it as a string"
_TWICE = "this name is in the object twice"


@dataclass(frozen=True)
class _Flawed:
    """Takes the place of a number that Python would change."""

    message: str


class _Repeating(dict[str, Any]):
    """An object in which a name was repeated."""

    name: str = ""


@dataclass
class _Reading:
    """The hooks of one call of the parser; `found` is whether any of them met a flaw."""

    found: bool = False

    def number(self, text: str) -> float | _Flawed:
        value = float(text)
        if isinf(value):
            return self._flawed(_OUT_OF_RANGE)
        if Decimal(text) == Decimal(repr(value)):
            return value
        return self._flawed(_ROUNDED.format(repr(value)))

    def integer(self, text: str) -> int | _Flawed:
        is_long = len(text.removeprefix("-")) > MAX_DIGITS
        return self._flawed(_DIGITS) if is_long else int(text)

    def object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) == len(pairs):
            return made
        self.found = True
        repeating = _Repeating(made)
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                repeating.name = name
            seen.add(name)
        return repeating

    def _flawed(self, message: str) -> _Flawed:
        self.found = True
        return _Flawed(message)


def read(text: str) -> tuple[Any, list[Violation]]:
    """The document, and a violation for each value that could not be kept.

    Raise ValueError or RecursionError for text that is not JSON.
    """
    reading = _Reading()
    document = json.loads(
        text,
        parse_float=reading.number,
        parse_int=reading.integer,
        parse_constant=_refuse,
        object_pairs_hook=reading.object,
    )
    if not reading.found and not _ESCAPED_SURROGATE.search(text):
        return document, []
    return document, list(_flaws(document))


def _refuse(constant: str) -> None:
    raise ValueError(f"JSON has no {constant}")


def _flaws(document: Any) -> Iterator[Violation]:
    stack, count = [("", document)], 0
    while stack and count < _MOST_FLAWS:
        at, value = stack.pop()
        for each in _own_flaws(at, value):
            count += 1
            yield each
        if isinstance(value, dict):
            stack.extend((at + pointer(_written(name)), each) for name, each in value.items())
        elif isinstance(value, list):
            stack.extend((f"{at}/{index}", each) for index, each in enumerate(value))


def _own_flaws(at: str, value: Any) -> Iterator[Violation]:
    if isinstance(value, _Flawed):
        yield Violation(at, value.message)
    elif isinstance(value, str) and _SURROGATE.search(value):
        yield Violation(at, _HALF)
    elif isinstance(value, dict):
        if isinstance(value, _Repeating):
            yield Violation(at + pointer(_written(value.name)), _TWICE)
        if any(_SURROGATE.search(name) for name in value):
            yield Violation(at, f"has a name that {_HALF}")


def _written(name: str) -> str:
    return _SURROGATE.sub("�", name)
