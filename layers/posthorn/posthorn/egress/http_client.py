"""One HTTP request to an endpoint, and how it ended, as a value (design.md §6)."""

import re
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime

import certifi

from posthorn.egress import advice as outcomes
from posthorn.egress.connection import (
    AttemptError,
    ConnectionTrace,
    Connector,
    Deadline,
    DeadlineSocket,
    Resolve,
)
from posthorn.egress.response_reader import send_request
from posthorn.egress.url_guard import (
    BlockedError,
    Destination,
    EgressPolicy,
    check_url,
    redirect_url,
)
from posthorn.models import Outcome, Response

CONNECT_TIMEOUT_SECONDS = 5.0  # design.md §6

# Ours alone, because another value could break or smuggle a message.
_OURS = frozenset(
    {
        *("host", "content-length", "transfer-encoding", "connection", "accept-encoding"),
        *("expect", "te", "trailer", "upgrade", "keep-alive", "proxy-connection"),
    }
)
# What goes along to another origin: any other header may hold a secret meant for the first.
_FOR_ANY_ORIGIN = re.compile(
    r"accept|content-type|user-agent|traceparent|tracestate|(webhook|posthorn|ce)-.+", re.IGNORECASE
)


@dataclass(frozen=True)
class Request:
    """`timeout_seconds` is for all of it, redirects included: no endpoint can make it longer."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    timeout_seconds: float
    follow_redirects: bool = False


@dataclass(frozen=True)
class AttemptResult:
    """How a request ended; without a status code where no complete head came back."""

    outcome: Outcome
    advice: str
    url: str  # of the last request, after redirects
    duration_ms: int = 0
    timings_ms: dict[str, int] = field(default_factory=dict)  # dns, connect, tls, first_byte
    status_code: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    truncated: bool = False
    retry_after_seconds: float | None = None
    certificate_expires_at: datetime | None = None


def system_resolve(host: str, port: int) -> list[str]:
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Sender:
    """Safe to call from many threads. `ca_bundle` names authorities to trust beside the public."""

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
        tls = ssl.create_default_context(cafile=certifi.where())  # 40 ms, so not for each request
        tls.set_alpn_protocols(["http/1.1"])
        if ca_bundle:
            tls.load_verify_locations(cafile=ca_bundle)
        self._policy = policy
        self._monotonic = monotonic
        self._utcnow = utcnow
        self._connect_timeout_seconds = connect_timeout_seconds
        self._dialler = Connector(policy, resolve, tls, utcnow)

    def send(self, request: Request) -> AttemptResult:
        """Never raise for what the endpoint did: an exception is a failure of ours."""
        deadline = Deadline.after(request.timeout_seconds, self._monotonic)
        trace = ConnectionTrace(deadline, request.url)
        answer: Response | None = None
        try:
            outcome, advice, answer = self._follow(request, trace)
        except BlockedError as refusal:
            outcome, advice = Outcome.BLOCKED, refusal.detail
        except AttemptError as end:
            outcome, advice = end.outcome, end.advice
        return AttemptResult(
            outcome=outcome,
            advice=advice,
            duration_ms=trace.elapsed_ms(),
            timings_ms=trace.timings_ms,
            status_code=answer.status_code if answer else None,
            headers=answer.headers if answer else {},
            body=answer.body if answer else "",
            truncated=answer.truncated if answer else False,
            retry_after_seconds=self._wait(answer) if answer else None,
            certificate_expires_at=trace.certificate_expires_at,
            url=trace.url,
        )

    def _follow(
        self, request: Request, trace: ConnectionTrace, *, hops: int = outcomes.MAX_REDIRECTS
    ) -> tuple[Outcome, str, Response]:
        """Ask, and ask again where a redirect leads; each hop passes the guard like the first."""
        destination = check_url(request.url, self._policy)
        trace.url = destination.url
        answer = self._ask(request, destination, trace)
        status, location = answer.status_code, answer.headers.get("location", "")
        if not (request.follow_redirects and hops and outcomes.is_followed(status, location)):
            return outcomes.outcome_of(status), self._advice(request, answer, trace), answer
        try:
            following = self._redirected(destination, location)
        except BlockedError as refusal:
            advice = f"answered {status} to {outcomes.quoted(location)}: {refusal.detail}"
            return Outcome.BLOCKED, advice, answer
        headers = request.headers
        if following.origin != destination.origin:
            headers = {name: headers[name] for name in headers if _FOR_ANY_ORIGIN.fullmatch(name)}
        request = replace(request, url=following.url, headers=headers)
        return self._follow(request, trace, hops=hops - 1)

    def _redirected(self, destination: Destination, location: str) -> Destination:
        http = self._policy.allow_http and destination.scheme == "http"  # never back from https
        return check_url(
            redirect_url(destination, location), replace(self._policy, allow_http=http)
        )

    def _ask(self, request: Request, destination: Destination, trace: ConnectionTrace) -> Response:
        headers = {
            "host": destination.authority,
            **{
                name: request.headers[name] for name in request.headers if name.lower() not in _OURS
            },
            "connection": "close",  # the next attempt is resolved and checked anew
        }
        connecting = trace.deadline.within(self._connect_timeout_seconds)
        sock = self._dialler.connect(destination, connecting, trace=trace)
        with closing(DeadlineSocket(sock, trace.deadline)) as wire:
            return send_request(
                wire,
                trace,
                method=request.method,
                target=destination.target,
                headers=headers,
                body=request.body,
            )

    def _advice(self, request: Request, answer: Response, trace: ConnectionTrace) -> str:
        status, headers = answer.status_code, answer.headers
        if outcomes.outcome_of(status) == Outcome.REDIRECT:
            location = headers.get("location", "")
            return outcomes.redirect_advice(status, location, follows=request.follow_redirects)
        advice = outcomes.answer_advice(status, headers, sent=request.headers)
        wait = self._wait(answer)
        return "".join(
            (
                advice,
                f"; it asks to wait {wait:.0f} s" if wait is not None else "",
                "; its body did not arrive whole" if trace.unfinished else "",
                outcomes.expiry_notice(trace.certificate_expires_at, self._utcnow()),
            )
        )

    def _wait(self, answer: Response) -> float | None:
        return outcomes.retry_after(answer.status_code, answer.headers, self._utcnow())
