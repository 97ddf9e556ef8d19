"""The CPU of a send as a ratio to `requests` alone, and the connections opened.

Bare `requests` has the same authority, headers and body, and reads nothing from the environment.
The receiver is a process of its own, so its CPU does not count.
"""

import multiprocessing
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from time import monotonic, process_time

import requests

from posthorn.egress.http_client import Request, Sender
from posthorn.egress.transport import KEPT_PER_ENDPOINT
from posthorn.egress.url_guard import EgressPolicy
from posthorn.models import Outcome
from tests.support.hostile_receivers import (
    Authority,
    Behaviour,
    Receiver,
    answer,
    keeps,
    kills_at_random,
    receiver,
)

SENDS, ROUNDS, KILLED_SENDS = 200, 15, 1000
HOST = "127.0.0.1"
BODY = b'{"type":"OrderCreated","data":"' + b"x" * 1000 + b'"}'
HEADERS = {
    **{"content-type": "application/json", "user-agent": "Posthorn", "webhook-id": "evt_1"},
    **{"webhook-timestamp": "1795428000", "webhook-signature": "v1," + "a" * 44},
    **{"posthorn-event-type": "OrderCreated", "posthorn-attempt": "1"},
}
OK = answer("200 OK", headers={"content-type": "text/plain"}, body=b"thanks")


def rows() -> Iterator[str]:
    authority = Authority()
    with tempfile.TemporaryDirectory() as directory:
        bundle = authority.bundle(Path(directory))
        yield f"{'':6} {'CPU to bare requests':>20} {'connections':>12} of {SENDS} sends"
        for scheme in ("http", "https"):
            ratio, connections = _compared(authority, bundle, https=scheme == "https")
            yield f"{scheme:6} {ratio:20.2f} {connections:12}"
    yield from killed()


def _compared(authority: Authority, bundle: str, *, https: bool) -> tuple[float, int]:
    with _served(authority if https else None) as (url, counted):
        sender = build_sender(bundle)
        bare = requests.Session()
        bare.trust_env = False
        bare.verify = bundle
        request = post(url)
        ratios = []
        for _ in range(ROUNDS):
            ours = _cpu(lambda: sender.send(request))
            theirs = _cpu(lambda: bare.post(url, data=BODY, headers=HEADERS, timeout=5).content)
            ratios.append(ours / theirs)
        bare.close()
        before = counted()
        fresh = build_sender(bundle)
        with ThreadPoolExecutor(KEPT_PER_ENDPOINT) as pool:
            outcomes = Counter(each.outcome for each in pool.map(fresh.send, [request] * SENDS))
        if outcomes != {Outcome.SUCCEEDED: SENDS}:
            raise RuntimeError(f"not all sends succeeded: {outcomes}")
        return median(ratios), counted() - before


def _cpu(send: Callable[[], object]) -> float:
    send()  # connects
    started = process_time()
    for _ in range(SENDS):
        send()
    return process_time() - started


def killed() -> Iterator[str]:
    """Send over connections that the receiver closes or resets at random while they are idle."""
    answered = Counter[bytes]()
    sender = build_sender(None)
    with (
        receiver(kills_at_random(OK, answered)) as endpoint,
        ThreadPoolExecutor(KEPT_PER_ENDPOINT) as pool,
    ):
        url = endpoint.url(host=HOST)
        requests = [post(url, b"%d" % number) for number in range(KILLED_SENDS)]
        outcomes = Counter(result.outcome for result in pool.map(sender.send, requests))
    yield f"{KILLED_SENDS} sends over {endpoint.connections} connections, killed at random:"
    yield f"  charged for a stale connection: {KILLED_SENDS - outcomes[Outcome.SUCCEEDED]}"
    yield f"  sent again after a byte of the answer: {sum(answered.values()) - len(answered)}"


def build_sender(bundle: str | None) -> Sender:
    return Sender(
        EgressPolicy(allow_http=True, allow_private=True),
        monotonic=monotonic,
        utcnow=lambda: datetime.now(UTC),
        ca_bundle=bundle,
    )


def post(url: str, body: bytes = BODY) -> Request:
    return Request("POST", url, HEADERS, body, timeout_seconds=5, owner="shop/ep_1/1")


@contextmanager
def _served(authority: Authority | None) -> Iterator[tuple[str, Callable[[], int]]]:
    """A receiver in a process of its own: its URL, and the number of its connections so far."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, authority), daemon=True)
    process.start()
    try:
        url = here.recv()
        yield url, lambda: here.send(True) or here.recv()  # type: ignore[func-returns-value]
    finally:
        here.send(False)
        process.join(5)


def _serve(pipe: Connection, authority: Authority | None) -> None:
    forever: Behaviour = keeps(*[OK] * (SENDS * ROUNDS * 4))
    tls = authority.server(HOST) if authority else None
    with Receiver((forever,), tls) as endpoint:
        pipe.send(endpoint.url(host=HOST))
        while pipe.recv():
            pipe.send(endpoint.connections)
