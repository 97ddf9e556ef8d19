"""Receivers on loopback that misbehave as receivers on the internet do, by bug or by intent.

A behaviour is a function of the accepted socket; `Receiver` runs it once for each connection, in a
thread, and keeps the requests that it read. When it stops, it ends every connection still open.
"""

import gzip
import random
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Self

import trustme

Behaviour = Callable[["Visit"], None]
_BOMB = gzip.compress(bytes(30 * 1024 * 1024))  # 30 KiB


@dataclass(frozen=True)
class Visit:
    """One connection of the sender, seen from the receiver."""

    sock: socket.socket
    closing: threading.Event
    requests: list[bytes]

    def read_request(self) -> bytes:
        """Head and body of the request, going by its content-length."""
        data = b""
        while b"\r\n\r\n" not in data and (piece := self.sock.recv(65536)):
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(headers_of(head).get("content-length", "0"))
        while len(body) < length and (piece := self.sock.recv(65536)):
            body += piece
        self.requests.append(head + b"\r\n\r\n" + body)
        return self.requests[-1]

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def trickle(self, data: bytes, *, every_seconds: float = 0.02) -> None:
        """A byte at a time, until the data, the sender or the receiver ends."""
        for byte in data:
            self.sock.sendall(bytes([byte]))
            if self.closing.wait(every_seconds):
                return

    def flood(self, data: bytes) -> None:
        """Again and again, until the sender or the receiver ends."""
        while not self.closing.is_set():
            self.sock.sendall(data)

    def hang(self) -> None:
        self.closing.wait()

    def reset(self) -> None:
        linger_for_nothing = struct.pack("ii", 1, 0)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_for_nothing)
        self.sock.close()


def headers_of(request: bytes) -> dict[str, str]:
    lines = request.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    return {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }


@dataclass
class Receiver:
    """Serves `behaviour`, or each of several in turn, the last one for good."""

    behaviours: tuple[Behaviour, ...]
    tls: ssl.SSLContext | None = None
    address: tuple[str, int] = ("127.0.0.1", 0)
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> Self:
        self._closing = threading.Event()
        self._listener = socket.create_server(self.address)
        self.port = int(self._listener.getsockname()[1])
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._open: list[socket.socket] = []
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=5)

    def url(self, path: str = "/hook", *, host: str = "hooks.example") -> str:
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                behaviour = self.behaviours[min(self.connections, len(self.behaviours) - 1)]
                self.connections += 1
                self._open.append(sock)
                thread = threading.Thread(target=self._serve, args=(sock, behaviour), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, sock: socket.socket, behaviour: Behaviour) -> None:
        with suppress(OSError), sock:
            if self.tls is None:
                behaviour(Visit(sock, self._closing, self.requests))
            else:
                with self.tls.wrap_socket(sock, server_side=True) as secure:
                    behaviour(Visit(secure, self._closing, self.requests))


def receiver(
    *behaviours: Behaviour,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
) -> Receiver:
    return Receiver(behaviours, tls, (host, port))


# --- responses ------------------------------------------------------------------------------------


def answer(
    status: str,
    *,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    length: int | None = None,
) -> bytes:
    fields = {"content-length": str(len(body) if length is None else length), **(headers or {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body


def says(data: bytes) -> Behaviour:
    """Read the request, send these bytes, close."""

    def behave(visit: Visit) -> None:
        visit.read_request()
        visit.send(data)

    return behave


def keeps(*answers: bytes) -> Behaviour:
    """Answer a request with each of these in turn over one connection, then wait for the end."""

    def behave(visit: Visit) -> None:
        for data in answers:
            if not visit.read_request().strip():
                return
            visit.send(data)
        visit.hang()

    return behave


def kills_at_random(data: bytes, answered: Counter[bytes]) -> Behaviour:
    """Answer with these bytes, and close or reset connections at random while they are idle.

    `answered` counts the bodies that were answered. The chances are the same in each run.
    """
    chance, lock = random.Random(7), threading.Lock()  # noqa: S311 - reproducible

    def behave(visit: Visit) -> None:
        is_first = True
        while body := visit.read_request().partition(b"\r\n\r\n")[2]:
            with lock:
                fate = chance.random()
                if not is_first and fate < 0.1:
                    break  # before a byte of the response
                answered[body] += 1
            visit.send(data)
            if fate > 0.9:
                break
            is_first = False
        visit.reset() if fate < 0.05 else visit.sock.shutdown(socket.SHUT_RDWR)

    return behave


def redirects(location: str, *, status: str = "307 Temporary Redirect") -> Behaviour:
    return says(answer(status, headers={"location": location}, body=b"over there"))


ok = says(answer("200 OK", body=b"thanks"))


def silent(visit: Visit) -> None:
    visit.read_request()
    visit.hang()


def deaf(visit: Visit) -> None:
    """Accepts the connection and never reads."""
    visit.hang()


def plain_http_only(visit: Visit) -> None:
    """Answers a TLS handshake as web servers do that expect plain HTTP."""
    visit.sock.recv(65536)
    visit.send(answer("400 Bad Request"))


def hang_up(visit: Visit) -> None:
    """Reads some bytes and closes without an answer."""
    visit.sock.recv(65536)


def slow_handshake(visit: Visit) -> None:
    """Begins a TLS record of 16 KiB, and sends it a byte at a time."""
    visit.trickle(b"\x16\x03\x03\x40\x00" + bytes(16384))


def slow_head(visit: Visit) -> None:
    visit.read_request()
    visit.trickle(b"HTTP/1.1 200 OK\r\nx-slow: " + b"a" * 10_000)


def slow_body(visit: Visit) -> None:
    visit.read_request()
    visit.send(answer("200 OK", length=10_000))
    visit.trickle(b"a" * 10_000)


def endless_body(visit: Visit) -> None:
    visit.read_request()
    visit.send(b"HTTP/1.1 200 OK\r\n\r\n")
    visit.flood(b"x" * 65536)


def endless_tiny_chunks(visit: Visit) -> None:
    visit.read_request()
    visit.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    visit.flood(b"1;" + b"x" * 500 + b"\r\na\r\n")


def short_body(visit: Visit) -> None:
    visit.read_request()
    visit.send(answer("200 OK", body=b"half", length=8))


def gzip_bomb(visit: Visit) -> None:
    visit.read_request()
    visit.send(answer("200 OK", headers={"content-encoding": "gzip"}, body=_BOMB))


def reset(visit: Visit) -> None:
    visit.read_request()
    visit.reset()


def reset_at_once(visit: Visit) -> None:
    visit.reset()


def half_close(visit: Visit) -> None:
    visit.read_request()
    visit.sock.shutdown(socket.SHUT_WR)
    visit.hang()


def half_head(visit: Visit) -> None:
    visit.read_request()
    visit.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/pl")


def endless_interim(visit: Visit) -> None:
    visit.read_request()
    visit.flood(b"HTTP/1.1 100 Continue\r\n\r\n")


def slow_interim(visit: Visit) -> None:
    visit.read_request()
    while not visit.closing.wait(0.02):
        visit.send(b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n")


def early_answer(visit: Visit) -> None:
    """Answers before it has read the body, then drains the rest, as web servers do."""
    visit.sock.recv(1024)
    visit.send(answer("413 Content Too Large"))
    visit.sock.shutdown(socket.SHUT_WR)
    while visit.sock.recv(65536):
        pass


interim_then_ok = says(
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    + answer("202 Accepted", body=b"later")
)
no_status_line = says(b"welcome to the machine\r\n\r\n")
not_http = says(b"SSH-2.0-OpenSSH_9.9\r\n")
ten_thousand_headers = says(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 10_000 + b"\r\n")
endless_header_line = says(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000)
invalid_utf8 = says(answer("200 OK", body=b"caf\xe9 \xff\xfe ol\xc3\xa9"))


# --- TLS ------------------------------------------------------------------------------------------


class Authority:
    """A certificate authority, and servers with good and bad certificates of it."""

    def __init__(self) -> None:
        self._ca = trustme.CA()

    def bundle(self, directory: Path) -> str:
        path = directory / "authority.pem"
        self._ca.cert_pem.write_to_path(str(path))
        return str(path)

    def server(self, *names: str) -> ssl.SSLContext:
        return _server(self._ca.issue_cert(*names))

    def server_with_dates(self, name: str, *, since: datetime, until: datetime) -> ssl.SSLContext:
        return _server(self._ca.issue_cert(name, not_before=since, not_after=until))

    def self_signed(self, directory: Path) -> ssl.SSLContext:
        """The authority's own certificate, served as if it were that of a host."""
        path = directory / "self-signed.pem"
        path.write_bytes(self._ca.private_key_pem.bytes() + self._ca.cert_pem.bytes())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def _server(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


# --- before any byte is exchanged -----------------------------------------------------------------


@contextmanager
def full_backlog() -> Iterator[int]:
    """The port of a listener that takes no more connections: a connect to it hangs."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        yield int(listener.getsockname()[1])
        for sock in waiting:
            sock.close()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@dataclass
class Resolver:
    """Gives each look-up the next of `answers`, the last one for good; loopback by default."""

    answers: tuple[tuple[str, ...], ...] = (("127.0.0.1",),)
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: str, port: int) -> tuple[str, ...]:
        self.asked.append(host)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]
