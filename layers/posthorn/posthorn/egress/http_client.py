"""Send one HTTP request to an endpoint and return the result as a value."""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from posthorn.egress.advice import (
    MAX_REDIRECTS,
    expiry_notice,
    is_followed,
    outcome_of,
    quoted,
    redirect_advice,
    response_advice,
    retry_after,
)
from posthorn.egress.connection import (
    AttemptError,
    ConnectionTrace,
    Connector,
    Deadline,
    OwnFailure,
    Resolve,
)
from posthorn.egress.response_reader import KEPT_BYTES, read_response
from posthorn.egress.tls_context import PUBLIC, TlsIdentity, tls_context
from posthorn.egress.transport import Clock, EgressSession, Exchange, GuardedAdapter, prepared
from posthorn.egress.url_guard import (
    BlockedError,
    Destination,
    EgressPolicy,
    check_url,
    redirect_url,
)
from posthorn.models import Outcome, Response

CONNECT_TIMEOUT_SECONDS = 5.0

# Set here only: another value could break the message or smuggle a second one.
_RESERVED_HEADERS = frozenset(
    {
        *("host", "content-length", "transfer-encoding", "connection", "accept-encoding"),
        *("expect", "te", "trailer", "upgrade", "keep-alive", "proxy-connection"),
    }
)


@dataclass(frozen=True)
class Request:
    """`timeout_seconds` covers everything, redirects included; no response extends it."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    timeout_seconds: float
    follow_redirects: bool = False
    # Sent instead to another origin after a redirect: a header of a customer may hold a secret.
    headers_elsewhere: Mapping[str, str] = field(default_factory=dict)
    identity: TlsIdentity = field(default=PUBLIC, repr=False)
    kept_bytes: int = KEPT_BYTES  # of the response body
    owner: str = ""  # the endpoint and its version: it shares kept connections with no other


@dataclass(frozen=True)
class AttemptResult:
    """The result of a request; `response` is None without a complete response head."""

    outcome: Outcome
    advice: str
    url: str  # of the last request, after redirects
    duration_ms: int = 0
    timings_ms: dict[str, int] = field(
        default_factory=dict
    )  # dns, connect, tls, reused, first_byte
    response: Response | None = None
    retry_after_seconds: float | None = None
    certificate_expires_at: datetime | None = None


def system_resolve(host: str, port: int) -> list[str]:
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Sender:
    """Thread-safe. `ca_bundle` names a file of authorities to trust in addition to public ones."""

    def __init__(
        self,
        policy: EgressPolicy,
        *,
        monotonic: Callable[[], float],
        utcnow: Callable[[], datetime],
        resolve: Resolve = system_resolve,
        connect_timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
        ca_bundle: str | None = None,
    ) -> None:
        tls_context(PUBLIC, ca_bundle)  # now, not within the first attempt
        self._policy = policy
        self._monotonic = monotonic
        self._utcnow = utcnow
        self._connect_timeout_seconds = connect_timeout_seconds
        connector = Connector(policy, resolve, utcnow, ca_bundle)
        self.session = EgressSession(GuardedAdapter(connector, Clock(monotonic, utcnow)))

    def send(self, request: Request) -> AttemptResult:
        """Send; the endpoint's behaviour never raises: an exception is our own failure."""
        deadline = Deadline.after(request.timeout_seconds, self._monotonic)
        trace = ConnectionTrace(deadline, request.url)
        response: Response | None = None
        try:
            outcome, advice, response = self._follow(request, trace)
        except BlockedError as refusal:
            outcome, advice = Outcome.BLOCKED, refusal.detail
        except AttemptError as end:
            outcome, advice = end.outcome, end.advice
        except OwnFailure as failure:
            raise failure.error from None
        return AttemptResult(
            outcome=outcome,
            advice=advice,
            duration_ms=trace.elapsed_ms(),
            timings_ms=trace.timings_ms,
            response=response,
            retry_after_seconds=self._wait(response) if response else None,
            certificate_expires_at=trace.certificate_expires_at,
            url=trace.url,
        )

    def _follow(
        self, request: Request, trace: ConnectionTrace, *, hops: int = MAX_REDIRECTS
    ) -> tuple[Outcome, str, Response]:
        """Send, and follow redirects; each hop passes the guard like the first."""
        destination = check_url(request.url, self._policy)
        trace.url = destination.url
        response = self._send_once(request, destination, trace)
        status, location = response.status_code, response.headers.get("location", "")
        if not (request.follow_redirects and hops and is_followed(status, location)):
            return outcome_of(status), self._advice(request, response, trace), response
        try:
            following = self._redirected(destination, location)
        except BlockedError as refusal:
            advice = f"answered {status}, a redirect to {quoted(location)}: {refusal.detail}"
            return Outcome.BLOCKED, advice, response
        headers = request.headers
        if following.origin != destination.origin:
            request = replace(request, identity=PUBLIC)
            headers = request.headers_elsewhere
        request = replace(request, url=following.url, headers=headers)
        return self._follow(request, trace, hops=hops - 1)

    def _redirected(self, destination: Destination, location: str) -> Destination:
        http = self._policy.allow_http and destination.scheme == "http"  # never from https to http
        return check_url(
            redirect_url(destination, location), replace(self._policy, allow_http=http)
        )

    def _send_once(
        self, request: Request, destination: Destination, trace: ConnectionTrace
    ) -> Response:
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in _RESERVED_HEADERS
        }
        exchange = Exchange(
            destination, trace, request.owner, request.identity, self._connect_timeout_seconds
        )
        answer = self.session.send(
            prepared(request.method, destination, headers, request.body),
            stream=True,
            timeout=exchange,  # type: ignore[arg-type]  # as GuardedAdapter.send takes it
        )
        return read_response(answer, trace, kept_bytes=request.kept_bytes)

    def _advice(self, request: Request, response: Response, trace: ConnectionTrace) -> str:
        status, headers = response.status_code, response.headers
        if outcome_of(status) == Outcome.REDIRECT:
            location = headers.get("location", "")
            return redirect_advice(status, location, follows=request.follow_redirects)
        advice = response_advice(status, headers, sent=request.headers)
        wait = self._wait(response)
        return "".join(
            (
                advice,
                f"; the receiver asks to wait {wait:.0f} s" if wait is not None else "",
                "; the response body is incomplete" if trace.unfinished else "",
                expiry_notice(trace.certificate_expires_at, self._utcnow()),
            )
        )

    def _wait(self, response: Response) -> float | None:
        return retry_after(response.status_code, response.headers, self._utcnow())
