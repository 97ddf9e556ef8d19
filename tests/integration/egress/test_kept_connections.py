"""Connections are kept within bounds, and replaced without an attempt when they died while idle."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from posthorn.egress.http_client import Request, Sender
from posthorn.egress.transport import GUARD_ANSWER_LIFETIME, KEPT_IDLE, KEPT_PER_ENDPOINT
from posthorn.egress.url_guard import EgressPolicy
from posthorn.models import Outcome
from tests.support import hostile_receivers as hostile
from tests.support.hostile_receivers import (
    Authority,
    Behaviour,
    Resolver,
    Visit,
    answer,
    keeps,
    kills_at_random,
    receiver,
)

LAPTOP = EgressPolicy(allow_http=True, allow_private=True)
OK = answer("200 OK", body=b"thanks")


@dataclass
class Clocks:
    """A monotonic clock and a wall clock that only the test moves."""

    monotonic: float = 1000.0
    now: datetime = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)

    def later(self, by: timedelta) -> None:
        self.monotonic += by.total_seconds()
        self.now += by


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


def build_sender(
    clocks: Clocks, *, resolve: Resolver | None = None, ca_bundle: str | None = None
) -> Sender:
    return Sender(
        LAPTOP,
        monotonic=lambda: clocks.monotonic,
        utcnow=lambda: clocks.now,
        resolve=resolve or Resolver(),
        ca_bundle=ca_bundle,
    )


def post(url: str, *, owner: str = "shop/ep_1/1", body: bytes = b"{}") -> Request:
    return Request("POST", url, {}, body, timeout_seconds=5, owner=owner)


def test_a_second_request_reuses_the_connection_and_says_so(clocks: Clocks) -> None:
    resolver = Resolver()
    sender = build_sender(clocks, resolve=resolver)
    with receiver(keeps(OK, OK)) as endpoint:
        first, second = (sender.send(post(endpoint.url())) for _ in range(2))

    assert endpoint.connections == 1
    assert len(endpoint.requests) == 2
    assert set(first.timings_ms) == {"dns", "connect", "first_byte"}
    assert set(second.timings_ms) == {"reused", "first_byte"}
    assert resolver.asked == ["hooks.example"]


def test_https_is_kept_too_and_remembers_the_expiry_of_the_certificate(
    clocks: Clocks, tmp_path: Path
) -> None:
    authority = Authority()
    sender = build_sender(clocks, ca_bundle=authority.bundle(tmp_path))
    with receiver(keeps(OK, OK), tls=authority.server("hooks.example")) as endpoint:
        first, second = (sender.send(post(endpoint.url())) for _ in range(2))

    assert endpoint.connections == 1
    assert second.certificate_expires_at == first.certificate_expires_at is not None
    assert set(second.timings_ms) == {"reused", "first_byte"}


@pytest.mark.parametrize("owner", ["shop/ep_1/2", "shop/ep_2/1", "other/ep_1/1"])
def test_another_endpoint_or_version_has_connections_of_its_own(clocks: Clocks, owner: str) -> None:
    sender = build_sender(clocks)
    with receiver(keeps(OK, OK)) as endpoint:
        sender.send(post(endpoint.url()))
        sender.send(post(endpoint.url(), owner=owner))

    assert endpoint.connections == 2


def test_a_rebound_name_is_refused_when_the_answer_of_the_guard_has_aged(clocks: Clocks) -> None:
    sender = build_sender(clocks, resolve=Resolver((("127.0.0.1",), ("169.254.169.254",))))
    outcomes = []
    with receiver(keeps(OK, OK, OK, OK, OK)) as endpoint:
        for _ in range(4):
            outcomes.append(sender.send(post(endpoint.url())).outcome)
            clocks.later(GUARD_ANSWER_LIFETIME / 4)  # never idle for long
        clocks.later(timedelta(seconds=1))
        outcomes.append(sender.send(post(endpoint.url())).outcome)

    assert outcomes == [Outcome.SUCCEEDED] * 4 + [Outcome.BLOCKED]
    assert endpoint.connections == 1


@pytest.mark.parametrize("frozen", [False, True])
def test_an_idle_connection_is_given_up_also_after_a_freeze(clocks: Clocks, frozen: bool) -> None:
    sender = build_sender(clocks)
    with receiver(keeps(OK, OK)) as endpoint:
        sender.send(post(endpoint.url()))
        if frozen:  # the monotonic clock of a frozen environment does not move
            clocks.now += timedelta(minutes=10)
        else:
            clocks.later(KEPT_IDLE + timedelta(seconds=1))
        result = sender.send(post(endpoint.url()))

    assert result.outcome == Outcome.SUCCEEDED
    assert endpoint.connections == 2


def closes_after(*answers: bytes) -> Behaviour:
    """Answer, and close the idle connection."""

    def behave(visit: Visit) -> None:
        keeps_none_open = iter(answers)
        for data in keeps_none_open:
            visit.read_request()
            visit.send(data)

    return behave


def resets_the_second(visit: Visit) -> None:
    """Close after the second request was read, before a byte of its response."""
    visit.read_request()
    visit.send(OK)
    if visit.read_request():
        visit.reset()


def hangs_up_within_the_second(visit: Visit) -> None:
    visit.read_request()
    visit.send(OK)
    visit.read_request()
    visit.send(b"H")


@pytest.mark.parametrize("behaviour", [closes_after(OK), resets_the_second])
def test_a_connection_that_died_is_replaced_within_the_attempt(
    clocks: Clocks, behaviour: Behaviour
) -> None:
    sender = build_sender(clocks)
    with receiver(behaviour, hostile.ok) as endpoint:
        first = sender.send(post(endpoint.url(), body=b"first"))
        second = sender.send(post(endpoint.url(), body=b"second"))

    assert [first.outcome, second.outcome] == [Outcome.SUCCEEDED] * 2
    assert endpoint.connections == 2
    assert "connect" in second.timings_ms
    assert "reused" not in second.timings_ms


def test_after_a_byte_of_the_response_nothing_is_sent_again(clocks: Clocks) -> None:
    sender = build_sender(clocks)
    with receiver(hangs_up_within_the_second, hostile.ok) as endpoint:
        sender.send(post(endpoint.url()))
        result = sender.send(post(endpoint.url(), body=b"second"))

    assert result.outcome != Outcome.SUCCEEDED
    assert sum(request.endswith(b"second") for request in endpoint.requests) == 1
    assert endpoint.connections == 1


def test_a_new_connection_that_dies_is_a_failed_attempt(clocks: Clocks) -> None:
    sender = build_sender(clocks)
    with receiver(resets_the_second, hostile.reset, hostile.ok) as endpoint:
        sender.send(post(endpoint.url()))
        result = sender.send(post(endpoint.url()))

    assert result.outcome == Outcome.CONNECTION_ERROR
    assert endpoint.connections == 2


@pytest.mark.parametrize(
    "extra", [b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", b"x"], ids=["response", "byte"]
)
def test_bytes_that_no_request_asked_for_are_not_the_next_response(
    clocks: Clocks, extra: bytes
) -> None:
    sender = build_sender(clocks)
    with receiver(keeps(OK + extra, answer("500 No")), keeps(answer("202 Yes"))) as endpoint:
        sender.send(post(endpoint.url()))
        result = sender.send(post(endpoint.url()))

    assert result.response
    assert result.response.status_code == 202
    assert endpoint.connections == 2


@pytest.mark.parametrize(
    "said",
    [
        answer("200 OK", headers={"connection": "close"}),
        b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
        answer("200 OK", body=b"x" * 40_000),  # more than is read
    ],
    ids=["close", "http-1.0", "long"],
)
def test_a_connection_whose_response_does_not_allow_it_is_not_kept(
    clocks: Clocks, said: bytes
) -> None:
    sender = build_sender(clocks)
    with receiver(keeps(said, OK)) as endpoint:
        for _ in range(2):
            assert sender.send(post(endpoint.url())).outcome == Outcome.SUCCEEDED

    assert endpoint.connections == 2


def test_200_deliveries_to_one_receiver_open_at_most_10_connections(clocks: Clocks) -> None:
    sender = build_sender(clocks)
    with (
        receiver(keeps(*[OK] * 200)) as endpoint,
        ThreadPoolExecutor(KEPT_PER_ENDPOINT) as pool,
    ):
        results = list(pool.map(sender.send, [post(endpoint.url())] * 200))

    assert {result.outcome for result in results} == {Outcome.SUCCEEDED}
    assert endpoint.connections <= KEPT_PER_ENDPOINT


def test_the_number_of_kept_connections_is_bounded(
    clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("posthorn.egress.transport.KEPT_ENDPOINTS", 2)
    sender = build_sender(clocks)
    with receiver(keeps(OK, OK)) as endpoint:
        for owner in ("a", "b", "c", "a"):
            sender.send(post(endpoint.url(), owner=owner))

    assert endpoint.connections == 4


def test_connections_killed_at_random_cost_no_attempt(clocks: Clocks) -> None:
    """Each send succeeds, and no body arrives twice after a byte of its response."""
    answered = Counter[bytes]()
    sender = build_sender(clocks)
    with receiver(kills_at_random(OK, answered)) as endpoint, ThreadPoolExecutor(4) as pool:
        sends = [post(endpoint.url(), body=b"%d" % number) for number in range(300)]
        results = list(pool.map(sender.send, sends))

    assert {result.outcome for result in results} == {Outcome.SUCCEEDED}
    assert sorted(answered.elements()) == sorted(each.body for each in sends)
    assert endpoint.connections > 10


def test_every_request_passes_the_adapter(clocks: Clocks) -> None:
    seen: list[str] = []

    class Recorder(requests.adapters.HTTPAdapter):
        def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:
            seen.append(str(request.url))
            raise LookupError("the adapter was replaced")

    sender = build_sender(clocks)
    sender.session.mount("https://", Recorder())
    with pytest.raises(LookupError):
        sender.send(replace(post("https://hooks.example/a"), follow_redirects=True))

    assert seen == ["https://hooks.example/a"]
