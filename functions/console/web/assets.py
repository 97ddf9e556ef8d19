"""Stylesheet, script and icon: their URL changes with their content, so caches keep them."""

import hashlib
from functools import cache
from pathlib import Path

from console.web.answer import PageAnswer
from posthorn.core.errors import NotFoundError

FOLDER = Path(__file__).parents[1] / "assets"
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
PREFIX = "/console/assets/"
KEPT = "public, max-age=31536000, immutable"


def address(name: str) -> str:
    return f"{PREFIX}{_fingerprint(name)}/{name}"


def answer(path: str) -> PageAnswer:
    """Answer a file of the folder; NotFoundError for any other path.

    A page of an older deployment gets the current file, which is then not cached.
    """
    fingerprint, _, name = path.removeprefix(PREFIX).partition("/")
    if name not in _names():
        raise NotFoundError("there is no such file")
    headers = {
        "content-type": f"{KINDS[Path(name).suffix]}; charset=utf-8",
        "cache-control": KEPT if fingerprint == _fingerprint(name) else "no-cache",
        "x-content-type-options": "nosniff",
        "cross-origin-resource-policy": "same-origin",
    }
    return PageAnswer(200, _content(name), headers)


@cache
def _names() -> frozenset[str]:
    return frozenset(path.name for path in FOLDER.iterdir())


@cache
def _content(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


@cache
def _fingerprint(name: str) -> str:
    return hashlib.sha256(_content(name).encode()).hexdigest()[:16]
