"""Connect to a checked address within an absolute deadline."""

import errno
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from posthorn.egress.advice import (
    certificate_advice,
    certificate_expiry,
    connection_advice,
    dns_advice,
    tls_advice,
)
from posthorn.egress.ip_ranges import Address
from posthorn.egress.tls_context import PUBLIC, TlsIdentity, tls_context
from posthorn.egress.url_guard import Destination, EgressPolicy, check_addresses
from posthorn.models import Outcome

Resolve = Callable[[str, int], Iterable[str]]

# Out of sockets, memory or ports: our own failure, so not an outcome of the endpoint.
_OWN_FAILURES = frozenset(
    {
        *(errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL),
        *(socket.EAI_MEMORY, socket.EAI_SYSTEM),
    }
)


class AttemptError(Exception):
    """The attempt ended by the endpoint's behaviour; the sender turns it into a value."""

    def __init__(self, outcome: Outcome, advice: str) -> None:
        super().__init__(advice)
        self.outcome = outcome
        self.advice = advice


class OwnFailure(Exception):  # noqa: N818 - a failure of ours, not of the endpoint
    """Wraps an OSError of ours, which urllib3 would take for an error of the connection."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True)
class Deadline:
    """An absolute deadline, and the seconds from its creation until then."""

    at: float
    seconds: float
    monotonic: Callable[[], float]

    @classmethod
    def after(cls, seconds: float, monotonic: Callable[[], float]) -> Self:
        return cls(monotonic() + seconds, seconds, monotonic)

    def within(self, seconds: float) -> Self:
        """The earlier of this deadline and one after so many seconds."""
        return min(self, self.after(seconds, self.monotonic), key=lambda deadline: deadline.at)

    def remaining(self) -> float:
        """Seconds left, always more than 0; raise TimeoutError after the deadline."""
        left = self.at - self.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


@dataclass
class ConnectionTrace:
    """Measurements of a running attempt."""

    deadline: Deadline
    url: str
    timings_ms: dict[str, int] = field(default_factory=dict)
    certificate_expires_at: datetime | None = None
    unfinished: bool = False  # the response body ended early

    def elapsed_ms(self) -> int:
        return round((self.deadline.seconds - self.deadline.at + self.deadline.monotonic()) * 1000)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the duration of the block to the phase, even if it raises."""
        started = self.deadline.monotonic()
        try:
            yield
        finally:
            elapsed = round((self.deadline.monotonic() - started) * 1000)
            self.timings_ms[name] = self.timings_ms.get(name, 0) + elapsed


@dataclass(frozen=True)
class Connector:
    """Opens connections to addresses that the guard has checked, and to no others."""

    policy: EgressPolicy
    resolve: Resolve
    now: Callable[[], datetime]
    ca_bundle: str | None = None

    def connect(
        self,
        destination: Destination,
        deadline: Deadline,
        *,
        trace: ConnectionTrace,
        identity: TlsIdentity = PUBLIC,
    ) -> socket.socket:
        """Resolve once, check every address, connect, and do the TLS handshake for https.

        Raise BlockedError, AttemptError, or OwnFailure for our lack of sockets, memory or ports.
        """
        addresses = self._addresses(destination, deadline, trace=trace)
        where = destination.authority
        try:
            with trace.phase("connect"):
                sock = _connect(addresses, destination.port, deadline)
            if destination.scheme == "http":
                return sock
            with trace.phase("tls"):
                tls = tls_context(identity, self.ca_bundle)
                return self._tls_handshake(sock, destination, tls, deadline=deadline, trace=trace)
        except TimeoutError:
            advice = (
                f"{where}: no connection within {deadline.seconds:g} s: check firewall and port"
            )
            raise AttemptError(Outcome.TIMEOUT_CONNECT, advice) from None
        except OSError as error:
            if error.errno in _OWN_FAILURES:
                raise OwnFailure(error) from error
            advice = connection_advice(where, error.errno)
            raise AttemptError(Outcome.CONNECTION_ERROR, advice) from error

    def _addresses(
        self, destination: Destination, deadline: Deadline, *, trace: ConnectionTrace
    ) -> Sequence[Address]:
        if destination.address:
            return (destination.address,)
        host = destination.host
        code: int | None = socket.EAI_NONAME
        answer: list[str] = []
        with trace.phase("dns"):
            try:
                answer = _in_time(lambda: list(self.resolve(host, destination.port)), deadline)
            except TimeoutError:
                code = None
            except socket.gaierror as error:
                if error.errno in _OWN_FAILURES:
                    raise OwnFailure(error) from error
                code = error.errno
            except OSError as error:
                raise OwnFailure(error) from error
        if not answer:
            raise AttemptError(Outcome.DNS_ERROR, dns_advice(host, code))
        return check_addresses(host, answer, policy=self.policy)

    def _tls_handshake(
        self,
        sock: socket.socket,
        destination: Destination,
        tls: ssl.SSLContext,
        *,
        deadline: Deadline,
        trace: ConnectionTrace,
    ) -> ssl.SSLSocket:
        host = destination.host
        with ExitStack() as undo:
            undo.callback(sock.close)
            secure = tls.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
            undo.callback(secure.close)
            secure.settimeout(deadline.remaining())  # for the whole handshake
            try:
                secure.do_handshake()
            except TimeoutError:
                advice = f"{host}: the TLS handshake took longer than {deadline.seconds:g} s"
                raise AttemptError(Outcome.TIMEOUT_CONNECT, advice) from None
            except ssl.SSLError as error:
                certificate = _presented(secure)
                trace.certificate_expires_at = certificate_expiry(certificate)
                advice = self._tls_advice(host, error, certificate)
                raise AttemptError(Outcome.TLS_ERROR, advice) from error
            undo.pop_all()
        trace.certificate_expires_at = certificate_expiry(secure.getpeercert() or {})
        return secure

    def _tls_advice(self, host: str, error: ssl.SSLError, certificate: Mapping[str, Any]) -> str:
        if not isinstance(error, ssl.SSLCertVerificationError):
            return tls_advice(host, error.reason)
        return certificate_advice(host, error.verify_code, certificate=certificate, now=self.now())


def _in_time(look_up: Callable[[], list[str]], deadline: Deadline) -> list[str]:
    """getaddrinfo has no timeout, so it runs in a thread that is abandoned at the deadline."""
    future: Future[list[str]] = Future()

    def run() -> None:
        try:
            future.set_result(look_up())
        except BaseException as error:  # noqa: BLE001 - raised by future.result()
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future.result(timeout=deadline.remaining())


def _connect(addresses: Sequence[Address], port: int, deadline: Deadline) -> socket.socket:
    """Try the addresses in order; each but the last gets half of the remaining time."""
    *others, last = addresses
    for address in others:
        with suppress(OSError):
            return _open(address, port, deadline.remaining() / 2)
    return _open(last, port, deadline.remaining())


def _open(address: Address, port: int, seconds: float) -> socket.socket:
    sock = socket.create_connection((str(address), port), timeout=seconds)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # head and body are separate writes
    return sock


def _presented(secure: ssl.SSLSocket) -> Mapping[str, Any]:
    """The refused certificate, for the advice; getpeercert() does not return it."""
    session: Any = getattr(secure, "_sslobj", None)  # private, so it may be missing
    chain: list[Any] = getattr(session, "get_unverified_chain", list)() or []
    return chain[0].get_info() if chain else {}
