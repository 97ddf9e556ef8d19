"""Lambda's Runtime API for one function in one process: hands out events, takes the answers.

The real runtime client talks to it, so the code runs as in Lambda except for the sandbox.
"""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread
from typing import Any


class RuntimeApi:
    def __init__(self) -> None:
        self.events: Queue[Any] = Queue()
        self.answers: Queue[tuple[str, Any]] = Queue()

    def invoke(self, event: Any, *, within_seconds: float = 30) -> Any:
        """The function's answer; AssertionError with its error report when it fails."""
        self.events.put(event)
        kind, answer = self.answers.get(timeout=within_seconds)
        assert kind == "response", answer
        return answer


@contextmanager
def serving() -> Iterator[tuple[RuntimeApi, str]]:
    """Yield the API and its address, for AWS_LAMBDA_RUNTIME_API."""
    api = RuntimeApi()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def do_GET(self) -> None:
            headers = {
                "Lambda-Runtime-Aws-Request-Id": "52fdfc07-2182-454f-963f-5f0f9a621d72",
                "Lambda-Runtime-Deadline-Ms": "4102444800000",
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-north-1:1:function:x",
            }
            self._answer(200, json.dumps(api.events.get()).encode(), headers)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            api.answers.put((self.path.rpartition("/")[2], json.loads(body or b"null")))
            self._answer(202, b"{}", {})

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            # The client crashes without a content type.
            common = {"content-type": "application/json", "content-length": str(len(body))}
            for name, value in {**headers, **common}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Write no access log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield api, f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
