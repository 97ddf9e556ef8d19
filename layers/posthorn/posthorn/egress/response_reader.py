"""Send a request over an open connection and read the response: strict head, lenient body.

http.client runs over a DeadlineSocket, without requests on top: no second URL parser between guard
and socket, no settings from the environment, no redirects, connection reuse or retries.
"""

import re
import ssl
import zlib
from collections.abc import Mapping
from contextlib import suppress
from email.message import Message
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    LineTooLong,
    RemoteDisconnected,
)

from posthorn.egress.advice import connection_advice, quoted, tls_advice
from posthorn.egress.connection import AttemptError, ConnectionTrace, DeadlineSocket, LimitError
from posthorn.models import Outcome, Response

KEPT_BYTES = 16 * 1024  # of a response body


class _FinalResponse(HTTPResponse):
    """Skips informational responses; http.client would return 103 Early Hints as the response."""

    def begin(self) -> None:
        super().begin()
        while 100 <= self.status < 200:  # an endless series reaches READ_LIMIT_BYTES
            self.headers = None  # type: ignore[assignment]  # otherwise begin() does nothing
            super().begin()


def send_request(
    sock: DeadlineSocket,
    trace: ConnectionTrace,
    *,
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes,
) -> Response:
    """Send a request, whose headers include `host`, and read the response; raise AttemptError.

    A complete head decides the outcome. A body that stalls, breaks off or never ends is kept as far
    as it was read.
    """
    with _FinalResponse(sock, method=method) as response:  # type: ignore[arg-type] # has all it uses
        try:
            _send(sock, method, target, headers=headers, body=body)
            with trace.phase("first_byte"):
                response.fp.peek(1)
            response.begin()
            if sock.ended:  # http.client accepts a head that breaks off
                raise RemoteDisconnected("within the head")
        except (OSError, HTTPException, LimitError) as error:
            raise _failure(error, headers["host"], trace.deadline.seconds) from error
        kept = _body(response, trace)
    text, is_whole = _text(kept[:KEPT_BYTES], response.headers.get("content-encoding", ""))
    return Response(
        status_code=response.status,
        headers=_joined(response.headers),
        body=text,
        truncated=trace.unfinished or not is_whole or len(kept) > KEPT_BYTES,
    )


def _send(
    sock: DeadlineSocket, method: str, target: str, *, headers: Mapping[str, str], body: bytes
) -> None:
    connection = HTTPConnection(headers["host"])
    connection.sock = sock
    with suppress(
        ConnectionError, ssl.SSLEOFError
    ):  # an early response, such as 401 or 413, is still read
        connection.request(method, target, body, headers)


def _failure(error: Exception, where: str, seconds: float) -> AttemptError:
    if isinstance(error, TimeoutError):
        advice = f"{where} did not answer within {seconds:g} s: answer 2xx first, then do the work"
        return AttemptError(Outcome.TIMEOUT_READ, advice)
    if isinstance(error, RemoteDisconnected):
        advice = f"{where} closed the connection before its response was complete"
        return AttemptError(Outcome.CONNECTION_ERROR, advice)
    # http.client has no specific class for more than 100 headers
    if isinstance(error, LimitError | LineTooLong) or type(error) is HTTPException:
        advice = f"{where} sent response headers over the limit of 100 lines and 64 KiB"
        return AttemptError(Outcome.RESPONSE_TOO_LARGE, advice)
    if isinstance(error, HTTPException):
        advice = f"{where} did not answer in HTTP/1.1: check the server on this port"
        return AttemptError(Outcome.INVALID_RESPONSE, advice)
    if isinstance(error, ssl.SSLError):
        return AttemptError(Outcome.TLS_ERROR, tls_advice(where, error.reason))
    code = error.errno if isinstance(error, OSError) else None
    return AttemptError(Outcome.CONNECTION_ERROR, connection_advice(where, code))


def _body(response: HTTPResponse, trace: ConnectionTrace) -> bytes:
    """The first KEPT_BYTES, plus one byte if there are more."""
    kept = bytearray()
    try:
        while piece := response.read1(KEPT_BYTES + 1 - len(kept)):
            kept += piece
        trace.unfinished = len(kept) <= KEPT_BYTES and bool(response.length)
    except (OSError, HTTPException, LimitError):
        trace.unfinished = True
    return bytes(kept)


def _text(body: bytes, encoding: str) -> tuple[str, bool]:
    """The decoded body and whether it is whole. Compression is not requested, but some compress."""
    if encoding in ("gzip", "x-gzip", "deflate"):
        inflater = zlib.decompressobj(wbits=47)  # detects gzip and zlib
        with suppress(zlib.error):
            inflated = inflater.decompress(body, KEPT_BYTES)  # limits a decompression bomb
            return inflated.decode(errors="replace"), inflater.eof
    if encoding and encoding != "identity":
        return f"({len(body)} bytes, compressed as {quoted(encoding)})", True
    return body.decode(errors="replace"), True


def _joined(headers: Message) -> dict[str, str]:
    """Names in lower case, repeated headers joined, folded lines unfolded."""
    joined: dict[str, str] = {}
    for name, value in headers.items():
        line = re.sub(r"\s*[\r\n]+\s*", " ", value)
        name = name.lower()
        joined[name] = f"{joined[name]}, {line}" if name in joined else line
    return joined
