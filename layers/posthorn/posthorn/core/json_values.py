"""Equality and numbers of JSON, where Python's differ: `True == 1`, `int("1_0")` is 10."""

import re
from typing import Any

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def equal(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal at every level; `true` is no number, `1` equals `1.0`."""
    stack = [(left, right)]
    while stack:
        one, other = stack.pop()
        if isinstance(one, list) and isinstance(other, list):
            if len(one) != len(other):
                return False
            stack.extend(zip(one, other, strict=True))
        elif isinstance(one, dict) and isinstance(other, dict):
            if one.keys() != other.keys():
                return False
            stack.extend((value, other[name]) for name, value in one.items())
        elif isinstance(one, bool) is not isinstance(other, bool) or one != other:
            return False
    return True


def number(text: str) -> int | float | None:
    """The number that the text is in JSON (RFC 8259 §6); None for any other text."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    return float(text) if match[1] or match[2] else int(text)
