"""The rules for a saved endpoint that its fields' types cannot state."""

import re
from collections.abc import Callable
from functools import partial

from posthorn.core.errors import InvalidError, Violation
from posthorn.egress.url_guard import EgressPolicy, check_url
from posthorn.models import MAX_RETRY_SPAN_SECONDS, ApiKeyAuth, EndpointSpec, OAuth2Auth
from posthorn.models.retry_schedule import span_seconds
from posthorn.subscriptions.matching import check_triggers
from posthorn.subscriptions.payloads import check_payload
from posthorn.subscriptions.templates import flaw, url_flaw

# Hop-by-hop headers (RFC 9110 §7.6.1), headers of the connection, and those that Posthorn sets.
_RESERVED = frozenset(
    {
        *("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"),
        *("host", "content-length", "expect", "accept-encoding"),
        *("traceparent", "tracestate"),
    }
)
_NO_CREDENTIALS = ("content-type", "user-agent")
_TOKEN_FIELDS = frozenset(
    {*("grant_type", "client_id", "client_secret", "scope", "audience", "resource")}
)
_RESERVED_PREFIXES = ("webhook-", "posthorn-", "proxy-")
_HOST = re.compile(r"https?://([^/?#:@\s]{1,253})", re.IGNORECASE)
MAX_HEADERS_BYTES = 8192  # common servers accept about this much, with Posthorn's own headers


def check_endpoint(spec: EndpointSpec, policy: EgressPolicy) -> None:
    """Raise InvalidError that names every field that breaks a rule."""
    broken: list[Violation] = []
    urls = {"/url": spec.url}
    if isinstance(spec.auth, OAuth2Auth):
        urls["/auth/token_url"] = spec.auth.token_url
    checks: list[tuple[str, Callable[[], object]]] = [
        *((field, partial(check_url, url, policy)) for field, url in urls.items()),
        ("/payload", partial(check_payload, spec.payload)),
        ("/condition", partial(check_triggers, spec)),
    ]
    for field, check in checks:
        try:
            check()
        except InvalidError as error:
            hint = _spelling(urls[field]) if field in urls else ""
            broken.extend(error.violations or [Violation(field, error.detail + hint)])
    broken.extend(_header_violations(spec))
    broken.extend(_parameter_violations(spec))
    values = {f"/headers/{name}": value for name, value in spec.headers.items()}
    flaws = {"/url": url_flaw(spec.url)} | {at: flaw(value) for at, value in values.items()}
    broken.extend(Violation(at, message) for at, message in flaws.items() if message)
    if span_seconds(spec.retry) > MAX_RETRY_SPAN_SECONDS:
        broken.append(Violation("/retry", "the delays must add up to at most 7 days"))
    if broken:
        raise InvalidError.of(broken)


def _parameter_violations(spec: EndpointSpec) -> list[Violation]:
    parameters = spec.auth.parameters if isinstance(spec.auth, OAuth2Auth) else {}
    return [
        Violation(f"/auth/parameters/{name}", "this parameter has a field of its own")
        for name in parameters
        if name in _TOKEN_FIELDS
    ]


def _spelling(url: str) -> str:
    """How to write a host whose letters IDNA 2003 and 2008 convert to different names."""
    match = _HOST.match(url)
    if match is None or not set(match[1]) & set("ßς"):
        return ""
    labels = [
        each if each.isascii() else f"xn--{each.lower().encode('punycode').decode()}"
        for each in match[1].split(".")
    ]
    return f": write it as {'.'.join(labels)}"


def _header_violations(spec: EndpointSpec) -> list[Violation]:
    named = {f"/headers/{name}": name.lower() for name in spec.headers}
    if isinstance(spec.auth, ApiKeyAuth):
        named["/auth/header"] = spec.auth.header.lower()
    broken = [
        Violation("/auth/header", "credentials need a header of their own")
        for name in _NO_CREDENTIALS
        if named.get("/auth/header") == name
    ]
    broken += [
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
