"""What a page function returns, and the headers that go out with it."""

from dataclasses import dataclass, field
from typing import Any

DAY_SECONDS = 24 * 3600
SELF = "'self'"


@dataclass(frozen=True)
class Page:
    """A template with what it shows. A fragment is a part of a page that the script fetches."""

    template: str
    values: dict[str, Any]
    status: int = 200
    whole: bool = True
    cookies: tuple[str, ...] = field(default=(), repr=False)
    frame_origins: tuple[str, ...] = ()  # beside those of the visitor's session


@dataclass(frozen=True)
class Redirect:
    """Go there next, by GET; `flash` is said once on the page that comes."""

    path: str
    flash: str = ""
    cookies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Download:
    """A text that somebody else wrote: saved under this name, and never shown by the browser."""

    text: str = field(repr=False)
    name: str


@dataclass(frozen=True)
class PageAnswer:
    status: int
    body: str = field(default="", repr=False)
    headers: dict[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = field(default=(), repr=False)

    def as_event(self) -> dict[str, Any]:
        """As an HTTP API takes it (payload format 2.0)."""
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
    """To a path of ours: what comes from outside passes `session.own_path` first."""
    return Redirect(path, flash)


def download_headers(name: str) -> dict[str, str]:
    """`name` is made of an id of ours, so that it needs no quoting."""
    return {
        **private_headers(),
        "content-type": "text/plain; charset=utf-8",
        "content-disposition": f'attachment; filename="{name}"',
    }


def private_headers(frame_origins: tuple[str, ...] = ()) -> dict[str, str]:
    """For whatever belongs to one person: nobody keeps it, frames it or adds to it."""
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
