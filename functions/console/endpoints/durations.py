"""Lengths of time and numbers as they are typed: exactly, unlike `wording.span`."""

import re
from collections.abc import Iterable

_SIZES = {"d": 86_400, "h": 3600, "min": 60}
_NAMES = {
    **dict.fromkeys(("", "s", "sec", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
}
_LENGTH = re.compile(r"([0-9]{1,9}|[0-9]{0,9}\.[0-9]{1,20})\s*([a-z]*)", re.IGNORECASE)


def number(value: float) -> str:
    """`15`, `0.5`: without a point where none is needed, and with no exponent."""
    return f"{value:.0f}" if value == int(value) else repr(float(value))


def written(seconds: float) -> str:
    """`5 s`, `90 s`, `2 min`: in the largest unit that it is a whole number of."""
    for unit, size in _SIZES.items():
        if seconds and seconds % size == 0:
            return f"{number(seconds / size)} {unit}"
    return f"{number(seconds)} s"


def listed(lengths: Iterable[float]) -> str:
    return ", ".join(map(written, lengths))


def read(text: str) -> float | str:
    """Seconds, without a unit too; or the text as it is when it is no length of time."""
    match = _LENGTH.fullmatch(text.strip())
    size = _NAMES.get(match[2].lower()) if match else None
    return float(match[1]) * size if match and size else text
