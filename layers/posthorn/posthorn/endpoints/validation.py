"""The rules for a saved endpoint that its fields' types cannot state."""

from collections.abc import Callable

from posthorn.core.errors import InvalidError, Violation
from posthorn.egress.url_guard import EgressPolicy, check_url
from posthorn.models import MAX_RETRY_SPAN_SECONDS, ApiKeyAuth, EndpointSpec, OAuth2Auth
from posthorn.models.retry_schedule import span_seconds
from posthorn.subscriptions.matching import check_triggers
from posthorn.subscriptions.payloads import check_payload

# Hop-by-hop headers (RFC 9110 §7.6.1), headers of the connection, and those that Posthorn sets.
_RESERVED = frozenset(
    {
        *("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"),
        *("host", "content-length", "content-type", "expect", "accept-encoding", "user-agent"),
        *("traceparent", "tracestate"),
    }
)
_RESERVED_PREFIXES = ("webhook-", "posthorn-", "proxy-")
MAX_HEADERS_BYTES = 8192  # common servers accept about this much, with Posthorn's own headers


def check_endpoint(spec: EndpointSpec, policy: EgressPolicy) -> None:
    """Raise InvalidError that names every field that breaks a rule."""
    broken: list[Violation] = []
    for field, check in _checks(spec, policy):
        try:
            check()
        except InvalidError as error:
            broken.extend(error.violations or [Violation(field, error.detail)])
    broken.extend(_header_violations(spec))
    if span_seconds(spec.retry) > MAX_RETRY_SPAN_SECONDS:
        broken.append(Violation("/retry", "the delays must add up to at most 7 days"))
    if broken:
        raise InvalidError.of(broken)


def _checks(spec: EndpointSpec, policy: EgressPolicy) -> list[tuple[str, Callable[[], object]]]:
    checks: list[tuple[str, Callable[[], object]]] = [
        ("/url", lambda: check_url(spec.url, policy)),
        ("/payload", lambda: check_payload(spec.payload)),
        ("/condition", lambda: check_triggers(spec)),
    ]
    auth = spec.auth
    if isinstance(auth, OAuth2Auth):
        checks.append(("/auth/token_url", lambda: check_url(auth.token_url, policy)))
    return checks


def _header_violations(spec: EndpointSpec) -> list[Violation]:
    named = {f"/headers/{name}": name.lower() for name in spec.headers}
    if isinstance(spec.auth, ApiKeyAuth):
        named["/auth/header"] = spec.auth.header.lower()
    broken = [
        Violation(field, "this header is set by Posthorn or by the connection")
        for field, name in named.items()
        if name in _RESERVED or name.startswith(_RESERVED_PREFIXES)
    ]
    if len(set(named.values())) < len(named):
        broken.append(Violation("/headers", "header names must differ in more than case"))
    if sum(len(name) + len(value) for name, value in spec.headers.items()) > MAX_HEADERS_BYTES:
        message = f"must be at most {MAX_HEADERS_BYTES} bytes in total"
        broken.append(Violation("/headers", message))
    return broken
