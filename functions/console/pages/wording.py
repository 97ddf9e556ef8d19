"""Wording of times, durations and counts."""

import re
from datetime import UTC, datetime, timedelta

MINUTE, HOUR, DAY = 60, 3600, 86_400
_UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1, "s"))


def clock(moment: datetime) -> str:
    """`23 Nov 2026, 10:00:00 UTC`; the script converts it to the reader's time zone."""
    return f"{moment.astimezone(UTC):%-d %b %Y, %H:%M:%S} UTC"


def short_clock(moment: datetime) -> str:
    """`23 Nov, 10:00:00 UTC`, for lists; the script converts it to the reader's time zone."""
    return f"{moment.astimezone(UTC):%-d %b, %H:%M:%S} UTC"


def ago(moment: datetime, now: datetime) -> str:
    """`3 min ago`, `in 20 s`, `just now`: the largest unit that fits."""
    seconds = (now - moment).total_seconds()
    if abs(seconds) < 1:
        return "just now"
    size, unit = next(((size, unit) for size, unit in _UNITS if abs(seconds) >= size), (1, "s"))
    amount = f"{int(abs(seconds) // size)} {unit}"
    return f"{amount} ago" if seconds > 0 else f"in {amount}"


def span(length: timedelta | float) -> str:
    """`22 h 4 min`, `5 s`, `0.5 s`, `41 ms`: the two largest units. A number is seconds."""
    seconds = length.total_seconds() if isinstance(length, timedelta) else float(length)
    if seconds < 1:
        return f"{round(seconds * 1000)} ms" if 0 < seconds < 0.1 else f"{seconds:g} s"
    if seconds < MINUTE:
        return f"{round(seconds, 1):g} s"
    parts = []
    rest = round(seconds)
    for size, unit in _UNITS:
        amount, rest = divmod(rest, size)
        if amount:
            parts.append(f"{amount} {unit}")
    return " ".join(parts[:2])


def count(number: int, thing: str, things: str = "") -> str:
    """`1 endpoint`, `1,204 endpoints`."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def sentence(text: str) -> str:
    """The text with a capital at its beginning and a full stop at its end."""
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")


def percent(share: float) -> str:
    """`100 %`, `99.9 %`: never rounded up to 100 % nor down to 0 %."""
    shown = round(100 * share, 1)
    if shown == 100 and share < 1:
        shown = 99.9
    if shown == 0 and share > 0:
        shown = 0.1
    return f"{shown:g} %"


def field(name: str, *, numbered: bool = True) -> str:
    """The readable name of a field: `rules/0/on_update` is `rules 1 on update`."""
    parts = name.strip("/").replace("_", " ").split("/")
    if numbered:
        parts = [str(int(each) + 1) if re.fullmatch("[0-9]{1,6}", each) else each for each in parts]
    return " ".join(parts)
