"""One attempt: make the body, sign, send, and tell what happened (design.md §6)."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus

from posthorn.aws.kms import Secrets, Vault
from posthorn.core.errors import PosthornError
from posthorn.deliveries.store import Record, StoredBody, body_of
from posthorn.dispatch import request_headers as outgoing
from posthorn.egress.http_client import AttemptResult, Request
from posthorn.egress.oauth2 import TokenCache, TokenError
from posthorn.endpoints.secret_masking import masked, redacted
from posthorn.models import (
    MASK,
    Attempt,
    Endpoint,
    Event,
    OAuth2Auth,
    Outcome,
    Response,
    SentRequest,
    Task,
    Trigger,
)
from posthorn.subscriptions import payloads as payload

_BEARER = "Bearer "
SHORTEST_SECONDS = 0.1  # for the request itself, when fetching its token took all of the time


class BodyChangedError(PosthornError):
    """The body made now is not the one that was sent first: nothing is sent (design.md §6)."""

    code = "body_changed"


@dataclass(frozen=True)
class CompletedAttempt:
    """An attempt, and the body it sent: None when the payload expression made none."""

    attempt: Attempt
    body: StoredBody
    body_sha256: str | None


@dataclass(frozen=True)
class Attempter:
    vault: Vault
    tokens: TokenCache
    send: Callable[[Request], AttemptResult]
    now: Callable[[], datetime]

    def attempt(
        self, event: Event, endpoint: Endpoint, record: Record, task: Task
    ) -> CompletedAttempt:
        """Send the delivery's body once. Never raises for what the endpoint did."""
        started_at = self.now()
        request = _empty(endpoint)
        try:
            body, content = _body(event, endpoint, record)
        except payload.PayloadError as error:
            unsent = _unsent(Outcome.PAYLOAD_ERROR, error.detail, request)
            return CompletedAttempt(
                _attempt(endpoint, task, started_at, request, unsent), StoredBody(), None
            )
        secrets = self._secrets(endpoint)
        headers = outgoing.headers(
            event,
            endpoint,
            secrets,
            body=content,
            content_type=_content_type(body),
            attempt=task.attempt,
            now=started_at,
            test=task.trigger is Trigger.TEST,
        )
        request = replace(request, headers=headers, body=content)
        request, exchange = self._sent(request, endpoint, secrets, started_at)
        exchange = _without_secrets(exchange, request, endpoint, secrets)
        made = _attempt(endpoint, task, started_at, request, exchange)
        return CompletedAttempt(made, body, hashlib.sha256(content).hexdigest())

    def preview(self, event: Event, endpoint: Endpoint) -> tuple[SentRequest, str]:
        """The request and body that a first attempt would send now, as the log would show them.

        Raise PayloadError when there is no payload. An OAuth 2 token is not fetched: it is a mask.
        """
        content = payload.render(endpoint.payload, event)
        headers = outgoing.headers(
            event,
            endpoint,
            self._secrets(endpoint),
            body=content,
            content_type=payload.content_type(endpoint.payload),
            attempt=1,
            now=self.now(),
        )
        if isinstance(endpoint.auth, OAuth2Auth):
            headers["authorization"] = MASK
        return _shown(replace(_empty(endpoint), headers=headers), endpoint), content.decode()

    def _secrets(self, endpoint: Endpoint) -> Secrets:
        return self.vault.open(endpoint.sealed, tenant=endpoint.tenant, endpoint_id=endpoint.id)

    def _sent(
        self, request: Request, endpoint: Endpoint, secrets: Secrets, started_at: datetime
    ) -> tuple[Request, AttemptResult]:
        """Send; with OAuth 2, a 401 is asked again once with a new token, in what time is left."""
        if not isinstance(endpoint.auth, OAuth2Auth):
            return request, self.send(request)
        try:
            request, exchange = self._bearing_token(request, endpoint, secrets, started_at)
            if exchange.status_code == HTTPStatus.UNAUTHORIZED:
                refused = request.headers["authorization"].removeprefix(_BEARER)
                self.tokens.forget(endpoint, refused)
                if self._left(endpoint, started_at) > 0:
                    return self._bearing_token(request, endpoint, secrets, started_at)
        except TokenError as error:
            return request, _unsent(Outcome.AUTH_ERROR, str(error), request)
        return request, exchange

    def _bearing_token(
        self, request: Request, endpoint: Endpoint, secrets: Secrets, started_at: datetime
    ) -> tuple[Request, AttemptResult]:
        token = self.tokens.token(
            endpoint,
            secrets.auth["client_secret"],
            timeout_seconds=self._left(endpoint, started_at),
        )
        bearing = replace(
            request,
            headers={**request.headers, "authorization": f"{_BEARER}{token}"},
            timeout_seconds=max(SHORTEST_SECONDS, self._left(endpoint, started_at)),
        )
        return bearing, self.send(bearing)

    def _left(self, endpoint: Endpoint, started_at: datetime) -> float:
        return endpoint.timeout_seconds - (self.now() - started_at).total_seconds()


def _body(event: Event, endpoint: Endpoint, record: Record) -> tuple[StoredBody, bytes]:
    """The bytes fixed at the first attempt, or made now when this is the first."""
    fixed = body_of(event, record)
    if fixed is None:
        made = payload.render(endpoint.payload, event)
        if payload.is_plain(endpoint.payload):
            return StoredBody(mode=endpoint.payload.mode), made
        return StoredBody(kept=made.decode()), made
    if hashlib.sha256(fixed).hexdigest() != record.delivery.body_sha256:
        raise BodyChangedError("the body is not the one of the first attempt")
    return record.body, fixed


def _content_type(body: StoredBody) -> str:
    """That of the bytes: the endpoint may have another payload mode by now."""
    return payload.content_type(payload.plain(body.mode)) if body.mode else payload.CONTENT_TYPE


def _without_secrets(
    exchange: AttemptResult, request: Request, endpoint: Endpoint, secrets: Secrets
) -> AttemptResult:
    shown = _shown_headers(request, endpoint)
    sent = [value for name, value in request.headers.items() if shown[name] != value]
    hidden = {*sent, *(value.partition(" ")[2] for value in sent), *secrets.auth.values()}
    return replace(
        exchange,
        advice=redacted(exchange.advice, hidden),
        headers={name: redacted(value, hidden) for name, value in exchange.headers.items()},
        body=redacted(exchange.body, hidden),
    )


def _empty(endpoint: Endpoint) -> Request:
    return Request(
        method=endpoint.method,
        url=endpoint.url,
        headers={},
        body=b"",
        timeout_seconds=endpoint.timeout_seconds,
        follow_redirects=endpoint.follow_redirects,
    )


def _shown(request: Request, endpoint: Endpoint) -> SentRequest:
    headers = _shown_headers(request, endpoint)
    return SentRequest(method=request.method, url=request.url, headers=headers)


def _shown_headers(request: Request, endpoint: Endpoint) -> dict[str, str]:
    return masked(request.headers, also=outgoing.auth_header(endpoint.auth))


def _unsent(outcome: Outcome, advice: str, request: Request) -> AttemptResult:
    return AttemptResult(
        outcome=outcome,
        advice=advice,
        duration_ms=0,
        timings_ms={},
        status_code=None,
        headers={},
        body="",
        truncated=False,
        retry_after_seconds=None,
        certificate_expires_at=None,
        url=request.url,
    )


def _attempt(
    endpoint: Endpoint, task: Task, started_at: datetime, request: Request, exchange: AttemptResult
) -> Attempt:
    response = None
    if exchange.status_code is not None:
        response = Response(
            status_code=exchange.status_code,
            headers=exchange.headers,
            body=exchange.body,
            truncated=exchange.truncated,
        )
    return Attempt(
        number=task.attempt,
        trigger=task.trigger,
        by=task.by,
        endpoint_version=endpoint.version,
        started_at=started_at,
        duration_ms=exchange.duration_ms,
        timings_ms=exchange.timings_ms,
        outcome=exchange.outcome,
        advice=exchange.advice,
        retry_after_seconds=exchange.retry_after_seconds,
        certificate_expires_at=exchange.certificate_expires_at,
        request=_shown(request, endpoint),
        response=response,
    )
