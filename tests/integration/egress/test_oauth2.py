"""OAuth 2 client credentials: fetched, cached, refreshed once on 401, and never shown."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from threading import Barrier
from time import monotonic
from typing import Any
from urllib.parse import parse_qs

import pytest
from requests import PreparedRequest
from requests import Response as RequestsResponse
from urllib3 import HTTPResponse

from posthorn.deliveries import state
from posthorn.deliveries.store import Record, StoredBody
from posthorn.dispatch.attempt import attempter
from posthorn.egress.http_client import AttemptResult, Request, Sender
from posthorn.egress.oauth2 import TokenCache, TokenError
from posthorn.egress.transport import GuardedAdapter
from posthorn.egress.url_guard import EgressPolicy
from posthorn.models import MASK, Outcome, Task, Trigger
from tests.support.hostile_receivers import Resolver, answer, receiver, says
from tests.support.world import TENANT, World, answered
from tests.unit.samples import event

TOKEN_URL = "http://login.example.com/token"  # noqa: S105 - a place, no secret
AUTH = {
    "kind": "oauth2",
    "token_url": TOKEN_URL,
    "client_id": "shop",
    "client_secret": "hush-hush",
    "scope": "orders",
}


def grant(*tokens: str, **fields: Any) -> Any:
    """A token endpoint that gives these tokens in turn."""
    left = iter(tokens)

    def answer(_: Request) -> AttemptResult:
        return answered(200, body=json.dumps({"access_token": next(left), **fields}))

    return answer


def asked(world: World, url: str) -> list[Request]:
    return [request for request in world.sent if request.url == url]


def last_attempt(world: World) -> Any:
    (delivery, *_) = sorted(world.deliveries(), key=lambda each: each.created_at, reverse=True)
    _, record = world.reader.delivery(TENANT, delivery.id)
    return record.attempts[-1]


def deliver(world: World) -> None:
    world.publish()
    world.take_events()


def test_a_token_is_fetched_once_and_borne_by_every_delivery(world: World) -> None:
    endpoint = world.endpoint(auth=AUTH)
    world.answers[TOKEN_URL] = grant("t-1", expires_in=3600)

    deliver(world)
    deliver(world)

    (fetched,) = asked(world, TOKEN_URL)
    assert parse_qs(fetched.body.decode()) == {
        "grant_type": ["client_credentials"],
        "scope": ["orders"],
    }
    assert fetched.headers["authorization"] == "Basic c2hvcDpodXNoLWh1c2g="
    sent = asked(world, endpoint.url)
    assert [request.headers["authorization"] for request in sent] == ["Bearer t-1"] * 2
    assert last_attempt(world).request.headers["authorization"] == MASK


def test_a_token_is_fetched_again_shortly_before_it_expires(world: World) -> None:
    endpoint = world.endpoint(auth=AUTH)
    world.answers[TOKEN_URL] = grant("t-1", "t-2", expires_in=60)

    deliver(world)
    world.later(seconds=31)
    deliver(world)

    sent = asked(world, endpoint.url)
    assert [request.headers["authorization"] for request in sent] == ["Bearer t-1", "Bearer t-2"]


def test_a_401_is_asked_again_once_with_a_new_token(world: World) -> None:
    endpoint = world.endpoint(auth=AUTH)
    world.answers[TOKEN_URL] = grant("old", "new", "newer")
    world.answers[endpoint.url] = lambda request: answered(
        200 if request.headers["authorization"] == "Bearer new" else 401
    )

    deliver(world)

    (delivery,) = world.deliveries()
    assert (delivery.status, delivery.attempt_count) == ("succeeded", 1)
    assert len(asked(world, endpoint.url)) == 2


def test_deliveries_at_once_share_one_token_request(world: World) -> None:
    endpoint = world.endpoint(auth=AUTH)
    everybody, fetched = Barrier(5), []

    def slowly(request: Request) -> AttemptResult:
        everybody.wait()  # all threads wait before there is a token
        fetched.append(request)
        return answered(200, body='{"access_token": "t-1"}')

    tokens = TokenCache(slowly, lambda: world.now)

    def ask(number: int) -> str:
        if number:
            everybody.wait()
        return tokens.token(endpoint, "hush-hush", timeout_seconds=15)

    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(ask, 0)
        others = [pool.submit(ask, number) for number in range(1, 5)]

    assert [each.result() for each in (first, *others)] == ["t-1"] * 5
    assert len(fetched) == 1


def test_waiting_for_the_token_of_another_delivery_ends_in_time(world: World) -> None:
    endpoint = world.endpoint(auth=AUTH)

    def refuse(_: Request) -> AttemptResult:
        asking = pool.submit(tokens.token, endpoint, "hush-hush", timeout_seconds=0)
        with pytest.raises(TokenError, match="used up the timeout"):
            asking.result()
        return answered(401)

    tokens = TokenCache(refuse, lambda: world.now)
    with ThreadPoolExecutor(1) as pool, pytest.raises(TokenError, match="returned no token"):
        tokens.token(endpoint, "hush-hush", timeout_seconds=15)


def test_a_late_401_leaves_a_token_alone_that_was_fetched_since(world: World) -> None:
    endpoint = world.endpoint(auth=AUTH)
    tokens = TokenCache(grant("old", "new", "newer"), lambda: world.now)

    def token() -> str:
        return tokens.token(endpoint, "hush-hush", timeout_seconds=15)

    assert token() == "old"
    tokens.forget(endpoint, "old")
    assert token() == "new"
    tokens.forget(endpoint, "old")  # of a delivery that was slower
    assert token() == "new"


def test_an_endpoint_that_answers_401_to_every_token_fails_once_an_attempt(world: World) -> None:
    endpoint = world.endpoint(auth=AUTH)
    world.answers[TOKEN_URL] = grant("t-1", "t-2", "t-3")
    world.answers[endpoint.url] = lambda _: answered(401)

    deliver(world)

    assert len(asked(world, endpoint.url)) == 2
    assert last_attempt(world).outcome is Outcome.HTTP_ERROR


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        (
            answered(401, body='{"error": "invalid_client"}'),
            "the token endpoint returned no token (invalid_client): answered 401",
        ),
        (
            answered(400, body='{"error": "<script>hush-hush</script>"}'),
            "the token endpoint returned no token: answered 400",
        ),
        (
            answered(200, body="<html>"),
            "the token endpoint returned no access_token in JSON",
        ),
        (
            answered(200, body='{"access_token": ""}'),
            "the token endpoint returned no access_token in JSON",
        ),
        (
            answered(200, body='{"error": "invalid_scope"}'),
            "the token endpoint answered 200 with an error (invalid_scope)",
        ),
        (
            answered(200, body='{"access_token": "x", "token_type": "mac"}'),
            "the token endpoint returned a token of another type than Bearer",
        ),
        (
            replace(answered(500), outcome=Outcome.BLOCKED, response=None, advice="no such place"),
            "the token endpoint returned no token: no such place",
        ),
    ],
)
def test_without_a_token_nothing_is_sent_and_the_attempt_says_why(
    world: World, answer: AttemptResult, advice: str
) -> None:
    endpoint = world.endpoint(auth=AUTH)
    world.answers[TOKEN_URL] = lambda _: answer

    deliver(world)

    assert asked(world, endpoint.url) == []
    attempt = last_attempt(world)
    assert (attempt.outcome, attempt.advice) == (Outcome.AUTH_ERROR, advice)
    (delivery,) = world.deliveries()
    assert delivery.status == "retrying"


def test_fetching_a_token_does_not_make_an_attempt_longer(world: World) -> None:
    endpoint = world.endpoint(auth=AUTH, timeout_seconds=5)

    def slowly(_: Request) -> AttemptResult:
        world.later(seconds=3)
        return answered(200, body='{"access_token": "t-1"}')

    world.answers[TOKEN_URL] = slowly
    deliver(world)

    (sent,) = asked(world, endpoint.url)
    assert sent.timeout_seconds == pytest.approx(2)


def test_the_client_secret_can_travel_in_the_body(world: World) -> None:
    world.endpoint(auth={**AUTH, "client_auth": "body"})
    world.answers[TOKEN_URL] = grant("t-1")

    deliver(world)

    (fetched,) = asked(world, TOKEN_URL)
    assert "authorization" not in fetched.headers
    assert parse_qs(fetched.body.decode())["client_secret"] == ["hush-hush"]


def test_secrets_in_a_response_are_masked_in_the_log(world: World) -> None:
    endpoint = world.endpoint(
        auth={"kind": "bearer", "token": "s3cr3t-token"}, headers={"x-api-key": "s3cr3t-key"}
    )
    world.answers[endpoint.url] = lambda request: answered(
        400, body=json.dumps(dict(request.headers))
    )

    deliver(world)

    attempt = last_attempt(world)
    assert attempt.response is not None
    assert "s3cr3t" not in attempt.model_dump_json()
    assert f'"x-api-key": "{MASK}"' in attempt.response.body


@pytest.mark.parametrize(
    "fields",
    [
        {"token_type": "BearerToken"},
        {"token_type": "BEARER"},
        {"token_type": ""},
        {"token_type": None},
        {"expires_in": "3600"},
    ],
)
def test_answers_of_known_token_endpoints_are_understood(
    world: World, fields: dict[str, Any]
) -> None:
    endpoint = world.endpoint(auth=AUTH)
    world.answers[TOKEN_URL] = grant("t-1", **fields)

    deliver(world)

    (sent,) = asked(world, endpoint.url)
    assert sent.headers["authorization"] == "Bearer t-1"


def test_a_byte_order_mark_before_the_json_is_skipped(world: World) -> None:
    endpoint = world.endpoint(auth=AUTH)
    world.answers[TOKEN_URL] = lambda _: answered(200, body='\ufeff{"access_token": "t-1"}')

    deliver(world)

    assert len(asked(world, endpoint.url)) == 1


def test_a_token_of_more_than_16_kib_is_read_whole(world: World) -> None:
    token = "x" * 40_000
    said = answer("200 OK", body=json.dumps({"access_token": token}).encode())
    sender = Sender(
        EgressPolicy(allow_http=True, allow_private=True),
        monotonic=monotonic,
        utcnow=lambda: datetime(2026, 11, 23, tzinfo=UTC),
        resolve=Resolver(),
    )
    with receiver(says(said)) as login:
        endpoint = world.endpoint(auth={**AUTH, "token_url": login.url()})
        tokens = TokenCache(sender.send, lambda: datetime(2026, 11, 23, tzinfo=UTC))

        assert tokens.token(endpoint, "hush-hush", timeout_seconds=5) == token


def test_the_wait_that_the_token_endpoint_asks_for_is_honoured(world: World) -> None:
    world.endpoint(auth=AUTH)
    world.answers[TOKEN_URL] = lambda _: replace(answered(429), retry_after_seconds=600)

    deliver(world)

    assert last_attempt(world).retry_after_seconds == 600
    (delivery,) = world.deliveries()
    assert delivery.next_attempt_at is not None
    assert (delivery.next_attempt_at - world.now).total_seconds() >= 600


def test_further_parameters_are_sent(world: World) -> None:
    world.endpoint(
        auth={
            **AUTH,
            "audience": "https://api.example",
            "resource": "urn:shop",
            "parameters": {"tenant": "se"},
        }
    )
    world.answers[TOKEN_URL] = grant("t-1")

    deliver(world)

    (fetched,) = asked(world, TOKEN_URL)
    form = parse_qs(fetched.body.decode())
    assert form["audience"] == ["https://api.example"]
    assert form["resource"] == ["urn:shop"]
    assert form["tenant"] == ["se"]


@pytest.mark.parametrize(("username", "password"), [("", "key"), ("key", "")])
def test_user_or_password_of_basic_auth_may_be_empty(
    world: World, username: str, password: str
) -> None:
    endpoint = world.endpoint(auth={"kind": "basic", "username": username, "password": password})

    deliver(world)

    (sent,) = asked(world, endpoint.url)
    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    assert sent.headers["authorization"] == f"Basic {pair}"


def test_deliveries_tests_and_token_requests_pass_the_adapter(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = world.endpoint(auth=AUTH)
    seen: list[str] = []

    def record(_: GuardedAdapter, request: PreparedRequest, **__: Any) -> RequestsResponse:
        seen.append(request.url or "")
        body = BytesIO(b'{"access_token": "t-1"}')
        response = RequestsResponse()
        response.status_code, response.raw = 200, HTTPResponse(body, preload_content=False)
        return response

    monkeypatch.setattr(GuardedAdapter, "send", record)
    attempts = attempter(world.vault, world.settings, lambda: world.now)
    published = event(tenant=TENANT)
    fresh = state.begun(
        published, endpoint.id, 1, created_at=world.now, expires_at=world.now, test=False
    )
    for trigger in (Trigger.FIRST, Trigger.TEST):
        task = Task(
            **{"tenant": TENANT, "event_id": published.id, "endpoint_id": endpoint.id},
            **{"attempt": 1, "trigger": trigger},
        )
        attempts.attempt(published, endpoint, Record(fresh, StoredBody()), task)

    assert seen == [TOKEN_URL, endpoint.url, endpoint.url]
