"""One attempt of a delivery: render the body, sign it, send it, return the result."""

import base64
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from time import monotonic

from posthorn.aws.kms import Secrets, Vault
from posthorn.core.errors import PosthornError
from posthorn.core.settings import Settings
from posthorn.deliveries.store import Record, StoredBody, body_of
from posthorn.dispatch import request_headers
from posthorn.egress.http_client import AttemptResult, Request, Sender
from posthorn.egress.oauth2 import TokenCache, TokenError, owner
from posthorn.egress.tls_context import TlsIdentity
from posthorn.egress.url_guard import EgressPolicy
from posthorn.endpoints.secret_masking import masked, redacted, redacted_bytes
from posthorn.models import (
    MASK,
    Attempt,
    Endpoint,
    Event,
    OAuth2Auth,
    Outcome,
    SentRequest,
    Task,
    Trigger,
)
from posthorn.subscriptions import payloads, templates

_BEARER = "Bearer "
SHORTEST_SECONDS = 0.1  # for the request, when the token request has used up the timeout


class BodyChangedError(PosthornError):
    """The rendered body differs from the body of the first attempt: nothing is sent."""

    code = "body_changed"


@dataclass(frozen=True)
class CompletedAttempt:
    """An attempt and the body it sent; `body_sha256` is None if the payload could not be made."""

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
        """Send the body of the delivery once. The endpoint's behaviour never raises."""
        started_at = self.now()
        endpoint = templates.filled(endpoint, event)
        request = _empty(endpoint)
        try:
            body, content = _body(event, endpoint, record)
        except payloads.PayloadError as error:
            unsent = AttemptResult(Outcome.PAYLOAD_ERROR, error.detail, url=request.url)
            return CompletedAttempt(
                _attempt(endpoint, task, started_at, request, unsent), StoredBody(), None
            )
        secrets = self._secrets(endpoint)
        own = request_headers.own_headers(
            event,
            request_headers.signing_secrets(secrets, started_at),
            body=content,
            content_type=_content_type(body),
            attempt=task.attempt,
            now=started_at,
            test=task.trigger is Trigger.TEST,
        )
        headers = request_headers.headers(endpoint, secrets, own)
        request = replace(
            request,
            headers=headers,
            headers_elsewhere=own,
            body=content,
            identity=_identity(endpoint, secrets),
        )
        request, result = self._send(request, endpoint, secrets, started_at)
        result = _without_secrets(result, request, endpoint, secrets)
        attempt = _attempt(endpoint, task, started_at, request, result)
        return CompletedAttempt(attempt, body, hashlib.sha256(content).hexdigest())

    def preview(self, event: Event, endpoint: Endpoint) -> tuple[SentRequest, str]:
        """The request and body of a first attempt made now, as the log would show them.

        Raise PayloadError. No OAuth 2 token is fetched: the header shows the mask.
        """
        endpoint = templates.filled(endpoint, event)
        content = payloads.render(endpoint.payload, event)
        secrets, now = self._secrets(endpoint), self.now()
        own = request_headers.own_headers(
            event,
            request_headers.signing_secrets(secrets, now),
            body=content,
            content_type=payloads.content_type(endpoint.payload),
            attempt=1,
            now=now,
        )
        headers = request_headers.headers(endpoint, secrets, own)
        if isinstance(endpoint.auth, OAuth2Auth):
            headers["authorization"] = MASK
        return _shown(replace(_empty(endpoint), headers=headers), endpoint), content.decode()

    def _secrets(self, endpoint: Endpoint) -> Secrets:
        return self.vault.open(endpoint.sealed, tenant=endpoint.tenant, endpoint_id=endpoint.id)

    def _send(
        self, request: Request, endpoint: Endpoint, secrets: Secrets, started_at: datetime
    ) -> tuple[Request, AttemptResult]:
        """Send; with OAuth 2, retry a 401 once with a new token within the remaining time."""
        if not isinstance(endpoint.auth, OAuth2Auth):
            return request, self.send(request)
        try:
            request, result = self._send_with_token(request, endpoint, secrets, started_at)
            if result.response and result.response.status_code == HTTPStatus.UNAUTHORIZED:
                refused = request.headers["authorization"].removeprefix(_BEARER)
                self.tokens.forget(endpoint, refused)
                if self._seconds_left(endpoint, started_at) > 0:
                    return self._send_with_token(request, endpoint, secrets, started_at)
        except TokenError as error:
            return request, AttemptResult(
                Outcome.AUTH_ERROR,
                str(error),
                url=request.url,
                retry_after_seconds=error.retry_after_seconds,
            )
        return request, result

    def _send_with_token(
        self, request: Request, endpoint: Endpoint, secrets: Secrets, started_at: datetime
    ) -> tuple[Request, AttemptResult]:
        token = self.tokens.token(
            endpoint,
            secrets.auth["client_secret"],
            timeout_seconds=self._seconds_left(endpoint, started_at),
        )
        request = replace(
            request,
            headers={**request.headers, "authorization": f"{_BEARER}{token}"},
            timeout_seconds=max(SHORTEST_SECONDS, self._seconds_left(endpoint, started_at)),
        )
        return request, self.send(request)

    def _seconds_left(self, endpoint: Endpoint, started_at: datetime) -> float:
        return endpoint.timeout_seconds - (self.now() - started_at).total_seconds()


def _body(event: Event, endpoint: Endpoint, record: Record) -> tuple[StoredBody, bytes]:
    """The bytes of the first attempt; rendered now if this is the first."""
    fixed = body_of(event, record)
    if fixed is None:
        content = payloads.render(endpoint.payload, event)
        if payloads.is_plain(endpoint.payload):
            return StoredBody(mode=endpoint.payload.mode), content
        return StoredBody(kept=content.decode()), content
    if hashlib.sha256(fixed).hexdigest() != record.delivery.body_sha256:
        raise BodyChangedError("the body differs from the body of the first attempt")
    return record.body, fixed


def _content_type(body: StoredBody) -> str:
    """The type of the stored bytes: the payload mode of the endpoint may have changed since."""
    return payloads.content_type(payloads.plain(body.mode)) if body.mode else payloads.CONTENT_TYPE


def _without_secrets(
    result: AttemptResult, request: Request, endpoint: Endpoint, secrets: Secrets
) -> AttemptResult:
    shown = _shown_headers(request, endpoint)
    sent = [value for name, value in request.headers.items() if shown[name] != value]
    hidden = {*sent, *(value.partition(" ")[2] for value in sent), *secrets.auth.values()}
    response = result.response and result.response.model_copy(
        update={
            "headers": {
                name: redacted(value, hidden) for name, value in result.response.headers.items()
            },
            "body": redacted(result.response.body, hidden),
            "body_base64": _redacted_base64(result.response.body_base64, hidden),
        }
    )
    return replace(result, advice=redacted(result.advice, hidden), response=response)


def _identity(endpoint: Endpoint, secrets: Secrets) -> TlsIdentity:
    return TlsIdentity(**{**endpoint.tls.model_dump(), **secrets.tls})


def _redacted_base64(content: str | None, hidden: Iterable[str]) -> str | None:
    if content is None:
        return None
    return base64.b64encode(redacted_bytes(base64.b64decode(content), hidden)).decode()


def _empty(endpoint: Endpoint) -> Request:
    return Request(
        method=endpoint.method,
        url=endpoint.url,
        headers={},
        body=b"",
        timeout_seconds=endpoint.timeout_seconds,
        follow_redirects=endpoint.follow_redirects,
        owner=owner(endpoint),
    )


def _shown(request: Request, endpoint: Endpoint) -> SentRequest:
    headers = _shown_headers(request, endpoint)
    return SentRequest(method=request.method, url=request.url, headers=headers)


def _shown_headers(request: Request, endpoint: Endpoint) -> dict[str, str]:
    return masked(request.headers, also=request_headers.auth_header(endpoint.auth))


def _attempt(
    endpoint: Endpoint, task: Task, started_at: datetime, request: Request, result: AttemptResult
) -> Attempt:
    measured = {name: value for name, value in vars(result).items() if name != "url"}
    return Attempt(
        number=task.attempt,
        trigger=task.trigger,
        by=task.by,
        endpoint_version=endpoint.version,
        started_at=started_at,
        request=_shown(request, endpoint),
        **measured,
    )


def attempter(
    vault: Vault,
    settings: Settings,
    now: Callable[[], datetime],
    *,
    send: Callable[[Request], AttemptResult] | None = None,
) -> Attempter:
    """Assemble an Attempter; `send` replaces the HTTP client."""
    policy = EgressPolicy(settings.allow_http, settings.allow_private_addresses)
    send = send or Sender(policy, monotonic=monotonic, utcnow=now).send
    return Attempter(vault=vault, tokens=TokenCache(send, now), send=send, now=now)
