"""Excerpts of texts from tenants, publishers and receivers, so that a page stays below 100 KB."""

import json
from dataclasses import dataclass
from itertools import accumulate

from markupsafe import escape


@dataclass(frozen=True)
class Excerpt:
    """The beginning of a text; `size` is the size of the whole in bytes of UTF-8."""

    text: str
    size: int
    is_cut: bool


@dataclass(frozen=True)
class BodyExcerpt:
    """A body as text; `pretty` is set if it is JSON."""

    raw: Excerpt
    pretty: Excerpt | None

    @property
    def is_cut(self) -> bool:
        return self.raw.is_cut or (self.pretty is not None and self.pretty.is_cut)


def excerpt(text: str, most: int) -> Excerpt:
    """The longest beginning of the text that takes at most `most` bytes as HTML."""
    size = len(text.encode())
    if size * len("&#34;") <= most:  # each character may take this many bytes
        return Excerpt(text, size, is_cut=False)
    for place, taken in enumerate(accumulate(len(escape(each).encode()) for each in text)):
        if taken > most:
            return Excerpt(text[:place], size, is_cut=True)
    return Excerpt(text, size, is_cut=False)


def html_size(text: str) -> int:
    """Its size as HTML, in bytes."""
    return len(escape(text).encode())


def body(text: str, most: int) -> BodyExcerpt:
    """The body in both forms, each of at most `most` bytes of HTML."""
    return BodyExcerpt(excerpt(text, most), _pretty(text, most))


def _pretty(text: str, most: int) -> Excerpt | None:
    try:
        told = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None
    return excerpt(told.encode(errors="replace").decode(), most)  # JSON can escape a lone surrogate
