"""The transport adapter of `requests`: urllib3 over connections that the guard has made.

urllib3 keeps and reuses the connections; they are made, bounded and given up here.
"""

import ssl
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.client import HTTPException, LineTooLong, RemoteDisconnected
from typing import Any

from requests import PreparedRequest, Session
from requests import Response as RequestsResponse
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, PoolManager
from urllib3.connection import HTTPConnection
from urllib3.util import SKIP_HEADER

from posthorn.egress.advice import connection_advice, tls_advice
from posthorn.egress.connection import AttemptError, ConnectionTrace, Connector
from posthorn.egress.tls_context import TlsIdentity
from posthorn.egress.url_guard import Destination
from posthorn.egress.wire import DeadlineSocket, FinalResponse, LimitError
from posthorn.models import Outcome

# Together at most 500 of the 1024 file descriptors of a Lambda environment.
KEPT_ENDPOINTS = 50
KEPT_PER_ENDPOINT = 10  # the dispatcher handles ten messages at once
KEPT_IDLE = timedelta(seconds=20)
GUARD_ANSWER_LIFETIME = timedelta(seconds=60)  # the name is resolved and checked again after it


class _StaleError(Exception):
    """A kept connection was closed by the receiver before a byte of the response."""


@dataclass
class Exchange:
    """One request under way, and the connections it may use."""

    destination: Destination
    trace: ConnectionTrace
    owner: str  # only requests of the same owner and identity share connections
    identity: TlsIdentity
    connect_timeout_seconds: float
    may_reuse: bool = True


_EXCHANGE: ContextVar[Exchange] = ContextVar("exchange")


@dataclass(frozen=True)
class Clock:
    """Both clocks: the monotonic one does not count the time that an environment is frozen."""

    monotonic: Callable[[], float]
    utcnow: Callable[[], datetime]

    def read(self) -> tuple[float, datetime]:
        return self.monotonic(), self.utcnow()

    def is_within(self, lifetime: timedelta, since: tuple[float, datetime]) -> bool:
        monotonic, now = self.read()
        longest = max(monotonic - since[0], abs((now - since[1]).total_seconds()))
        return longest <= lifetime.total_seconds()


class GuardedConnection(HTTPConnection):
    """A connection of urllib3 whose socket comes from the Connector."""

    response_class = FinalResponse
    sock: Any

    def __init__(
        self, host: str, port: int, *, connector: Connector, clock: Clock, **options: Any
    ) -> None:
        super().__init__(host, port, **options)
        self._connector = connector
        self._clock = clock
        self._is_reused = False
        self._wire: DeadlineSocket  # http.client forgets `sock` when it fails
        self._certificate_expires_at: datetime | None = None
        self._checked = self._used = clock.read()

    @property
    def is_connected(self) -> bool:
        """Whether an idle connection can be used again; urllib3 closes it otherwise."""
        return (
            self.sock is not None
            and _EXCHANGE.get().may_reuse
            and self._clock.is_within(GUARD_ANSWER_LIFETIME, self._checked)
            and self._clock.is_within(KEPT_IDLE, self._used)
            and self.sock.is_quiet()
        )

    def connect(self) -> None:
        exchange = _EXCHANGE.get()
        trace = exchange.trace
        deadline = trace.deadline.within(exchange.connect_timeout_seconds)
        self._checked = self._clock.read()  # before the look-up, so never too late
        self.sock = self._wire = DeadlineSocket(
            self._connector.connect(
                exchange.destination, deadline, trace=trace, identity=exchange.identity
            )
        )
        self.sock.begin(trace)
        self._certificate_expires_at = trace.certificate_expires_at

    def request(self, method: str, url: str, *args: Any, **options: Any) -> None:
        exchange = _EXCHANGE.get()
        self._is_reused = self.sock is not None
        if self._is_reused:
            self.sock.begin(exchange.trace)
            exchange.trace.timings_ms.setdefault("reused", 0)
            exchange.trace.certificate_expires_at = self._certificate_expires_at
        try:
            # An early response, such as 401 or 413, is still read.
            with suppress(ConnectionError, ssl.SSLEOFError):
                # urllib3 rewrites the target, which the guard has already encoded.
                super().request(method, exchange.destination.target, *args, **options)
        except OSError as error:
            raise self._failure(error) from error

    def getresponse(self) -> Any:
        try:
            response = super().getresponse()
        except (OSError, HTTPException, LimitError) as error:
            raise self._failure(error) from error
        self._used = self._clock.read()
        return response

    def _failure(self, error: Exception) -> Exception:
        is_closed = isinstance(error, OSError) and not isinstance(error, TimeoutError)
        if self._is_reused and is_closed and not self._wire.received:
            return _StaleError()
        exchange = _EXCHANGE.get()
        where = exchange.destination.authority
        return AttemptError(*_explained(error, where, exchange.trace.deadline.seconds))


def _explained(error: Exception, where: str, seconds: float) -> tuple[Outcome, str]:
    if isinstance(error, TimeoutError):
        advice = f"{where} did not answer within {seconds:g} s: answer 2xx first, then do the work"
        return Outcome.TIMEOUT_READ, advice
    if isinstance(error, RemoteDisconnected):
        advice = f"{where} closed the connection before its response was complete"
        return Outcome.CONNECTION_ERROR, advice
    # http.client has no specific class for more than 100 headers
    if isinstance(error, LimitError | LineTooLong) or type(error) is HTTPException:
        advice = f"{where} sent response headers over the limit of 100 lines and 64 KiB"
        return Outcome.RESPONSE_TOO_LARGE, advice
    if isinstance(error, HTTPException):
        advice = f"{where} did not answer in HTTP/1.1: check the server on this port"
        return Outcome.INVALID_RESPONSE, advice
    if isinstance(error, ssl.SSLError):
        return Outcome.TLS_ERROR, tls_advice(where, error.reason)
    code = error.errno if isinstance(error, OSError) else None
    return Outcome.CONNECTION_ERROR, connection_advice(where, code)


class _Pool(HTTPConnectionPool):
    """The kept connections of one owner to one origin, also for https: the Connector does TLS."""

    ConnectionCls = GuardedConnection


class _PoolManager(PoolManager):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.pool_classes_by_scheme = {"http": _Pool, "https": _Pool}


class GuardedAdapter(HTTPAdapter):
    """Sends over connections that the guard has made; takes an Exchange in place of a timeout."""

    def __init__(self, connector: Connector, clock: Clock) -> None:
        self._options = {"connector": connector, "clock": clock}
        super().__init__(KEPT_ENDPOINTS, KEPT_PER_ENDPOINT)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **_: Any
    ) -> None:
        self.poolmanager = _PoolManager(
            num_pools=connections, maxsize=maxsize, block=block, **self._options
        )

    def send(  # type: ignore[override]
        self, request: PreparedRequest, *args: Any, timeout: Exchange, **options: Any
    ) -> RequestsResponse:
        token = _EXCHANGE.set(timeout)
        try:
            return super().send(request, *args, **options)
        except _StaleError:  # replaced once, by a new connection
            timeout.may_reuse = False
            timeout.trace.timings_ms.pop("reused")
            return super().send(request, *args, **options)
        finally:
            _EXCHANGE.reset(token)

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> Any:
        exchange = _EXCHANGE.get()
        key: Any = (exchange.owner, exchange.identity, *exchange.destination.origin)
        scheme, host, port = exchange.destination.origin
        context = {
            **self.poolmanager.connection_pool_kw,
            **{"scheme": scheme, "host": host, "port": port},
        }
        return self.poolmanager.connection_from_pool_key(key, context)

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """The Connector verifies the certificate."""

    def build_response(self, req: PreparedRequest, resp: BaseHTTPResponse) -> RequestsResponse:
        """As in `requests`, without cookies and a guess of the encoding."""
        response = RequestsResponse()
        response.status_code = resp.status
        response.headers = CaseInsensitiveDict(resp.headers)
        response.raw = resp
        response.request = req
        response.url = req.url or ""
        return response


class _NoCookies(RequestsCookieJar):
    def extract_cookies(self, *_: Any) -> None:
        """A response sets no cookie."""


class EgressSession(Session):
    """A session with one adapter, and nothing of the environment, cookies or redirects."""

    def __init__(self, adapter: HTTPAdapter) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies = _NoCookies()
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def get_redirect_target(self, resp: RequestsResponse) -> str | None:
        """None: the sender follows redirects, after the guard."""
        return None


def prepared(
    method: str, destination: Destination, headers: dict[str, str], body: bytes
) -> PreparedRequest:
    """A request as it is sent: `prepare()` would parse and rewrite the URL a second time."""
    request = PreparedRequest()
    request.method = method
    request.url = destination.url
    request.headers = CaseInsensitiveDict(
        {
            "host": destination.authority,
            "accept-encoding": "identity",
            "user-agent": SKIP_HEADER,  # unless given; urllib3 would add its own
            **headers,
            "content-length": str(len(body)),
        }
    )
    request.body = body
    return request
