"""OAuth 2.0 client credentials (RFC 6749 §4.4): tokens for endpoints, fetched under the guard."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus, urlencode

from posthorn.core.single_flight import SingleFlight
from posthorn.egress.http_client import AttemptResult, Request
from posthorn.models import Endpoint, OAuth2Auth, Outcome

EARLY = timedelta(seconds=30)  # a token is replaced this long before it expires
DEFAULT_LIFETIME = timedelta(minutes=5)  # without `expires_in` (RFC 6749 §5.1)
CACHED_TOKENS = 1000
MAX_LIFETIME_SECONDS = 10**9  # a larger `expires_in` is ignored


class TokenError(Exception):
    """No token, because of the endpoint's settings or its token endpoint."""


@dataclass(frozen=True)
class _Token:
    value: str
    fresh_until: datetime


_NO_REQUEST = Request(method="", url="", headers={}, body=b"", timeout_seconds=0)


@dataclass(frozen=True)
class _Key:
    endpoint_id: str
    version: int
    request: Request = field(default=_NO_REQUEST, compare=False, repr=False)  # loads the token


class TokenCache:
    """Caches a token for each version of an endpoint until shortly before it expires."""

    def __init__(
        self, send: Callable[[Request], AttemptResult], now: Callable[[], datetime]
    ) -> None:
        self._send = send
        self._now = now
        self._tokens = SingleFlight(self._fetch, size=CACHED_TOKENS)

    def token(self, endpoint: Endpoint, client_secret: str, *, timeout_seconds: float) -> str:
        """A valid token; raise TokenError with a line of advice."""
        if not isinstance(endpoint.auth, OAuth2Auth):
            raise TypeError(f"endpoint {endpoint.id} does not use OAuth 2")
        request = _request(endpoint, endpoint.auth, client_secret, timeout_seconds)
        key = _Key(endpoint.id, endpoint.version, request)
        self._tokens.forget(key, lambda token: token.fresh_until <= self._now())
        try:
            return self._tokens(key, timeout_seconds=timeout_seconds).value
        except TimeoutError:
            raise TokenError("the token request used up the timeout") from None

    def forget(self, endpoint: Endpoint, refused: str) -> None:
        """Drop a token that the endpoint refused, unless it was replaced meanwhile."""
        key = _Key(endpoint.id, endpoint.version)
        self._tokens.forget(key, lambda token: token.value == refused)

    def _fetch(self, key: _Key) -> _Token:
        return _read(self._send(key.request), self._now())


def owner(endpoint: Endpoint) -> str:
    """Names the requests that may share kept connections: those of one endpoint version."""
    return f"{endpoint.tenant}/{endpoint.id}/{endpoint.version}"


def _request(
    endpoint: Endpoint, auth: OAuth2Auth, client_secret: str, timeout_seconds: float
) -> Request:
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
        owner=owner(endpoint),
    )


def _read(result: AttemptResult, now: datetime) -> _Token:
    answer = _parsed(result.response.body if result.response else "")
    if result.outcome is not Outcome.SUCCEEDED:
        # RFC 6749 §5.2: only the registered error code is repeated; the body may hold secrets.
        error = answer.get("error")
        code = f" ({error})" if isinstance(error, str) and error.replace("_", "").isalpha() else ""
        raise TokenError(f"the token endpoint returned no token{code}: {result.advice}")
    value = answer.get("access_token")
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise TokenError("the token endpoint returned no access_token in JSON")
    if str(answer.get("token_type", "Bearer")).lower() != "bearer":
        raise TokenError("the token endpoint returned a token of another type than Bearer")
    seconds = answer.get("expires_in")
    lifetime = DEFAULT_LIFETIME
    if isinstance(seconds, int | float) and 0 < seconds < MAX_LIFETIME_SECONDS:
        lifetime = timedelta(seconds=seconds)
    return _Token(value, now + lifetime - EARLY)


def _parsed(body: str) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
