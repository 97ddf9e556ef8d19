"""Durations and numbers as text that reads back to the same value, unlike `wording.span`."""

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
    """`15`, `0.5`: no exponent, and no decimal point in a whole number."""
    return f"{value:.0f}" if value == int(value) else repr(float(value))


def written(seconds: float) -> str:
    """`5 s`, `90 s`, `2 min`: a whole number of the largest unit that divides it."""
    for unit, size in _SIZES.items():
        if seconds and seconds % size == 0:
            return f"{number(seconds / size)} {unit}"
    return f"{number(seconds)} s"


def listed(lengths: Iterable[float]) -> str:
    return ", ".join(map(written, lengths))


def read(text: str) -> float | str:
    """The number of seconds; a number needs no unit. Any other text is returned unchanged."""
    match = _LENGTH.fullmatch(text.strip())
    size = _NAMES.get(match[2].lower()) if match else None
    return float(match[1]) * size if match and size else text
