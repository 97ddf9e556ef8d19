"""The headers of an attempt in their order of precedence; Posthorn's own come last and win."""

import base64
from collections.abc import Mapping
from datetime import datetime

from posthorn import __version__
from posthorn.aws.kms import Secrets
from posthorn.endpoints.signing import signature_header
from posthorn.models import ApiKeyAuth, Auth, BasicAuth, BearerAuth, Endpoint, Event, NoAuth

USER_AGENT = f"Posthorn/{__version__}"


def signing_secrets(secrets: Secrets, now: datetime) -> list[str]:
    """The signing secrets in use: the newest, and each replaced one until its overlap ends."""
    return [key.secret for key in secrets.signing if key.expires_at is None or key.expires_at > now]


def auth_headers(auth: Auth, values: Mapping[str, str]) -> dict[str, str]:
    """The authentication header; empty for OAuth 2, whose token is fetched per attempt."""
    if isinstance(auth, BasicAuth):
        pair = f"{auth.username}:{values['password']}".encode()
        return {"authorization": f"Basic {base64.b64encode(pair).decode()}"}
    if isinstance(auth, BearerAuth):
        return {"authorization": f"Bearer {values['token']}"}
    if isinstance(auth, ApiKeyAuth):
        return {auth.header.lower(): values["value"]}
    return {}


def auth_header(auth: Auth) -> str | None:
    """The name of the header that carries the credentials; None for no authentication."""
    if isinstance(auth, ApiKeyAuth):
        return auth.header.lower()
    return None if isinstance(auth, NoAuth) else "authorization"


def headers(
    event: Event,
    endpoint: Endpoint,
    secrets: Secrets,
    *,
    body: bytes,
    content_type: str,
    attempt: int,
    now: datetime,
    test: bool = False,
) -> dict[str, str]:
    """All headers of one attempt, in lower case; Posthorn's override the endpoint's own."""
    timestamp = int(now.timestamp())
    signature = signature_header(
        signing_secrets(secrets, now), event.id, timestamp=timestamp, body=body
    )
    custom = {name.lower(): value for name, value in endpoint.headers.items()}
    secret = {name.lower(): value for name, value in secrets.headers.items()}
    return {
        **custom,
        **secret,
        **auth_headers(endpoint.auth, secrets.auth),
        **({"traceparent": event.traceparent} if event.traceparent else {}),
        "content-type": content_type,
        "user-agent": USER_AGENT,
        "webhook-id": event.id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature,
        "posthorn-event-type": event.type,
        "posthorn-attempt": str(attempt),
        **({"posthorn-test": "true"} if test else {}),
    }
