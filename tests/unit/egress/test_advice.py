import errno
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorn.egress import advice
from posthorn.models import Outcome

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.SUCCEEDED),
        (204, Outcome.SUCCEEDED),
        (299, Outcome.SUCCEEDED),
        (300, Outcome.HTTP_ERROR),
        (301, Outcome.REDIRECT),
        (302, Outcome.REDIRECT),
        (303, Outcome.REDIRECT),
        (304, Outcome.HTTP_ERROR),
        (307, Outcome.REDIRECT),
        (308, Outcome.REDIRECT),
        (399, Outcome.HTTP_ERROR),
        (404, Outcome.HTTP_ERROR),
        (410, Outcome.HTTP_ERROR),
        (500, Outcome.HTTP_ERROR),
        (999, Outcome.HTTP_ERROR),
    ],
)
def test_only_2xx_succeeds(status: int, outcome: Outcome) -> None:
    assert advice.outcome_of(status) == outcome


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 120 ", 120),
        ("9999999999", 9_999_999_999),
        ("Mon, 23 Nov 2026 10:02:00 GMT", 120),
        ("Mon, 23 Nov 2026 11:02:00 +0100", 120),
        ("Monday, 23-Nov-26 10:02:00 GMT", 120),
        ("Mon Nov 23 10:02:00 2026", 120),
        ("Mon, 23 Nov 2026 09:00:00 GMT", 0),
        ("", None),
        ("-1", None),
        ("40.5", 40.5),
        ("1.5.5", None),
        ("30, 30", 30),
        ("30, 40", 40),
        ("Mon, 23 Nov 2026 10:02:00 GMT, Mon, 23 Nov 2026 10:03:00 GMT", 180),
        (str(int(NOW.timestamp()) + 120), 120),
        (str(int(NOW.timestamp()) - 120), 0),
        ("soon", None),
        ("\u0661\u0662", None),
        ("1" * 5000, None),
        ("Mon, 99 Nov 2026 10:02:00 GMT", None),
        ("Mon, 23 Nov 2026 10:02:00 +999999999999", None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str, seconds: float | None) -> None:
    assert advice.parse_retry_after(value, NOW) == seconds


@given(st.integers(0, 10**9))
def test_retry_after_seconds_and_the_date_of_that_moment_mean_the_same(seconds: int) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)

    assert advice.parse_retry_after(str(seconds), NOW) == seconds
    assert advice.parse_retry_after(date, NOW) == seconds


@given(st.text())
def test_any_retry_after_is_a_wait_or_nothing(value: str) -> None:
    seconds = advice.parse_retry_after(value, NOW)

    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(("status", "seconds"), [(429, 30), (503, 30), (500, None), (200, None)])
def test_retry_after_counts_only_with_the_statuses_it_is_for(
    status: int, seconds: float | None
) -> None:
    assert advice.retry_after(status, {"retry-after": "30"}, NOW) == seconds


@pytest.mark.parametrize(
    ("authorization", "text"),
    [
        ("Bearer abc", "answered 401: check the bearer token"),
        ("Basic abc", "answered 401: check the user name and the password"),
        ("", "answered 401: set or check the endpoint's auth"),
    ],
)
def test_401_names_the_credentials_that_were_sent(authorization: str, text: str) -> None:
    assert advice.response_advice(401, {}, sent={"authorization": authorization}) == text


def test_an_html_page_hints_at_something_in_front_of_the_endpoint() -> None:
    text = advice.response_advice(403, {"content-type": "text/html; charset=utf-8"}, sent={})

    assert "firewall" in text.partition("HTML page")[2]


@pytest.mark.parametrize("status", [300, 304, 400, 402, 404, 410, 429, 500, 503, 599, 999])
def test_every_answer_has_one_line_of_advice(status: int) -> None:
    text = advice.response_advice(status, {}, sent={})

    assert text.startswith(f"answered {status}: ")
    assert "\n" not in text


@pytest.mark.parametrize(
    ("status", "location", "follows", "text"),
    [
        (
            302,
            "https://b.example/",
            False,
            "answered 302, a redirect to https://b.example/: change the URL",
        ),
        (301, "/new", True, "answered 301, a redirect to /new: change the URL"),
        (308, "", True, "answered 308 without a Location header: change the URL"),
        (307, "/new", True, "answered 307, a redirect to /new after 3 redirects: change the URL"),
    ],
)
def test_a_redirect_says_where_to_and_what_to_change(
    status: int, location: str, follows: bool, text: str
) -> None:
    assert advice.redirect_advice(status, location, follows=follows) == text


def test_a_redirect_that_could_be_followed_says_how() -> None:
    assert "follow_redirects" in advice.redirect_advice(307, "/new", follows=False)


def test_what_an_endpoint_said_is_quoted_on_one_short_line() -> None:
    quoted = advice.quoted("a\r\nb\x1b[31m" + "c" * 500)

    assert quoted.startswith("a??b?[31mc")
    assert len(quoted) == 201


CERTIFICATE = {
    "notAfter": "Oct  1 12:00:00 2026 GMT",
    "subjectAltName": (("DNS", "a.example"), ("DNS", "b.example")),
}


@pytest.mark.parametrize(
    ("code", "part"),
    [
        (9, "is not valid yet"),
        (10, "the certificate of hooks.example expired on 2026-10-01: renew it"),
        (18, "is self-signed"),
        (19, "not publicly trusted"),
        (20, "intermediate certificates"),
        (62, "the certificate is for a.example, b.example, not for hooks.example"),
        (64, "not for hooks.example"),
        (66, "OpenSSL code 66"),
    ],
)
def test_a_refused_certificate_says_what_is_wrong_with_it(code: int, part: str) -> None:
    text = advice.certificate_advice("hooks.example", code, certificate=CERTIFICATE, now=NOW)

    assert part in text
    assert "hooks.example" in text


def test_an_expired_authority_is_not_blamed_on_a_certificate_that_is_still_valid() -> None:
    valid = {"notAfter": "Oct  1 12:00:00 2027 GMT"}

    text = advice.certificate_advice("hooks.example", 10, certificate=valid, now=NOW)

    assert "authority" in text
    assert "2027" not in text


def test_advice_needs_no_certificate() -> None:
    assert advice.certificate_expiry({}) is None
    assert "expired" in advice.certificate_advice("a.example", 10, certificate={}, now=NOW)


@pytest.mark.parametrize(
    ("days", "notice"),
    [(15, ""), (13, "; its certificate expires on 2026-12-06: renew it")],
)
def test_a_certificate_that_is_about_to_expire_is_noticed(days: int, notice: str) -> None:
    assert advice.expiry_notice(NOW + timedelta(days=days), NOW) == notice
    assert advice.expiry_notice(None, NOW) == ""


@pytest.mark.parametrize(
    ("code", "part"),
    [
        (socket.EAI_NONAME, "has no address of hooks.example"),
        (socket.EAI_AGAIN, "the DNS lookup of hooks.example failed"),
        (None, "the DNS lookup of hooks.example timed out"),
    ],
)
def test_dns_advice_tells_a_wrong_name_from_a_failing_server(code: int | None, part: str) -> None:
    assert part in advice.dns_advice("hooks.example", code)


@pytest.mark.parametrize(
    ("code", "part"),
    [
        (errno.ECONNREFUSED, "refused"),
        (errno.ECONNRESET, "reset"),
        (errno.ENETUNREACH, "IPv4"),
        (errno.EIO, "failed (EIO)"),
        (None, "failed (no error code)"),
    ],
)
def test_connection_advice_names_the_place_and_the_kind(code: int | None, part: str) -> None:
    text = advice.connection_advice("hooks.example:8443", code)

    assert text.startswith("hooks.example:8443: ")
    assert part in text


@pytest.mark.parametrize(
    ("reason", "part"),
    [
        ("WRONG_VERSION_NUMBER", "does not speak TLS"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "enable TLS 1.2"),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "client certificate"),
        ("SOMETHING_NEW", "(SOMETHING_NEW)"),
        (None, "closed the connection"),
    ],
)
def test_tls_advice_goes_by_the_mnemonic(reason: str | None, part: str) -> None:
    assert part in advice.tls_advice("hooks.example", reason)
