"""Read a response of `requests`: a lenient body, decoded for the log."""

import base64
import re
from http.client import HTTPException

from requests import Response as RequestsResponse
from urllib3.exceptions import HTTPError

from posthorn.egress.body_text import read_body
from posthorn.egress.connection import ConnectionTrace
from posthorn.egress.wire import LimitError
from posthorn.models import Response

KEPT_BYTES = 16 * 1024  # of a response body
# A repetition with the same value says nothing new (RFC 9110 §5.3).
_SINGLE = frozenset(
    {
        *("location", "retry-after", "content-type", "content-length", "date", "server", "age"),
        *("etag", "last-modified", "expires", "content-location"),
    }
)
_AUTHORITY = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//[^/?#]*")
_UNSAFE = re.compile("[\x80-\xff ]")


def read_response(
    answer: RequestsResponse, trace: ConnectionTrace, *, kept_bytes: int = KEPT_BYTES
) -> Response:
    """Read the body and give the connection back.

    A complete head decides the outcome. A body that stalls, breaks off or never ends is kept as far
    as it was read, and its connection closed.
    """
    try:
        kept = _body(answer, trace, kept_bytes)
    finally:
        answer.raw.close() if not answer.raw.closed else None
        answer.raw.release_conn()
    headers = _joined(answer)
    body = read_body(kept[:kept_bytes], headers, limit=kept_bytes)
    return Response(
        status_code=answer.status_code,
        headers=headers,
        body=body.text,
        body_base64=base64.b64encode(body.binary).decode() if body.binary else None,
        truncated=trace.unfinished or not body.is_whole or len(kept) > kept_bytes,
    )


def _body(answer: RequestsResponse, trace: ConnectionTrace, limit: int) -> bytes:
    """The first bytes up to the limit, plus one byte if there are more."""
    kept = bytearray()
    try:
        while piece := answer.raw.read1(limit + 1 - len(kept), decode_content=False):
            kept += piece
    except (OSError, HTTPException, HTTPError, LimitError):
        trace.unfinished = True
    return bytes(kept)


def _joined(answer: RequestsResponse) -> dict[str, str]:
    """Names in lower case, repeated headers joined, folded lines unfolded."""
    joined: dict[str, str] = {}
    for name, value in answer.raw.headers.iteritems():
        name = name.lower()
        line = re.sub(r"\s*[\r\n]+\s*", " ", value)
        line = _location(line) if name == "location" else _as_text(line)
        if name not in joined:
            joined[name] = line
        elif not (name in _SINGLE and joined[name] == line):
            joined[name] = f"{joined[name]}, {line}"
    return joined


def _as_text(value: str) -> str:
    """http.client decodes headers as Latin-1; most servers that go beyond ASCII send UTF-8."""
    try:
        return value if value.isascii() else value.encode("latin-1").decode()
    except UnicodeDecodeError:
        return value


def _location(value: str) -> str:
    """A URL as curl and browsers read it: bytes beyond ASCII, and spaces, percent-encoded."""
    authority = _AUTHORITY.match(value)
    start = authority.end() if authority else 0
    rest = _UNSAFE.sub(lambda byte: f"%{ord(byte[0]):02X}", value[start:].strip())
    return _as_text(value[:start]) + rest
