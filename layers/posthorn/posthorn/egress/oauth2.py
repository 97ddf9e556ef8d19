"""OAuth 2.0 client credentials (RFC 6749 §4.4): tokens for endpoints, under the same guard."""

import base64
import json
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any
from urllib.parse import quote_plus, urlencode

from posthorn.egress.http_client import AttemptResult, Request
from posthorn.models import Endpoint, OAuth2Auth, Outcome

EARLY = timedelta(seconds=30)  # a token is fetched anew this long before it expires
DEFAULT_LIFETIME = timedelta(minutes=5)  # where the answer names none (RFC 6749 §5.1)
CACHED_TOKENS = 1000
MOST_SECONDS = 10**9  # more is no lifetime
_Key = tuple[str, int]  # endpoint id and version


class TokenError(Exception):
    """No token is to be had: the fault of the endpoint's settings or of its token endpoint."""


@dataclass(frozen=True)
class _Token:
    value: str
    fresh_until: datetime


class TokenCache:
    """Keeps a token for each version of an endpoint until shortly before it expires.

    Deliveries are sent by many threads: those that need the same token wait for one to fetch it.
    """

    def __init__(
        self, send: Callable[[Request], AttemptResult], now: Callable[[], datetime]
    ) -> None:
        self._send = send
        self._now = now
        self._kept: dict[_Key, _Token] = {}
        self._coming: dict[_Key, Future[_Token]] = {}
        self._lock = Lock()  # of both; never held while a token is fetched

    def token(self, endpoint: Endpoint, client_secret: str, *, timeout_seconds: float) -> str:
        """A token that is good now; raise TokenError with a line of advice when there is none."""
        if not isinstance(endpoint.auth, OAuth2Auth):
            raise TypeError(f"endpoint {endpoint.id} does not use OAuth 2")
        key = (endpoint.id, endpoint.version)
        with self._lock:
            kept = self._kept.get(key)
            if kept and kept.fresh_until > self._now():
                return kept.value
            coming = self._coming.get(key)
            ours: Future[_Token] = Future()
            if coming is None:
                self._coming[key] = ours
        if coming is None:
            request = _request(endpoint.auth, client_secret, timeout_seconds)
            return self._fetched(key, request, ours).value
        try:
            return coming.result(timeout_seconds).value
        except TimeoutError:
            raise TokenError("the token endpoint took all of the time") from None

    def forget(self, endpoint: Endpoint, refused: str) -> None:
        """The endpoint refused this token: fetch another next time, unless there is one by now."""
        key = (endpoint.id, endpoint.version)
        with self._lock:
            kept = self._kept.get(key)
            if kept and kept.value == refused:
                del self._kept[key]

    def _fetched(self, key: _Key, request: Request, ours: Future[_Token]) -> _Token:
        """Fetch, and tell those who wait how it went: they do not try the same again."""
        try:
            token = _read(self._send(request), self._now())
        except BaseException as error:
            with self._lock:
                del self._coming[key]
            ours.set_exception(error)
            raise
        with self._lock:
            if len(self._kept) >= CACHED_TOKENS:
                self._kept.clear()
            self._kept[key] = token
            del self._coming[key]
        ours.set_result(token)
        return token


def _request(auth: OAuth2Auth, client_secret: str, timeout_seconds: float) -> Request:
    form = {"grant_type": "client_credentials"}
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "accept": "application/json",
    }
    if auth.scope:
        form["scope"] = auth.scope
    if auth.client_auth == "basic":
        # RFC 6749 §2.3.1: both are form-encoded before they are joined.
        pair = f"{quote_plus(auth.client_id)}:{quote_plus(client_secret)}".encode()
        headers["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    else:
        form |= {"client_id": auth.client_id, "client_secret": client_secret}
    return Request(
        method="POST",
        url=auth.token_url,
        headers=headers,
        body=urlencode(form).encode(),
        timeout_seconds=timeout_seconds,
    )


def _read(result: AttemptResult, now: datetime) -> _Token:
    answer = _parsed(result.body)
    if result.outcome is not Outcome.SUCCEEDED:
        # RFC 6749 §5.2: the registered word is repeated, the rest of the body could hold anything.
        error = answer.get("error")
        word = f" ({error})" if isinstance(error, str) and error.replace("_", "").isalpha() else ""
        raise TokenError(f"the token endpoint gave no token{word}: {result.advice}")
    value = answer.get("access_token")
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise TokenError("the token endpoint answered without an access_token in JSON")
    if str(answer.get("token_type", "Bearer")).lower() != "bearer":
        raise TokenError("the token endpoint gave a token that is no Bearer token")
    seconds = answer.get("expires_in")
    lifetime = DEFAULT_LIFETIME
    if isinstance(seconds, int | float) and 0 < seconds < MOST_SECONDS:
        lifetime = timedelta(seconds=seconds)
    return _Token(value, now + lifetime - EARLY)


def _parsed(body: str) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
