"""Responses are read as browsers and curl read them."""

import base64
import gzip
import zlib
from datetime import UTC, datetime
from time import monotonic

import pytest

from posthorn.egress.http_client import AttemptResult, Request, Sender
from posthorn.egress.url_guard import EgressPolicy
from posthorn.models import Outcome
from tests.support import hostile_receivers as hostile
from tests.support.hostile_receivers import Resolver, answer, receiver, says

SENDER = Sender(
    EgressPolicy(allow_http=True, allow_private=True),
    monotonic=monotonic,
    utcnow=lambda: datetime(2026, 11, 23, 10, 0, tzinfo=UTC),
    resolve=Resolver(),
)


def sent_to(said: bytes) -> AttemptResult:
    with receiver(says(said)) as endpoint:
        return SENDER.send(Request("POST", endpoint.url(), {}, b"{}", timeout_seconds=5))


@pytest.mark.parametrize(
    "line",
    [
        b"this is no header",
        b": no name",
        b"two words: in the name",
        b"From somebody Mon Nov 23",
        b"caf\xe9: not a name",
        b"x-bare: a\rb",
        b" folded without a header before",
        b"no header\r\n folded",
        b"(comment): x",
        b"\x00: x",
    ],
)
def test_a_line_that_is_no_header_does_not_hide_the_lines_after_it(line: bytes) -> None:
    head = b"HTTP/1.1 429 Busy\r\n" + line + b"\r\nretry-after: 40\r\n"
    result = sent_to(head + b"transfer-encoding: chunked\r\n\r\n4\r\nbusy\r\n0\r\n\r\n")

    assert result.response
    assert result.retry_after_seconds == 40
    assert result.response.body == "busy"


def test_a_space_before_the_colon_is_no_part_of_the_name() -> None:
    result = sent_to(b"HTTP/1.1 503 No\r\nRetry-After : 40\r\ncontent-length: 0\r\n\r\n")

    assert result.retry_after_seconds == 40


def test_lines_before_an_interim_response_end_do_not_hide_the_final_one() -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nno header\r\nlink: <a>\r\n\r\n"
    result = sent_to(interim + answer("202 Accepted", body=b"later"))

    assert result.response
    assert (result.response.status_code, result.response.body) == (202, "later")


def test_a_repeated_header_with_the_same_value_is_one_where_only_one_may_be() -> None:
    head = b"HTTP/1.1 429 Busy\r\n" + b"retry-after: 7\r\n" * 2 + b"x-a: 1\r\n" * 2
    result = sent_to(head + b"content-type: text/plain\r\n" * 2 + b"content-length: 0\r\n\r\n")

    assert result.response
    assert result.response.headers["retry-after"] == "7"
    assert result.response.headers["content-type"] == "text/plain"
    assert result.response.headers["x-a"] == "1, 1"


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/Årsta".encode(), "/%C3%85rsta"),
        (b"/caf\xe9", "/caf%E9"),
        ("/a?q=å&b=%C3%A5".encode(), "/a?q=%C3%A5&b=%C3%A5"),
        ("?q=日本".encode(), "/from?q=%E6%97%A5%E6%9C%AC"),
        ("å".encode(), "/%C3%A5"),
        ("/a\u00a0b".encode(), "/a%C2%A0b"),
        (b"/a b", "/a%20b"),
        ("/å#å".encode(), "/%C3%A5"),
    ],
)
def test_a_location_beyond_ascii_goes_where_browsers_go(location: bytes, target: str) -> None:
    said = b"HTTP/1.1 308 M\r\nlocation: " + location + b"\r\ncontent-length: 0\r\n\r\n"
    with receiver(says(said), hostile.ok) as endpoint:
        request = Request("POST", endpoint.url("/from"), {}, b"{}", 5, follow_redirects=True)
        result = SENDER.send(request)

    assert result.outcome == Outcome.SUCCEEDED, result.advice
    assert endpoint.requests[1].startswith(f"POST {target} HTTP/1.1\r\n".encode())


def test_an_absolute_location_beyond_ascii_keeps_its_host() -> None:
    with receiver(hostile.ok) as other:
        url = f"http://bücher.example:{other.port}/ü".encode()
        said = b"HTTP/1.1 308 M\r\nlocation: " + url + b"\r\ncontent-length: 0\r\n\r\n"
        with receiver(says(said)) as endpoint:
            request = Request("POST", endpoint.url("/from"), {}, b"{}", 5, follow_redirects=True)
            SENDER.send(request)

    assert other.requests[0].startswith(b"POST /%C3%BC HTTP/1.1\r\nhost: xn--bcher-kva.example")


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("GZIP", gzip.compress(b"bad id", mtime=0)),
        (" gzip ", gzip.compress(b"bad id", mtime=0)),
        ("identity, x-gzip", gzip.compress(b"bad id", mtime=0)),
        ("deflate, gzip", gzip.compress(zlib.compress(b"bad id"), mtime=0)),
        ("Deflate", zlib.compress(b"bad id")),
        ("deflate", zlib.compress(b"bad id", wbits=-15)),
    ],
)
def test_a_compressed_body_is_read(encoding: str, body: bytes) -> None:
    result = sent_to(answer("422 No", headers={"content-encoding": encoding}, body=body))

    assert result.response
    assert (result.response.body, result.response.truncated) == ("bad id", False)


@pytest.mark.parametrize(
    ("encoding", "named"),
    [("br", "br"), ("ZSTD", "zstd"), ("br, gzip", "br"), ("gzip, br", "gzip, br")],
)
def test_an_unknown_compression_is_named_and_its_bytes_kept(encoding: str, named: str) -> None:
    body = gzip.compress(b"\x0b\x01") if encoding.endswith("gzip") else b"\x0b\x01"
    result = sent_to(answer("200 OK", headers={"content-encoding": encoding}, body=body))

    assert result.response
    assert result.response.body == f"(2 bytes, compressed as {named})"
    assert result.response.body_base64 == base64.b64encode(b"\x0b\x01").decode()


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/plain; charset=ISO-8859-1", "å".encode("latin-1")),
        ('text/plain; charset="iso-8859-1"', "å".encode("latin-1")),
        ("application/json; charset=utf-16", "å".encode("utf-16")),
        ("text/xml; charset=utf-16be", "å".encode("utf-16-be")),
        ("text/plain", "å".encode("utf-16")),
        ("text/plain", b"\xef\xbb\xbf" + "å".encode()),
        ("text/plain; charset=nonsense", "å".encode()),
        ("text/plain; charset=idna", "å".encode()),
        ("", "å".encode()),
    ],
)
def test_a_body_is_decoded_by_its_declared_charset(content_type: str, body: bytes) -> None:
    result = sent_to(answer("200 OK", headers={"content-type": content_type}, body=body))

    assert result.response
    assert result.response.body == "å"
    assert result.response.body_base64 is None


def test_a_binary_body_is_kept_as_bytes_with_its_size_and_type() -> None:
    body = b"\x89PNG\r\n\x1a\n\0\0"
    result = sent_to(answer("200 OK", headers={"content-type": "image/png"}, body=body))

    assert result.response
    assert result.response.body == "(10 bytes of image/png)"
    assert result.response.body_base64 == base64.b64encode(body).decode()
