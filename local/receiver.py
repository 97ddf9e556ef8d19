"""A webhook receiver on loopback whose answers are chosen by the URL, for trying things and tests.

    /ok                200
    /always/503        503, whatever comes
    /fail/2            500 twice for each webhook-id, then 200
    /busy/3            429 with `Retry-After: 3` once for each webhook-id, then 200
    /slow/4            200 after 4 seconds
    /gone              410
    /redirect/ok       307 to /ok (to whatever follows)

Further path segments are only a label: `/ok/erp`. `GET /_received?path=/ok/erp` lists what came,
`GET /_received/count` counts it by path, `DELETE /_received` forgets it.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

LONGEST_SLEEP_SECONDS = 60


@dataclass(frozen=True)
class ScriptedAnswer:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    after_seconds: float = 0


@dataclass(frozen=True)
class Received:
    """One received request. Header names are in lower case; `status` is the answer's."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: datetime
    status: int

    @property
    def webhook_id(self) -> str | None:
        return self.headers.get("webhook-id")

    def shown(self) -> dict[str, Any]:
        body = self.body.decode("utf-8", errors="replace")
        return asdict(self) | {"body": body, "at": self.at.isoformat(timespec="milliseconds")}


def answer(target: str, *, earlier: int) -> ScriptedAnswer:
    """The answer that the URL names; `earlier` counts earlier requests with this URL and id."""
    segments = urlsplit(target).path.strip("/").split("/")
    try:
        return _answer(segments, earlier=earlier)
    except ValueError:  # a path segment is not a number
        return ScriptedAnswer(404)


def _answer(segments: list[str], *, earlier: int) -> ScriptedAnswer:
    match segments:
        case ["ok", *_]:
            return ScriptedAnswer(200)
        case ["always", status, *_]:
            return ScriptedAnswer(int(status))
        case ["fail", times, *_]:
            return ScriptedAnswer(500 if earlier < int(times) else 200)
        case ["busy", seconds, *_]:
            return (
                ScriptedAnswer(200)
                if earlier
                else ScriptedAnswer(429, {"retry-after": str(int(seconds))})
            )
        case ["slow", seconds, *_]:
            return ScriptedAnswer(200, after_seconds=min(float(seconds), LONGEST_SLEEP_SECONDS))
        case ["gone", *_]:
            return ScriptedAnswer(410)
        case ["redirect", *target]:
            return ScriptedAnswer(307, {"location": "/" + "/".join(target)})
    return ScriptedAnswer(404)


@dataclass
class Receiver:
    """A server for the length of a `with` block, on a free port by default."""

    port: int = 0
    _requests: list[Received] = field(default_factory=list, init=False, repr=False)
    _counts: Counter[tuple[str, str | None]] = field(
        default_factory=Counter, init=False, repr=False
    )
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def received(self) -> Sequence[Received]:
        with self._lock:
            return tuple(self._requests)

    def at(self, path: str) -> list[Received]:
        return [request for request in self.received if request.path == path]

    def clear(self) -> None:
        with self._lock:
            self._requests.clear()
            self._counts.clear()

    def take(
        self, method: str, path: str, *, headers: dict[str, str], body: bytes
    ) -> ScriptedAnswer:
        """Record the request and return its answer."""
        webhook = path, headers.get("webhook-id")
        with self._lock:
            given = answer(path, earlier=self._counts[webhook])
            self._counts[webhook] += 1
            self._requests.append(
                Received(method, path, headers, body, at=datetime.now(UTC), status=given.status)
            )
        return given

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.receiver = self
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256  # a burst connects faster than threads start
    receiver: Receiver


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one segment for head and body: a delayed ACK would cost 40 ms

    def _webhook(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        given = self.server.receiver.take(self.command, self.path, headers=headers, body=body)
        time.sleep(given.after_seconds)
        self._reply(given.status, {"answer": given.status}, given.headers)

    do_POST = do_PUT = do_PATCH = _webhook  # noqa: N815 http.server's names

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        wanted = parse_qs(url.query).get("path", [])
        found = [r for r in self.server.receiver.received if not wanted or r.path in wanted]
        if url.path == "/_received":
            self._reply(200, [request.shown() for request in found])
        elif url.path == "/_received/count":
            self._reply(200, Counter(request.path for request in found))
        else:
            self._reply(404, {})

    def do_DELETE(self) -> None:
        self.server.receiver.clear()
        self._reply(200, {})

    def _reply(self, status: int, content: object, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(content, indent=1).encode() + b"\n"
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing: the live lines show each attempt."""
