"""Read a response of `requests`: a lenient body, decoded for the log."""

import re
import zlib
from contextlib import suppress
from http.client import HTTPException

from requests import Response as RequestsResponse
from urllib3.exceptions import HTTPError

from posthorn.egress.advice import quoted
from posthorn.egress.connection import ConnectionTrace
from posthorn.egress.wire import LimitError
from posthorn.models import Response

KEPT_BYTES = 16 * 1024  # of a response body


def read_response(answer: RequestsResponse, trace: ConnectionTrace) -> Response:
    """Read the body and give the connection back.

    A complete head decides the outcome. A body that stalls, breaks off or never ends is kept as far
    as it was read, and its connection closed.
    """
    try:
        kept = _body(answer, trace)
    finally:
        answer.raw.close() if not answer.raw.closed else None
        answer.raw.release_conn()
    headers = _joined(answer)
    text, is_whole = _text(kept[:KEPT_BYTES], headers.get("content-encoding", ""))
    return Response(
        status_code=answer.status_code,
        headers=headers,
        body=text,
        truncated=trace.unfinished or not is_whole or len(kept) > KEPT_BYTES,
    )


def _body(answer: RequestsResponse, trace: ConnectionTrace) -> bytes:
    """The first KEPT_BYTES, plus one byte if there are more."""
    kept = bytearray()
    try:
        while piece := answer.raw.read1(KEPT_BYTES + 1 - len(kept), decode_content=False):
            kept += piece
    except (OSError, HTTPException, HTTPError, LimitError):
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


def _joined(answer: RequestsResponse) -> dict[str, str]:
    """Names in lower case, repeated headers joined, folded lines unfolded."""
    joined: dict[str, str] = {}
    for name, value in answer.raw.headers.iteritems():
        line = re.sub(r"\s*[\r\n]+\s*", " ", value)
        name = name.lower()
        joined[name] = f"{joined[name]}, {line}" if name in joined else line
    return joined
