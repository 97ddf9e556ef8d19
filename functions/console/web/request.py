"""A browser's request, decoded once from the HTTP API's event."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http.cookies import CookieError, SimpleCookie
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlencode

from posthorn.core.errors import MalformedError, TooLargeError, UnsupportedMediaError
from posthorn.core.hosts import is_loopback

MAX_FORM_BYTES = 1024 * 1024  # an event of 256 KiB, with three characters per escaped byte
MAX_FIELDS = 2000
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Fields:
    """The fields of a form or a query in order; a name may occur more than once."""

    pairs: tuple[tuple[str, str], ...] = ()

    def get(self, name: str, default: str = "") -> str:
        """The last value of this name, stripped of white space."""
        values = self.all(name)
        return values[-1].strip() if values else default

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(value for each, value in self.pairs if each == name)

    def __contains__(self, name: str) -> bool:
        return any(each == name for each, _ in self.pairs)


@dataclass(frozen=True)
class PageRequest:
    method: str
    path: str
    query: Fields = Fields()
    form: Fields = field(default=Fields(), repr=False)  # may contain secrets
    params: Mapping[str, str] = field(default_factory=dict)  # the `{name}` parts of the route
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> Self:
        """The request without its form (see `with_form`)."""
        headers = {name.lower(): value for name, value in event["headers"].items()}
        return cls(
            method=event["requestContext"]["http"]["method"],
            path=unquote(event["rawPath"]).rstrip("/") or "/",
            query=_fields(event.get("rawQueryString") or ""),
            headers=headers,
            cookies=_cookies("; ".join(event.get("cookies") or [headers.get("cookie", "")])),
        )

    def with_form(self, event: Mapping[str, Any]) -> Self:
        """The request with its form; UnsupportedMediaError, TooLargeError or MalformedError."""
        body = event.get("body") or ""
        if not body:
            return self
        sent = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if sent != FORM:
            raise UnsupportedMediaError(f"the body is to be {FORM}")
        content = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
        if len(content) > MAX_FORM_BYTES:
            raise TooLargeError(f"a form may take {MAX_FORM_BYTES} bytes")
        try:
            return replace(self, form=_fields(content.decode("ascii")))
        except ValueError:
            raise MalformedError("the body is not a form", code="malformed_form") from None

    @property
    def host(self) -> str:
        return self.headers.get("host", "").lower()

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine, which has no https."""
        return is_loopback(self.host)

    @property
    def target(self) -> str:
        """Path and query as in a link."""
        return self.path + (f"?{urlencode(self.query.pairs)}" if self.query.pairs else "")


def _fields(text: str) -> Fields:
    """The fields; ValueError if they are not UTF-8 or too many."""
    found = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    return Fields(tuple((name, value.replace("\r\n", "\n")) for name, value in found))


def _cookies(header: str) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header).items()}
    except CookieError:
        return {}
