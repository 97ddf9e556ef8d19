"""OAuth 2.0 client credentials (RFC 6749 §4.4): tokens for endpoints, fetched under the guard."""

import base64
import json
import re
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
TOKEN_RESPONSE_BYTES = 60 * 1024  # with the head within READ_LIMIT_BYTES; tokens hold claims
_TOKEN = re.compile(r"[\x21-\x7e]+")  # without spaces: some put "Bearer " before it, or nothing
MAX_LIFETIME_SECONDS = 10**9  # a larger `expires_in` is ignored


class TokenError(Exception):
    """No token, because of the endpoint's settings or its token endpoint."""

    def __init__(self, advice: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(advice)
        self.retry_after_seconds = retry_after_seconds


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
    form = {**auth.parameters, "grant_type": "client_credentials"}
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "accept": "application/json",
    }
    given = {"scope": auth.scope, "audience": auth.audience, "resource": auth.resource}
    form |= {name: value for name, value in given.items() if value}
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
        kept_bytes=TOKEN_RESPONSE_BYTES,
    )


def _read(result: AttemptResult, now: datetime) -> _Token:
    answer = _parsed(result.response.body if result.response else "")
    # RFC 6749 §5.2: only the registered error code is repeated; the body may hold secrets.
    error = answer.get("error")
    code = f" ({error})" if isinstance(error, str) and error.replace("_", "").isalpha() else ""
    if result.outcome is not Outcome.SUCCEEDED:
        advice = f"the token endpoint returned no token{code}: {result.advice}"
        raise TokenError(advice, retry_after_seconds=result.retry_after_seconds)
    if result.response and result.response.truncated:
        raise TokenError("the response of the token endpoint is incomplete or over 60 KiB")
    value = answer.get("access_token")
    if error and not value:
        raise TokenError(f"the token endpoint answered {_status(result)} with an error{code}")
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise TokenError("the token endpoint returned no access_token in JSON")
    # Apigee says BearerToken; RFC 6749 §5.1 requires the field, which some leave out.
    if str(answer.get("token_type") or "bearer").strip().lower() not in ("bearer", "bearertoken"):
        raise TokenError("the token endpoint returned a token of another type than Bearer")
    return _Token(value, now + _lifetime(answer.get("expires_in")) - EARLY)


def _status(result: AttemptResult) -> int:
    return result.response.status_code if result.response else 0


def _lifetime(seconds: Any) -> timedelta:
    """Of `expires_in`, a number or, from some, a number as text."""
    if isinstance(seconds, str) and seconds.strip().isdecimal() and len(seconds) < 11:
        seconds = int(seconds)
    if isinstance(seconds, int | float) and 0 < seconds < MAX_LIFETIME_SECONDS:
        return timedelta(seconds=seconds)
    return DEFAULT_LIFETIME


def _parsed(body: str) -> dict[str, Any]:
    try:
        answer = json.loads(body.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}
