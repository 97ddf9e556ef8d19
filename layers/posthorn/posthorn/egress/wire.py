"""A connected socket as http.client uses it, with an absolute deadline and a limit of bytes read.

Every byte from an endpoint passes `DeadlineSocket.read_into`, so a slow, stalled or endless
response cannot exceed either. The limits are renewed for each request on a kept connection.
"""

import io
import re
import socket
import ssl
from http.client import HTTPResponse, RemoteDisconnected
from typing import Any

from posthorn.egress.connection import ConnectionTrace, Deadline

READ_LIMIT_BYTES = 64 * 1024  # of head and body

_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:")  # RFC 9112 §5
_BARE_CR = re.compile(rb"\r(?!\n)")


class LimitError(Exception):
    """The response exceeds READ_LIMIT_BYTES."""


class DeadlineSocket:
    """A socket that raises TimeoutError after the deadline of the running request.

    It closes when both its owner and the last reader have closed it, as a socket does.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.received = 0  # bytes of the running response
        self.ended = False  # the end of the stream was read
        self.has_surplus = False  # bytes after a response: the next one could be misread
        self.trace: ConnectionTrace
        self._sock = sock
        self._readers = 0
        self._closed = False

    def begin(self, trace: ConnectionTrace) -> None:
        """Renew deadline and limit for a request."""
        self.received, self.ended, self.trace = 0, False, trace

    @property
    def _deadline(self) -> Deadline:
        return self.trace.deadline

    def read_into(self, buffer: Any) -> int:
        left = READ_LIMIT_BYTES - self.received
        if left <= 0:
            raise LimitError
        self._sock.settimeout(self._deadline.remaining())
        count = self._sock.recv_into(memoryview(buffer)[:left])
        self.received += count
        self.ended = count == 0
        return count

    def sendall(self, data: bytes) -> None:
        view = memoryview(data)
        while view:  # SSLSocket.sendall restarts the timeout for each of its records
            self._sock.settimeout(self._deadline.remaining())
            view = view[self._sock.send(view) :]

    def is_quiet(self) -> bool:
        """Whether an idle connection is open and without bytes that no request asked for."""
        if self.has_surplus:
            return False
        self._sock.settimeout(0)
        try:
            self._sock.recv(1)  # reads session tickets of TLS 1.3 too, which select() would report
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    def settimeout(self, _seconds: float | None) -> None:
        """Called by urllib3 with the timeout of a single operation: the deadline is stricter."""

    def makefile(self, _mode: str) -> "HeadReader":
        self._readers += 1
        return HeadReader(_Stream(self))

    def close(self) -> None:
        self._closed = True
        self._close_if_unused()

    def reader_closed(self) -> None:
        self._readers -= 1
        self._close_if_unused()

    def _close_if_unused(self) -> None:
        if self._closed and self._readers <= 0:
            self._sock.close()


class _Stream(io.RawIOBase):
    """The bytes of one response."""

    def __init__(self, sock: DeadlineSocket) -> None:
        self.sock = sock
        self.is_sealed = False  # nothing more is read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        return None if self.is_sealed else self.sock.read_into(buffer)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self.sock.reader_closed()


class HeadReader(io.BufferedReader):
    """Reads a head as browsers do: a line that is no header does not hide the lines after it.

    The parser of http.client takes the first such line for the end of the head.
    """

    def __init__(self, stream: _Stream) -> None:
        super().__init__(stream)
        self.in_head = False
        self._stream = stream
        self._is_status = True  # the next line is a status line
        self._is_kept = False  # the line before is a header, so that a folded line continues it

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if not self.in_head:
            return line
        if self._is_status or line in (b"\r\n", b"\n", b""):
            self._is_status, self._is_kept = not self._is_status, False
            return line
        while line not in (b"\r\n", b"\n", b""):
            if line[0] not in b" \t":
                field = _FIELD.match(line)
                self._is_kept = field is not None
                line = field[1] + b":" + line[field.end() :] if field else line
            if self._is_kept:
                return _BARE_CR.sub(b" ", line)
            line = super().readline(size)
        self._is_status = True
        return line

    def close(self) -> None:
        if not self.closed:
            self._stream.is_sealed = True
            self._stream.sock.has_surplus |= bool(self.peek(1))
        super().close()


class FinalResponse(HTTPResponse):
    """Skips informational responses; http.client would return 103 Early Hints as the response."""

    def __init__(self, sock: Any, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self._wire: DeadlineSocket = sock

    def begin(self) -> None:
        reader: Any = self.fp
        with self._wire.trace.phase("first_byte"):
            reader.peek(1)
        reader.in_head = True
        super().begin()
        while 100 <= self.status < 200:  # an endless series reaches READ_LIMIT_BYTES
            self.headers = None  # type: ignore[assignment]  # otherwise begin() does nothing
            super().begin()
        reader.in_head = False
        if self._wire.ended:  # http.client accepts a head that breaks off
            raise RemoteDisconnected("within the head")
