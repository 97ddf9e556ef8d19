"""The outcome of an attempt, and one line of advice for the receiver's developer.

Derived from status codes, errno, resolver and certificate codes, never from an error's text.
"""

import errno
import re
import socket
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from posthorn.egress.intermediaries import STATUS_ADVICE, limit_advice, page_hint
from posthorn.models import Outcome

REDIRECTS = frozenset({301, 302, 303, 307, 308})
FOLLOWED_REDIRECTS = frozenset({307, 308})  # they preserve method and body
MAX_REDIRECTS = 3
EXPIRY_NOTICE = timedelta(days=14)
_QUOTE_LENGTH = 200
_RETRY_AFTER_STATUSES = frozenset({429, 503})
# A comma after a number or a time zone separates two values; the one within a date does not.
_WAITS = re.compile(r"(?<=[0-9T]),\s*(?=[0-9A-Z])")
# So close to now a number is a time: as a wait it would be 50 years.
_EPOCH_WITHIN_SECONDS = 10 * 365 * 24 * 3600

_STATUS_ADVICE = {
    400: "the receiver rejected the request: check the payload and headers that it requires",
    403: "access is forbidden: check credentials, allow lists and firewall rules",
    404: "there is no resource at this URL: check the path",
    405: "the method is not supported: change the endpoint's method",
    408: "the receiver timed out waiting for the request",
    409: "the receiver reports a conflict: answer 2xx to a webhook-id that was handled before",
    410: "the resource is gone permanently: the endpoint is disabled",
    413: "the payload is too large for the receiver: raise its limit or send fewer fields",
    415: "the content type is not supported: check the payload mode and the headers",
    422: "the receiver cannot process the payload: compare it with the expected format",
    429: "the receiver limits its rate of requests",
    500: "the receiver failed while handling the request: check its log",
    501: "the method is not implemented: change the endpoint's method",
    502: "a gateway received no valid response from the application behind it",
    503: "the receiver is temporarily unavailable",
    504: "a gateway timed out waiting for the application behind it",
}
_CREDENTIALS = {
    "bearer": "check the bearer token",
    "basic": "check the user name and the password",
    "": "set or check the endpoint's auth",
}
_UNREACHABLE = {
    errno.ECONNREFUSED: "the connection was refused: check that a server listens on this port",
    errno.ECONNRESET: "the connection was reset: check for a firewall or a crash at the receiver",
    errno.EPIPE: "the connection was closed while the request was sent",
    errno.EHOSTUNREACH: "there is no route to its address: check DNS records and firewall",
    errno.ENETUNREACH: "its network is unreachable: check that it has an IPv4 address",
}
_NO_SUCH_NAME = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})
_TLS_REASONS = {
    "the server does not speak TLS on this port: check the port, or its TLS settings": (
        *("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST"),
        *("PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"),
    ),
    "the server supports no TLS version above 1.1: enable TLS 1.2 or 1.3": (
        *("UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE"),
    ),
    "the server supports no current cipher suite: enable one": (
        *("SSLV3_ALERT_HANDSHAKE_FAILURE", "TLSV1_ALERT_INSUFFICIENT_SECURITY"),
        *("NO_SHARED_CIPHER", "DH_KEY_TOO_SMALL"),
    ),
    "the server requires a client certificate: set the endpoint's tls.client_certificate": (
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
    ),
    "the server refused the client certificate: check it, and the authorities the server trusts": (
        *("SSLV3_ALERT_BAD_CERTIFICATE", "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE"),
        *("SSLV3_ALERT_CERTIFICATE_EXPIRED", "SSLV3_ALERT_CERTIFICATE_REVOKED"),
        *("SSLV3_ALERT_CERTIFICATE_UNKNOWN", "TLSV1_ALERT_UNKNOWN_CA"),
    ),
    "the server is not configured for the URL's host name: check its virtual hosts": (
        *("TLSV1_UNRECOGNIZED_NAME", "TLSV1_ALERT_UNRECOGNIZED_NAME"),
    ),
    "the server does not offer HTTP/1.1: enable it in addition to HTTP/2": (
        *("TLSV1_ALERT_NO_APPLICATION_PROTOCOL",),
    ),
    "the server closed the connection during the TLS handshake": (
        *("UNEXPECTED_EOF_WHILE_READING", ""),  # ssl gives no reason when the connection just ends
    ),
}
_TLS_ADVICE = {reason: advice for advice, reasons in _TLS_REASONS.items() for reason in reasons}


def outcome_of(status: int) -> Outcome:
    if 200 <= status < 300:
        return Outcome.SUCCEEDED
    return Outcome.REDIRECT if status in REDIRECTS else Outcome.HTTP_ERROR


def is_followed(status: int, location: str) -> bool:
    """Whether an endpoint with `follow_redirects` follows this redirect."""
    return status in FOLLOWED_REDIRECTS and bool(location)


def response_advice(status: int, headers: Mapping[str, str], *, sent: Mapping[str, str]) -> str:
    """Advice for a response other than a redirect; `sent` are the request headers."""
    if 200 <= status < 300:
        return f"answered {status}"
    if status == 401:
        scheme = sent.get("authorization", "").partition(" ")[0].lower()
        advice = _CREDENTIALS.get(scheme, _CREDENTIALS[""])
    else:
        advice = (
            limit_advice(status, headers)
            or STATUS_ADVICE.get(status)
            or _STATUS_ADVICE.get(status, "only a 2xx status accepts an event")
        )
    return f"answered {status}: {advice}{page_hint(headers)}"


def redirect_advice(status: int, location: str, *, follows: bool) -> str:
    """Advice for a redirect that is not followed, or not followed any further."""
    if not location:
        return f"answered {status} without a Location header: change the URL"
    answered = f"answered {status}, a redirect to {quoted(location)}"
    if status not in FOLLOWED_REDIRECTS:
        return f"{answered}: change the URL"
    if follows:
        return f"{answered} after {MAX_REDIRECTS} redirects: change the URL"
    return f"{answered}: change the URL, or set follow_redirects"


def expiry_notice(expires_at: datetime | None, now: datetime) -> str:
    """A warning to append to the advice if the certificate expires within EXPIRY_NOTICE, or ""."""
    if expires_at is None or expires_at - now > EXPIRY_NOTICE:
        return ""
    return f"; its certificate expires on {expires_at:%Y-%m-%d}: renew it"


def dns_advice(host: str, code: int | None) -> str:
    """`code` is the errno of socket.gaierror, None for a timeout."""
    if code is None:
        return f"the DNS lookup of {host} timed out: check its name servers"
    if code in _NO_SUCH_NAME:
        return f"DNS has no address of {host}: check the spelling and its DNS records"
    return f"the DNS lookup of {host} failed: check its name servers"


def connection_advice(authority: str, code: int | None) -> str:
    """`code` is an errno, None if there is none."""
    name = errno.errorcode.get(code or 0, "no error code")
    return f"{authority}: {_UNREACHABLE.get(code or 0, f'the connection failed ({name})')}"


def tls_advice(host: str, reason: str | None) -> str:
    """`reason` is OpenSSL's mnemonic, as in ssl.SSLError.reason."""
    advice = _TLS_ADVICE.get(reason or "", f"the TLS handshake failed ({reason})")
    return f"{host}: {advice}"


def certificate_advice(
    host: str, code: int, *, certificate: Mapping[str, Any], now: datetime
) -> str:
    """`code` is OpenSSL's X509_V_ERR_…; `certificate` has the shape of SSLSocket.getpeercert()."""
    expires_at = certificate_expiry(certificate)
    if code == 10:  # X509_V_ERR_CERT_HAS_EXPIRED, of any certificate of the chain
        if expires_at and expires_at <= now:
            return f"the certificate of {host} expired on {expires_at:%Y-%m-%d}: renew it"
        return f"an authority's certificate in the chain of {host} has expired: renew the chain"
    if code in (62, 64):  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
        names = quoted(", ".join(name for _, name in certificate.get("subjectAltName", ())))
        return f"the certificate is for {names or 'no name'}, not for {host}: get one for this name"
    return {
        9: f"the certificate of {host} is not valid yet: check its dates and the server's clock",
        18: f"the certificate of {host} is self-signed: get one from a public authority",
        19: f"the certificate of {host} is from an authority that is not publicly trusted",
        20: f"the certificate of {host} is from an unknown authority, or the server sends no"
        " intermediate certificates: configure the full chain",
        23: f"the certificate of {host} was revoked: replace it",
    }.get(code, f"the certificate of {host} cannot be verified (OpenSSL code {code})")


def certificate_expiry(certificate: Mapping[str, Any]) -> datetime | None:
    not_after = certificate.get("notAfter")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(not_after), UTC) if not_after else None


def retry_after(status: int, headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait by `Retry-After`, honoured for 429 and 503."""
    if status not in _RETRY_AFTER_STATUSES:
        return None
    return parse_retry_after(headers.get("retry-after", ""), now)


def parse_retry_after(value: str, now: datetime) -> float | None:
    """Seconds from now, at least 0, or None: the longest of the waits in a `Retry-After`.

    Both forms of RFC 9110 §10.2.3, and the forms in use beside them: fractions of a second, the
    time as seconds since 1970, and the header given twice.
    """
    waits = [_wait(each, now) for each in _WAITS.split(value)]
    return max((wait for wait in waits if wait is not None), default=None)


def _wait(value: str, now: datetime) -> float | None:
    value = value.strip()
    if re.fullmatch(r"[0-9]{1,10}(\.[0-9]{1,9})?", value):
        until = float(value) - now.timestamp()
        return max(0.0, until) if abs(until) < _EPOCH_WITHIN_SECONDS else float(value)
    try:
        moment = parsedate_to_datetime(value)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (aware - now).total_seconds())
    except (ValueError, OverflowError, IndexError, TypeError):
        return None


def quoted(text: str) -> str:
    """Text from an endpoint made printable and short, for one line."""
    line = "".join(character if character.isprintable() else "?" for character in text)
    return line if len(line) <= _QUOTE_LENGTH else f"{line[:_QUOTE_LENGTH]}…"
