"""Warnings about settings that are valid and probably mistaken, with the nearest right name."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from posthorn.models import ConfigWarning

_MAX_SHOWN = 200


@dataclass(frozen=True)
class Warn:
    """Makes the warnings about one field, whose pointer it has."""

    field: str

    def __call__(self, message: str, suggestion: str | None = None) -> ConfigWarning:
        return ConfigWarning(
            field=self.field,
            message=_cut(message),
            suggestion=_cut(suggestion) if suggestion else None,
        )


def nearest(name: str, known: Iterable[str], before: str = "") -> str | None:
    """The question for the nearest name, compared without case; None if none is near."""
    in_lower_case = {each.lower(): each for each in known}
    near = get_close_matches(name.lower(), in_lower_case, n=1)
    return f"did you mean {before}{in_lower_case[near[0]]}?" if near else None


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 1]}…"
