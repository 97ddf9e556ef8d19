"""`{{type}}` and `{{id}}` in the values of headers and of the URL's query: those of the event."""

import re
from urllib.parse import quote

from posthorn.models import Endpoint, Event

_PLACE = re.compile(r"\{\{\s*(\w*)\s*\}\}")
_BRACES = re.compile(r"\{\{|\}\}")
_NAMES = ("type", "id")
UNKNOWN = "may have {{type}} and {{id}} in double braces, and no other name"
ELSEWHERE = "may have {{type}} and {{id}} in its query only"


def flaw(text: str) -> str | None:
    """The broken rule of a value with double braces, None if there is none."""
    if any(match[1] not in _NAMES for match in _PLACE.finditer(text)):
        return UNKNOWN
    return UNKNOWN if _BRACES.search(_PLACE.sub("", text)) else None


def url_flaw(url: str) -> str | None:
    """The broken rule of a URL: names are allowed in its query."""
    before, mark, query = url.partition("?")
    query, hash_, fragment = query.partition("#")
    if _BRACES.search(before) or _BRACES.search(fragment):
        return ELSEWHERE
    return flaw(query) if mark or hash_ else None


def filled(endpoint: Endpoint, event: Event) -> Endpoint:
    """The endpoint with the event's type and id in place of the names."""
    values = {"type": event.type, "id": event.id}
    before, mark, query = endpoint.url.partition("?")
    written = {name: quote(value, safe="") for name, value in values.items()}
    url = f"{before}{mark}{_fill(query, written)}"
    headers = {name: _fill(value, values) for name, value in endpoint.headers.items()}
    if url == endpoint.url and headers == endpoint.headers:
        return endpoint
    return endpoint.model_copy(update={"url": url, "headers": headers})


def _fill(text: str, values: dict[str, str]) -> str:
    return _PLACE.sub(lambda match: values.get(match[1], match[0]), text)
