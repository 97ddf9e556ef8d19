"""The headers of an attempt in their order of precedence; Posthorn's own come last and win.

Except for `content-type` and `user-agent`, which the endpoint's headers may replace.
"""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime

from posthorn import __version__
from posthorn.aws.kms import Secrets
from posthorn.endpoints.signing import signature_header
from posthorn.models import ApiKeyAuth, Auth, BasicAuth, BearerAuth, Endpoint, Event, NoAuth

USER_AGENT = f"Posthorn/{__version__}"
REPLACEABLE = frozenset({"content-type", "user-agent"})  # by a custom header of the endpoint


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


def headers(endpoint: Endpoint, secrets: Secrets, own: Mapping[str, str]) -> dict[str, str]:
    """All headers of one attempt, in lower case; `own` are those of `own_headers`."""
    custom = {name.lower(): value for name, value in (endpoint.headers | secrets.headers).items()}
    replaced = {name: custom[name] for name in REPLACEABLE & custom.keys()}
    return {**custom, **auth_headers(endpoint.auth, secrets.auth), **own, **replaced}


def own_headers(
    event: Event,
    signing: Sequence[str],
    *,
    body: bytes,
    content_type: str,
    attempt: int,
    now: datetime,
    test: bool = False,
) -> dict[str, str]:
    """The headers that Posthorn makes: the only ones that another origin gets after a redirect."""
    timestamp = int(now.timestamp())
    signature = signature_header(signing, event.id, timestamp=timestamp, body=body)
    return {
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
