"""Asks over an open connection and reads the answer: strictly its head, leniently its body.

http.client speaks over our `Wire`, without requests on top: no second URL parser comes between
guard and socket, nothing is read from the environment, nothing is followed, kept or retried.
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

from posthorn.egress import advice as outcomes
from posthorn.egress.connection import AttemptError, ConnectionTrace, DeadlineSocket, LimitError
from posthorn.models import Outcome, Response

KEPT_BYTES = 16 * 1024  # of a body, design.md §6


class _Answer(HTTPResponse):
    """Waits for the final answer; http.client itself would take 103 Early Hints for one."""

    def begin(self) -> None:
        super().begin()
        while 100 <= self.status < 200:  # an endless row of them ends at the wire's limit
            self.headers = None  # type: ignore[assignment]  # how begin() knows there is more
            super().begin()


def send_request(
    wire: DeadlineSocket,
    trace: ConnectionTrace,
    *,
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes,
) -> Response:
    """Send a request, whose headers hold `host`, and read what comes back; or AttemptError.

    A complete head decides the outcome. A body that stalls, breaks off or never ends cannot undo
    what the endpoint has said, so it is kept as far as it came.
    """
    with _Answer(wire, method=method) as answer:  # type: ignore[arg-type]  # all it uses of a socket
        try:
            _send(wire, method, target, headers=headers, body=body)
            with trace.phase("first_byte"):
                answer.fp.peek(1)
            answer.begin()
            if wire.ended:  # http.client takes an end within the head for the end of the head
                raise RemoteDisconnected("within the head")
        except (OSError, HTTPException, LimitError) as error:
            raise _failure(error, headers["host"], trace.deadline.seconds) from error
        kept = _body(answer, trace)
    text, whole = _text(kept[:KEPT_BYTES], answer.headers.get("content-encoding", ""))
    return Response(
        status_code=answer.status,
        headers=_joined(answer.headers),
        body=text,
        truncated=trace.unfinished or not whole or len(kept) > KEPT_BYTES,
    )


def _send(
    wire: DeadlineSocket, method: str, target: str, *, headers: Mapping[str, str], body: bytes
) -> None:
    connection = HTTPConnection(headers["host"])
    connection.sock = wire
    with suppress(ConnectionError, ssl.SSLEOFError):  # it may have answered early: 401, 413
        connection.request(method, target, body, headers)


def _failure(error: Exception, where: str, seconds: float) -> AttemptError:
    if isinstance(error, TimeoutError):
        advice = f"{where} did not answer within {seconds:g} s: answer 2xx first, work afterwards"
        return AttemptError(Outcome.TIMEOUT_READ, advice)
    if isinstance(error, RemoteDisconnected):
        advice = f"{where} closed the connection before its answer was complete"
        return AttemptError(Outcome.CONNECTION_ERROR, advice)
    # http.client has no class of its own for more than 100 headers
    if isinstance(error, LimitError | LineTooLong) or type(error) is HTTPException:
        advice = f"{where} sent more headers than the limit of 100 lines and 64 KiB in all"
        return AttemptError(Outcome.RESPONSE_TOO_LARGE, advice)
    if isinstance(error, HTTPException):
        advice = f"{where} did not answer in HTTP/1.1: check what listens on this port"
        return AttemptError(Outcome.INVALID_RESPONSE, advice)
    if isinstance(error, ssl.SSLError):
        return AttemptError(Outcome.TLS_ERROR, outcomes.tls_advice(where, error.reason))
    code = error.errno if isinstance(error, OSError) else None
    return AttemptError(Outcome.CONNECTION_ERROR, outcomes.connection_advice(where, code))


def _body(answer: HTTPResponse, trace: ConnectionTrace) -> bytes:
    """As much as is kept and one byte more, to know whether there is more."""
    kept = bytearray()
    try:
        while piece := answer.read1(KEPT_BYTES + 1 - len(kept)):
            kept += piece
        trace.unfinished = len(kept) <= KEPT_BYTES and bool(answer.length)
    except (OSError, HTTPException, LimitError):
        trace.unfinished = True
    return bytes(kept)


def _text(body: bytes, encoding: str) -> tuple[str, bool]:
    """The body to read, and whether it is whole. We ask for no compression, but some compress."""
    if encoding in ("gzip", "x-gzip", "deflate"):
        inflater = zlib.decompressobj(wbits=47)  # either format
        with suppress(zlib.error):
            inflated = inflater.decompress(body, KEPT_BYTES)  # a bomb ends here
            return inflated.decode(errors="replace"), inflater.eof
    if encoding and encoding != "identity":
        return f"({len(body)} bytes, compressed as {outcomes.quoted(encoding)})", True
    return body.decode(errors="replace"), True


def _joined(headers: Message) -> dict[str, str]:
    """In lower case, repeated ones joined, folded ones unfolded."""
    joined: dict[str, str] = {}
    for name, value in headers.items():
        line = re.sub(r"\s*[\r\n]+\s*", " ", value)
        name = name.lower()
        joined[name] = f"{joined[name]}, {line}" if name in joined else line
    return joined
