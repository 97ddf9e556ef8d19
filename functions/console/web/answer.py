"""The results of page functions, and their response headers."""

from dataclasses import dataclass, field
from typing import Any

SELF = "'self'"


@dataclass(frozen=True)
class Page:
    """A template and its values. A fragment is a part of a page that the script fetches."""

    template: str
    values: dict[str, Any]
    status: int = 200
    whole: bool = True
    cookies: tuple[str, ...] = field(default=(), repr=False)
    frame_origins: tuple[str, ...] = ()  # in addition to those of the session


@dataclass(frozen=True)
class Redirect:
    """A redirect by GET; `flash` is shown once on the next page."""

    path: str
    flash: str = ""
    cookies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Download:
    """A text from outside: the browser saves it under this name and never renders it."""

    text: str = field(repr=False)
    name: str


@dataclass(frozen=True)
class PageAnswer:
    status: int
    body: str = field(default="", repr=False)
    headers: dict[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = field(default=(), repr=False)

    def as_event(self) -> dict[str, Any]:
        """The answer as an HTTP API expects it (payload format 2.0)."""
        return {
            "statusCode": self.status,
            "headers": self.headers,
            "body": self.body,
            "cookies": list(self.cookies),
        }


def page(template: str, *, status: int = 200, **values: Any) -> Page:
    return Page(template, values, status)


def fragment(template: str, **values: Any) -> Page:
    return Page(template, values, whole=False)


def redirect(path: str, *, flash: str = "") -> Redirect:
    """A redirect to a path of the console; a path from outside passes `session.own_path` first."""
    return Redirect(path, flash)


def download_headers(name: str) -> dict[str, str]:
    """`name` contains only our own ids, so it needs no quoting."""
    return {
        **private_headers(),
        "content-type": "text/plain; charset=utf-8",
        "content-disposition": f'attachment; filename="{name}"',
    }


def private_headers(frame_origins: tuple[str, ...] = ()) -> dict[str, str]:
    """Headers of private pages: not cached, not framed, no foreign scripts."""
    policy = {
        "default-src": "'none'",
        "style-src": SELF,
        "script-src": SELF,
        "img-src": SELF,
        "connect-src": SELF,
        "form-action": SELF,
        "base-uri": "'none'",
        "frame-ancestors": " ".join(frame_origins) or "'none'",
    }
    return {
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-store",
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "cross-origin-opener-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
