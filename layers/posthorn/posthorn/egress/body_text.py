"""The body of a response as text for the log: decompressed, decoded by its charset, or described.

Compression is not requested, but some servers compress anyway.
"""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from posthorn.egress.advice import quoted

_INFLATED = frozenset({"gzip", "x-gzip", "deflate"})
_WINDOWS = (47, -15)  # gzip or zlib by their first bytes, and the bare deflate of some servers
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9_.:-]+)", re.IGNORECASE)
# Character sets of text; Python has codecs that are none, such as idna.
_TEXT_CHARSETS = re.compile(
    r"utf[-_]?(8|16|32)([-_]?[bl]e)?|us-ascii|ascii|latin-?1|iso[-_]?8859[-_]\d{1,2}"
    r"|(windows-|cp)\d{3,4}|shift[-_]jis|euc-(jp|kr)|iso-2022-jp|gbk?|gb2312|gb18030|big5|koi8-[ru]",
    re.IGNORECASE,
)
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_TEXT_TYPES = re.compile(
    r"text/|application/([a-z0-9.+-]*\+)?(json|xml)|application/(javascript|x-www-form-urlencoded)"
    r"|multipart/|message/",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Body:
    """`binary` are the bytes of a body that is no text; `text` then gives its size and type."""

    text: str
    is_whole: bool = True
    binary: bytes | None = None


def read_body(content: bytes, headers: Mapping[str, str], *, limit: int) -> Body:
    """At most `limit` bytes are kept after each decompression, whatever their compressed size."""
    codings = [each.strip().lower() for each in headers.get("content-encoding", "").split(",")]
    codings = [each for each in codings if each not in ("", "identity")]
    is_whole = True
    for position, coding in reversed(list(enumerate(codings))):
        inflated = _inflated(content, limit) if coding in _INFLATED else None
        if inflated is None:
            names = quoted(", ".join(codings[: position + 1]))
            return Body(f"({len(content)} bytes, compressed as {names})", is_whole, content)
        content, is_complete = inflated
        is_whole = is_whole and is_complete
    return _decoded(content, headers.get("content-type", ""), is_whole=is_whole)


def _inflated(content: bytes, limit: int) -> tuple[bytes, bool] | None:
    for window in _WINDOWS:
        inflater = zlib.decompressobj(wbits=window)
        try:
            return inflater.decompress(content, limit), inflater.eof  # limits a bomb
        except zlib.error:
            continue
    return None


def _decoded(content: bytes, content_type: str, *, is_whole: bool) -> Body:
    kind = content_type.partition(";")[0].strip()
    declared = _CHARSET.search(content_type)
    mark = next((_MARKS[each] for each in _MARKS if content.startswith(each)), None)
    charset = mark or (declared[1] if declared else "")
    if not charset and kind and not _TEXT_TYPES.match(kind) and _is_binary(content):
        return Body(f"({len(content)} bytes of {quoted(kind)})", is_whole, content)
    try:
        if charset == "utf-8-sig" or _TEXT_CHARSETS.fullmatch(charset):
            return Body(content.decode(charset, errors="replace"), is_whole)
    except LookupError:
        pass
    return Body(content.decode(errors="replace"), is_whole)


def _is_binary(content: bytes) -> bool:
    try:
        return b"\0" in content or not content[:-3].decode()  # the last character may be cut
    except UnicodeDecodeError:
        return True
