"""The sender against misbehaving receivers: one outcome each, within its deadline and memory."""

import errno
import gzip
import os
import socket
import ssl
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthorn.egress.connection import Connector, Resolve
from posthorn.egress.http_client import AttemptResult, Request, Sender, system_resolve
from posthorn.egress.url_guard import EgressPolicy
from posthorn.models import Outcome
from tests.support import hostile_receivers as hostile
from tests.support.hostile_receivers import (
    Authority,
    Behaviour,
    Resolver,
    answer,
    headers_of,
    receiver,
    redirects,
    says,
)

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
LAPTOP = EgressPolicy(allow_http=True, allow_private=True)
STRICT = EgressPolicy(allow_http=True, allow_private=False)
TIMEOUT_SECONDS = 0.5
KEPT_BYTES = 16 * 1024


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def sender(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Sender:
    return build_sender(ca_bundle=authority.bundle(tmp_path_factory.mktemp("authority")))


def build_sender(
    *,
    policy: EgressPolicy = LAPTOP,
    resolve: Resolve | None = None,
    connect_timeout_seconds: float = 5,
    ca_bundle: str | None = None,
) -> Sender:
    return Sender(
        policy,
        monotonic=time.monotonic,
        utcnow=lambda: NOW,
        resolve=resolve or Resolver(),
        connect_timeout_seconds=connect_timeout_seconds,
        ca_bundle=ca_bundle,
    )


def request(
    url: str,
    *,
    headers: dict[str, str] | None = None,
    body: bytes = b'{"id": 1}',
    follow_redirects: bool = False,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Request:
    return Request(
        method="POST",
        url=url,
        headers=headers or {"content-type": "application/json"},
        body=body,
        timeout_seconds=timeout_seconds,
        follow_redirects=follow_redirects,
    )


def send(sender: Sender, what: Request) -> AttemptResult:
    """Send, and check that the sender keeps its deadline."""
    started = time.monotonic()
    result = sender.send(what)
    assert time.monotonic() - started < what.timeout_seconds + 1
    assert result.advice
    assert result.advice.isprintable()
    return result


# --- requests -------------------------------------------------------------------------------------


def test_an_accepted_event_is_a_success_with_everything_that_came_back(sender: Sender) -> None:
    said = answer("201 Created", headers={"X-Id": "7", "Set-Cookie": "a=1"}, body="åäö".encode())
    with receiver(says(said)) as endpoint:
        result = send(sender, request(endpoint.url("/hook?shop=se")))

    assert result.outcome == Outcome.SUCCEEDED
    assert result.advice == "answered 201"
    assert result.response.status_code == 201
    assert result.response.headers == {"content-length": "6", "x-id": "7", "set-cookie": "a=1"}
    assert result.response.body == "åäö"
    assert not result.response.truncated
    assert result.url == endpoint.url("/hook?shop=se")
    assert set(result.timings_ms) == {"dns", "connect", "first_byte"}
    assert sum(result.timings_ms.values()) <= result.duration_ms + len(result.timings_ms)


def test_the_endpoint_gets_exactly_the_request(sender: Sender) -> None:
    headers = {"content-type": "application/json", "webhook-id": "evt_1", "X-Shop": "se"}
    with receiver(hostile.ok) as endpoint:
        send(sender, request(endpoint.url("/a/../b?x=%2f"), headers=headers, body=b"exactly this"))

    [received] = endpoint.requests
    assert received.startswith(b"POST /a/../b?x=%2f HTTP/1.1\r\n")
    assert received.endswith(b"\r\n\r\nexactly this")
    assert headers_of(received) == {
        "host": f"hooks.example:{endpoint.port}",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "webhook-id": "evt_1",
        "x-shop": "se",
        "content-length": "12",
    }


def test_headers_that_frame_the_message_cannot_be_overridden(sender: Sender) -> None:
    smuggled = {"Host": "internal", "Transfer-Encoding": "chunked", "content-length": "0"}
    with receiver(hostile.ok) as endpoint:
        send(sender, request(endpoint.url(), headers=smuggled, body=b"whole"))

    [received] = endpoint.requests
    assert headers_of(received)["host"] == f"hooks.example:{endpoint.port}"
    assert headers_of(received)["content-length"] == "5"
    assert "transfer-encoding" not in headers_of(received)


def test_proxies_and_netrc_of_the_environment_are_ignored(
    sender: Sender, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine hooks.example login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with receiver(hostile.ok) as endpoint, receiver(hostile.ok) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        result = send(sender, request(endpoint.url()))

    assert result.outcome == Outcome.SUCCEEDED
    assert proxy.connections == 0
    assert "authorization" not in headers_of(endpoint.requests[0])


def test_cookies_are_not_kept_between_attempts(sender: Sender) -> None:
    with receiver(says(answer("200 OK", headers={"set-cookie": "a=1; Path=/"}))) as endpoint:
        send(sender, request(endpoint.url()))
        send(sender, request(endpoint.url()))

    assert ["cookie" in headers_of(received) for received in endpoint.requests] == [False, False]


# --- the guard ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answers",
    [
        ("127.0.0.1",),
        ("93.184.216.34", "127.0.0.1"),
        ("127.0.0.1", "93.184.216.34"),
        ("::ffff:127.0.0.1",),
        ("169.254.169.254",),
    ],
)
def test_a_name_with_one_forbidden_address_is_blocked_before_any_connection(
    answers: tuple[str, ...],
) -> None:
    strict = build_sender(policy=STRICT, resolve=Resolver((answers,)))
    with receiver(hostile.ok) as endpoint:
        result = send(strict, request(endpoint.url()))

    assert result.outcome == Outcome.BLOCKED
    assert "to which hooks.example resolves" in result.advice
    assert result.response is None
    assert endpoint.connections == 0


def test_a_forbidden_url_is_blocked_without_asking_dns() -> None:
    resolver = Resolver()

    result = send(build_sender(policy=STRICT, resolve=resolver), request("http://127.1/"))

    assert result.outcome == Outcome.BLOCKED
    assert "four decimal numbers" in result.advice
    assert resolver.asked == []


def test_a_name_that_is_rebound_after_the_check_changes_nothing() -> None:
    resolver = Resolver((("127.0.0.1",), ("169.254.169.254",)))
    with receiver(hostile.ok) as endpoint:
        result = send(build_sender(resolve=resolver), request(endpoint.url()))

    assert result.outcome == Outcome.SUCCEEDED
    assert resolver.asked == ["hooks.example"]


def test_the_next_attempt_checks_a_rebound_name_again() -> None:
    rebinding = build_sender(resolve=Resolver((("127.0.0.1",), ("169.254.169.254",))))
    with receiver(hostile.ok) as endpoint:
        first = send(rebinding, request(endpoint.url()))
        second = send(rebinding, request(endpoint.url()))

    assert [first.outcome, second.outcome] == [Outcome.SUCCEEDED, Outcome.BLOCKED]
    assert endpoint.connections == 1


def test_the_next_checked_address_is_tried_when_one_refuses() -> None:
    several = build_sender(resolve=Resolver((("127.0.0.2", "127.0.0.3", "127.0.0.1"),)))
    with receiver(hostile.ok) as endpoint:
        result = send(several, request(endpoint.url()))

    assert result.outcome == Outcome.SUCCEEDED


# --- redirects ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 T", "308 P"])
def test_a_redirect_is_an_error_that_says_where_to(sender: Sender, status: str) -> None:
    with receiver(redirects("https://new.example/hook", status=status)) as endpoint:
        result = send(sender, request(endpoint.url()))

    assert result.outcome == Outcome.REDIRECT
    assert "to https://new.example/hook: change the URL" in result.advice
    assert result.response.status_code == int(status[:3])
    assert result.response.body == "over there"
    assert endpoint.connections == 1


def test_307_is_followed_with_method_and_body_where_the_endpoint_opted_in(sender: Sender) -> None:
    with receiver(redirects("/new"), hostile.ok) as endpoint:
        result = send(sender, request(endpoint.url("/old"), body=b"same", follow_redirects=True))

    assert result.outcome == Outcome.SUCCEEDED
    assert result.url == endpoint.url("/new")
    assert endpoint.requests[1].startswith(b"POST /new HTTP/1.1\r\n")
    assert endpoint.requests[1].endswith(b"\r\n\r\nsame")


def test_302_is_not_followed_even_where_the_endpoint_opted_in(sender: Sender) -> None:
    with receiver(redirects("/new", status="302 Found"), hostile.ok) as endpoint:
        result = send(sender, request(endpoint.url(), follow_redirects=True))

    assert result.outcome == Outcome.REDIRECT
    assert endpoint.connections == 1


def test_a_redirect_loop_ends_after_three(sender: Sender) -> None:
    with receiver(redirects("/again")) as endpoint:
        result = send(sender, request(endpoint.url(), follow_redirects=True))

    assert result.outcome == Outcome.REDIRECT
    assert "after 3 redirects" in result.advice
    assert endpoint.connections == 4


OWN_HEADERS = {"content-type": "application/json", "webhook-signature": "v1,abc"}


def test_secrets_stay_with_the_origin_they_are_for(sender: Sender) -> None:
    headers = {
        "authorization": "Bearer secret",
        "x-api-key": "secret",
        "x-shop": "perhaps secret",
        "ce-secret": "secret",
        "accept": "secret",
        **OWN_HEADERS,
    }
    with receiver(hostile.ok) as other:
        elsewhere = other.url(host="other.example")
        with receiver(redirects("/here"), redirects(elsewhere)) as endpoint:
            what = request(endpoint.url(), headers=headers, follow_redirects=True)
            result = send(sender, replace(what, headers_elsewhere=OWN_HEADERS))

    assert result.outcome == Outcome.SUCCEEDED
    assert headers_of(endpoint.requests[1])["authorization"] == "Bearer secret"
    assert b"ecret" not in other.requests[0]
    assert headers_of(other.requests[0])["host"] == f"other.example:{other.port}"
    assert headers_of(other.requests[0])["webhook-signature"] == "v1,abc"


@pytest.mark.parametrize(
    ("location", "part"),
    [
        ("http://169.254.169.254/latest/meta-data/", "metadata service"),
        ("http://metadata.google.internal/", "metadata service"),
        ("http://[::ffff:127.0.0.1]/", "embeds an IPv4 address"),
        ("http://2130706433/", "four decimal numbers"),
        ("http://user:pass@hooks.example/", "must not contain a user name"),
        ("http://hooks.example:22/", "the port must be"),
        ("file:///etc/passwd", "must start with https://"),
        ("https://[::1", "must be a valid name or address"),
    ],
)
def test_a_redirect_into_a_private_place_is_blocked(
    sender: Sender, location: str, part: str
) -> None:
    with receiver(redirects(location)) as endpoint:
        result = send(sender, request(endpoint.url(), follow_redirects=True))

    assert result.outcome == Outcome.BLOCKED
    assert result.advice.startswith("answered 307, a redirect to ")
    assert part in result.advice
    assert result.response.status_code == 307


def test_a_redirect_is_resolved_and_checked_by_itself() -> None:
    rebinding = build_sender(resolve=Resolver((("127.0.0.1",), ("169.254.169.254",))))
    with receiver(redirects("/again"), hostile.ok) as endpoint:
        result = send(rebinding, request(endpoint.url(), follow_redirects=True))

    assert result.outcome == Outcome.BLOCKED
    assert endpoint.connections == 1


def test_a_redirect_never_leads_from_https_to_http(sender: Sender, authority: Authority) -> None:
    tls = authority.server("hooks.example")
    with (
        receiver(hostile.ok) as plain,
        receiver(redirects(plain.url()), tls=tls) as endpoint,
    ):
        result = send(sender, request(endpoint.url(), follow_redirects=True))

    assert result.outcome == Outcome.BLOCKED
    assert "must start with https://" in result.advice
    assert plain.connections == 0


# --- statuses -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        ("400 Bad Request", "the receiver rejected the request"),
        ("401 Unauthorized", "check the bearer token"),
        ("404 Not Found", "check the path"),
        ("410 Gone", "the endpoint is disabled"),
        ("500 Oops", "check its log"),
        ("799 Odd", "only a 2xx status"),
    ],
)
def test_any_other_status_is_an_http_error_with_advice(
    sender: Sender, status: str, advice: str
) -> None:
    with receiver(says(answer(status))) as endpoint:
        what = request(endpoint.url(), headers={"authorization": "Bearer abc"})
        result = send(sender, what)

    assert result.outcome == Outcome.HTTP_ERROR
    assert result.response.status_code == int(status[:3])
    assert advice in result.advice
    assert result.retry_after_seconds is None


@pytest.mark.parametrize("value", ["120", "Mon, 23 Nov 2026 10:02:00 GMT"])
@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_retry_after_is_read_in_both_forms(sender: Sender, status: str, value: str) -> None:
    with receiver(says(answer(status, headers={"retry-after": value}))) as endpoint:
        result = send(sender, request(endpoint.url()))

    assert result.outcome == Outcome.HTTP_ERROR
    assert result.retry_after_seconds == 120
    assert result.advice.endswith("; the receiver asks to wait 120 s")


def test_204_is_a_success_without_a_body(sender: Sender) -> None:
    with receiver(says(b"HTTP/1.1 204 No Content\r\n\r\n")) as endpoint:
        result = send(sender, request(endpoint.url()))

    assert (result.outcome, result.response.body) == (Outcome.SUCCEEDED, "")


def test_interim_answers_are_skipped(sender: Sender) -> None:
    with receiver(hostile.interim_then_ok) as endpoint:
        result = send(sender, request(endpoint.url()))

    assert (result.outcome, result.response.status_code) == (Outcome.SUCCEEDED, 202)
    assert result.response.body == "later"


def test_an_answer_before_the_request_was_read_still_counts(sender: Sender) -> None:
    with receiver(hostile.early_answer) as endpoint:
        result = send(sender, request(endpoint.url(), body=bytes(300_000)))

    assert (result.outcome, result.response.status_code) == (Outcome.HTTP_ERROR, 413)


# --- hostile answers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behaviour", "outcome", "part"),
    [
        (hostile.silent, Outcome.TIMEOUT_READ, "did not answer within 0.5 s"),
        (hostile.slow_head, Outcome.TIMEOUT_READ, "did not answer within 0.5 s"),
        (hostile.slow_interim, Outcome.TIMEOUT_READ, "did not answer within 0.5 s"),
        (hostile.reset, Outcome.CONNECTION_ERROR, "was reset"),
        (hostile.reset_at_once, Outcome.CONNECTION_ERROR, "the connection"),
        (hostile.half_close, Outcome.CONNECTION_ERROR, "before its response was complete"),
        (hostile.half_head, Outcome.CONNECTION_ERROR, "before its response was complete"),
        (hostile.no_status_line, Outcome.INVALID_RESPONSE, "did not answer in HTTP/1.1"),
        (hostile.not_http, Outcome.INVALID_RESPONSE, "did not answer in HTTP/1.1"),
        (hostile.ten_thousand_headers, Outcome.RESPONSE_TOO_LARGE, "100 lines and 64 KiB"),
        (hostile.endless_header_line, Outcome.RESPONSE_TOO_LARGE, "100 lines and 64 KiB"),
        (hostile.endless_interim, Outcome.RESPONSE_TOO_LARGE, "100 lines and 64 KiB"),
    ],
)
def test_an_answer_without_a_head_has_one_outcome_and_one_advice(
    sender: Sender, behaviour: Behaviour, outcome: Outcome, part: str
) -> None:
    with receiver(behaviour) as endpoint:
        result = send(sender, request(endpoint.url()))

    assert result.outcome == outcome
    assert part in result.advice
    assert result.response is None


@pytest.mark.parametrize(
    ("behaviour", "body"),
    [
        (hostile.slow_body, "a"),
        (hostile.endless_tiny_chunks, "a"),
        (hostile.short_body, "half"),
    ],
)
def test_a_body_that_breaks_off_does_not_undo_an_accepted_event(
    sender: Sender, behaviour: Behaviour, body: str
) -> None:
    with receiver(behaviour) as endpoint:
        result = send(sender, request(endpoint.url()))

    assert result.outcome == Outcome.SUCCEEDED
    assert result.advice == "answered 200; the response body is incomplete"
    assert result.response.body.startswith(body)
    assert result.response.truncated


@pytest.mark.parametrize("status", ["200 OK", "500 Oops"])
def test_a_long_body_is_cut(sender: Sender, status: str) -> None:
    with receiver(says(answer(status, body=b"x" * 100_000))) as endpoint:
        result = send(sender, request(endpoint.url()))

    assert result.response.body == "x" * KEPT_BYTES
    assert result.response.truncated
    assert "whole" not in result.advice


def test_a_body_of_exactly_the_kept_size_is_not_truncated(sender: Sender) -> None:
    with receiver(says(answer("200 OK", body=b"x" * KEPT_BYTES))) as endpoint:
        result = send(sender, request(endpoint.url()))

    assert len(result.response.body) == KEPT_BYTES
    assert not result.response.truncated


def test_an_unrequested_compressed_body_is_read(sender: Sender) -> None:
    said = answer("422 No", headers={"content-encoding": "gzip"}, body=gzip.compress(b"bad id"))
    with receiver(says(said)) as endpoint:
        result = send(sender, request(endpoint.url()))

    assert (result.response.body, result.response.truncated) == ("bad id", False)


def test_a_body_in_an_unknown_compression_is_named(sender: Sender) -> None:
    with receiver(says(answer("200 OK", headers={"content-encoding": "br"}, body=b"\x0b"))) as it:
        result = send(sender, request(it.url()))

    assert result.response.body == "(1 bytes, compressed as br)"


def test_a_body_that_is_not_utf_8_is_kept_as_far_as_it_can_be_read(sender: Sender) -> None:
    with receiver(hostile.invalid_utf8) as endpoint:
        result = send(sender, request(endpoint.url()))

    assert result.response.body == "caf\ufffd \ufffd\ufffd olé"


@pytest.mark.parametrize(
    "behaviour",
    [
        hostile.endless_body,
        hostile.endless_interim,
        hostile.endless_tiny_chunks,
        hostile.gzip_bomb,
        hostile.ten_thousand_headers,
    ],
)
def test_no_answer_takes_more_than_a_little_memory(sender: Sender, behaviour: Behaviour) -> None:
    with receiver(behaviour) as endpoint:
        tracemalloc.start()
        try:
            result = send(sender, request(endpoint.url(), timeout_seconds=2))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert result.response is None or len(result.response.body) <= KEPT_BYTES
    assert peak < 4 * 1024 * 1024  # the receiver's share included


ANY_SENDER = build_sender()


@settings(max_examples=300)
@given(
    st.sampled_from(
        [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n"]
    ).flatmap(lambda start: st.binary(max_size=300).map(lambda rest: start + rest))
)
def test_any_bytes_in_return_give_a_response_or_an_outcome(said: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.MonkeyPatch.context() as patch:
        theirs.sendall(said)
        theirs.shutdown(socket.SHUT_WR)
        patch.setattr(Connector, "connect", lambda *_, **__: ours)
        result = ANY_SENDER.send(request("http://hooks.example/", timeout_seconds=5))
    if result.response:
        assert result.response.status_code >= 200
    outcome = "answered" if result.response else result.outcome

    assert outcome in {
        "answered",
        Outcome.CONNECTION_ERROR,
        Outcome.INVALID_RESPONSE,
        Outcome.RESPONSE_TOO_LARGE,
    }


# --- TLS ------------------------------------------------------------------------------------------


def test_https_is_verified_and_notes_when_the_certificate_expires(
    sender: Sender, authority: Authority
) -> None:
    until = NOW + timedelta(days=90)
    tls = authority.server_with_dates(
        "hooks.example", since=NOW - timedelta(days=5000), until=until
    )
    with receiver(hostile.ok, tls=tls) as endpoint:
        result = send(sender, request(endpoint.url()))

    assert (result.outcome, result.advice) == (Outcome.SUCCEEDED, "answered 200")
    assert result.certificate_expires_at == until
    assert set(result.timings_ms) == {"dns", "connect", "tls", "first_byte"}


def test_sni_and_host_keep_the_name_while_the_address_is_pinned(
    sender: Sender, authority: Authority
) -> None:
    asked: list[str | None] = []
    tls = authority.server("hooks.example")
    tls.sni_callback = lambda _sock, name, _context: asked.append(name)
    with receiver(hostile.ok, tls=tls) as endpoint:
        send(sender, request(endpoint.url()))

    assert asked == ["hooks.example"]
    assert headers_of(endpoint.requests[0])["host"] == f"hooks.example:{endpoint.port}"


def test_an_address_in_the_url_is_verified_against_the_certificate_too(
    sender: Sender, authority: Authority
) -> None:
    with receiver(hostile.ok, tls=authority.server("127.0.0.1")) as endpoint:
        result = send(sender, request(endpoint.url(host="127.0.0.1")))
    with receiver(hostile.ok, tls=authority.server("127.0.0.9")) as endpoint:
        other = send(sender, request(endpoint.url(host="127.0.0.1")))

    assert result.outcome == Outcome.SUCCEEDED
    assert other.outcome == Outcome.TLS_ERROR
    assert "is for 127.0.0.9, not for 127.0.0.1" in other.advice


def test_a_certificate_that_expires_soon_is_noticed_on_success(
    sender: Sender, authority: Authority
) -> None:
    soon = NOW + timedelta(days=9)
    tls = authority.server_with_dates("hooks.example", since=NOW - timedelta(days=5000), until=soon)
    with receiver(hostile.ok, tls=tls) as endpoint:
        result = send(sender, request(endpoint.url()))

    assert result.outcome == Outcome.SUCCEEDED
    assert result.advice == "answered 200; its certificate expires on 2026-12-02: renew it"


def test_an_expired_certificate_is_named_with_its_date(
    sender: Sender, authority: Authority
) -> None:
    until = datetime(2020, 10, 1, tzinfo=UTC)
    tls = authority.server_with_dates(
        "hooks.example", since=until - timedelta(days=90), until=until
    )
    with receiver(hostile.ok, tls=tls) as endpoint:
        result = send(sender, request(endpoint.url()))

    assert result.outcome == Outcome.TLS_ERROR
    assert result.advice == "the certificate of hooks.example expired on 2020-10-01: renew it"
    assert result.certificate_expires_at == until
    assert endpoint.requests == []


def test_a_certificate_for_another_name_is_named(sender: Sender, authority: Authority) -> None:
    with receiver(hostile.ok, tls=authority.server("a.example", "b.example")) as endpoint:
        result = send(sender, request(endpoint.url()))

    assert result.outcome == Outcome.TLS_ERROR
    assert "is for a.example, b.example, not for hooks.example" in result.advice


def test_a_self_signed_certificate_is_distinguished_from_an_unknown_authority(
    authority: Authority, tmp_path: Path
) -> None:
    trusting_nobody = build_sender()
    with receiver(hostile.ok, tls=authority.self_signed(tmp_path)) as endpoint:
        self_signed = send(trusting_nobody, request(endpoint.url()))
    with receiver(hostile.ok, tls=authority.server("hooks.example")) as endpoint:
        unknown = send(trusting_nobody, request(endpoint.url()))

    assert (self_signed.outcome, unknown.outcome) == (Outcome.TLS_ERROR, Outcome.TLS_ERROR)
    assert "is self-signed" in self_signed.advice
    assert "unknown authority" in unknown.advice


def test_plain_http_behind_an_https_url_is_a_tls_error(sender: Sender) -> None:
    with receiver(hostile.plain_http_only) as plain:
        result = send(sender, request(plain.url().replace("http:", "https:")))

    assert result.outcome == Outcome.TLS_ERROR
    assert "does not speak TLS on this port" in result.advice


def test_a_server_that_ends_the_handshake_is_a_tls_error(sender: Sender) -> None:
    with receiver(hostile.hang_up) as endpoint:
        result = send(sender, request(endpoint.url().replace("http:", "https:")))

    assert result.outcome == Outcome.TLS_ERROR
    assert "closed the connection during the TLS handshake" in result.advice


def test_a_server_that_demands_a_client_certificate_says_so(
    sender: Sender, authority: Authority
) -> None:
    tls = authority.server("hooks.example")
    tls.verify_mode = ssl.CERT_REQUIRED
    with receiver(hostile.ok, tls=tls) as endpoint:
        result = send(sender, request(endpoint.url()))

    assert result.outcome == Outcome.TLS_ERROR
    assert "requires a client certificate" in result.advice


@pytest.mark.parametrize("behaviour", [hostile.slow_body, hostile.endless_body, hostile.silent])
def test_tls_does_not_get_around_the_deadline(
    sender: Sender, authority: Authority, behaviour: Behaviour
) -> None:
    with receiver(behaviour, tls=authority.server("hooks.example")) as endpoint:
        result = send(sender, request(endpoint.url()))

    assert result.outcome in (Outcome.SUCCEEDED, Outcome.TIMEOUT_READ)


# --- connecting -----------------------------------------------------------------------------------


def test_a_refused_connection_is_a_connection_error(sender: Sender) -> None:
    port = hostile.closed_port()

    result = send(sender, request(f"http://hooks.example:{port}/"))

    assert result.outcome == Outcome.CONNECTION_ERROR
    assert result.advice.startswith(f"hooks.example:{port}: the connection was refused")


def test_a_connect_that_hangs_times_out() -> None:
    patient = build_sender(connect_timeout_seconds=0.3)
    with hostile.full_backlog() as port:
        result = send(patient, request(f"http://hooks.example:{port}/", timeout_seconds=5))

    assert result.outcome == Outcome.TIMEOUT_CONNECT
    assert "no connection within 0.3 s" in result.advice


def test_an_address_that_hangs_leaves_time_for_the_next() -> None:
    several = build_sender(
        resolve=Resolver((("127.0.0.1", "127.0.0.2"),)), connect_timeout_seconds=0.6
    )
    with hostile.full_backlog() as port, receiver(hostile.ok, host="127.0.0.2", port=port):
        result = send(several, request(f"http://hooks.example:{port}/", timeout_seconds=5))

    assert result.outcome == Outcome.SUCCEEDED


@pytest.mark.parametrize("behaviour", [hostile.deaf, hostile.slow_handshake])
def test_a_tls_handshake_that_does_not_end_times_out(behaviour: Behaviour) -> None:
    with receiver(behaviour) as endpoint:
        secure = request(endpoint.url().replace("http:", "https:"), timeout_seconds=5)
        result = send(build_sender(connect_timeout_seconds=0.3), secure)

    assert result.outcome == Outcome.TIMEOUT_CONNECT
    assert "the TLS handshake took longer than 0.3 s" in result.advice


def test_a_receiver_that_never_reads_times_out(sender: Sender) -> None:
    with receiver(hostile.deaf) as endpoint:
        result = send(sender, request(endpoint.url(), body=bytes(20 * 1024 * 1024)))

    assert result.outcome == Outcome.TIMEOUT_READ


@pytest.mark.parametrize(
    ("code", "part"),
    [(socket.EAI_NONAME, "has no address"), (socket.EAI_AGAIN, "check its name servers")],
)
def test_a_dns_failure_is_a_dns_error(code: int, part: str) -> None:
    def fail(host: str, port: int) -> list[str]:
        raise socket.gaierror(code, "as getaddrinfo says it")

    result = send(build_sender(resolve=fail), request("http://hooks.example/"))

    assert result.outcome == Outcome.DNS_ERROR
    assert part in result.advice


def test_a_name_without_addresses_is_a_dns_error() -> None:
    result = send(build_sender(resolve=Resolver(((),))), request("http://hooks.example/"))

    assert result.outcome == Outcome.DNS_ERROR


def test_dns_that_hangs_is_a_dns_error_in_time() -> None:
    over = Event()

    def hang(host: str, port: int) -> list[str]:
        over.wait(10)
        return []

    result = send(build_sender(resolve=hang), request("http://hooks.example/"))
    over.set()

    assert result.outcome == Outcome.DNS_ERROR
    assert "the DNS lookup of hooks.example timed out" in result.advice


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EMFILE, os.strerror(errno.EMFILE)),
        socket.gaierror(socket.EAI_MEMORY, "as getaddrinfo says it"),
    ],
)
def test_a_look_up_that_fails_for_want_of_our_own_means_is_an_exception(error: OSError) -> None:
    def fail(host: str, port: int) -> list[str]:
        raise error

    with pytest.raises(type(error)):
        build_sender(resolve=fail).send(request("http://hooks.example/"))


def test_a_connect_that_fails_for_want_of_our_own_means_is_an_exception(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(address: tuple[str, int], timeout: float) -> socket.socket:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(socket, "create_connection", fail)

    with pytest.raises(OSError, match=os.strerror(errno.EMFILE)):
        build_sender().send(request("http://hooks.example/"))


def test_the_system_resolver_gives_plain_addresses() -> None:
    assert system_resolve("127.0.0.1", 443) == ["127.0.0.1"]


def test_many_threads_share_one_sender(sender: Sender, authority: Authority) -> None:
    with (
        receiver(hostile.ok, tls=authority.server("hooks.example")) as good,
        receiver(hostile.silent) as bad,
        ThreadPoolExecutor(max_workers=16) as pool,
    ):
        good_ones = [request(good.url(f"/{number}"), timeout_seconds=5) for number in range(16)]
        requests = [*good_ones, *[request(bad.url())] * 4]
        results = list(pool.map(lambda what: send(sender, what), requests))

    assert [result.outcome for result in results[:16]] == [Outcome.SUCCEEDED] * 16
    assert [result.url for result in results] == [what.url for what in requests]
    assert {result.outcome for result in results[16:]} == {Outcome.TIMEOUT_READ}
