"""What of an endpoint is secret, and how it is taken out before anything is stored or shown."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from posthorn.core.errors import InvalidError, Violation
from posthorn.models import MASK, EndpointSpec

_SECRET_NAME = re.compile(r"auth|cookie|key|password|secret|signature|token", re.IGNORECASE)
_PUBLIC_NAMES = {"webhook-signature"}
_AUTH_SECRETS = {
    "basic": "password",
    "bearer": "token",
    "api_key": "value",
    "oauth2": "client_secret",
}


SHORTEST_REDACTED = (
    6  # shorter ones are in any text, and masking them would tell more than it hides
)


def looks_secret(header: str) -> bool:
    """Whether a header's value is kept from the log and the API, going by its name."""
    return bool(_SECRET_NAME.search(header)) and header.lower() not in _PUBLIC_NAMES


def masked(headers: Mapping[str, str], *, also: str | None = None) -> dict[str, str]:
    """Headers as the log may show them; `also` names one more that is secret."""
    hidden = also.lower() if also else None
    return {
        name: MASK if looks_secret(name) or name.lower() == hidden else value
        for name, value in headers.items()
    }


def redacted(text: str, values: Iterable[str]) -> str:
    """The text without these secrets: an endpoint may send back what it was sent."""
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= SHORTEST_REDACTED:
            text = text.replace(value, MASK)
    return text


def taken_out(
    spec: EndpointSpec, *, kept_auth: Mapping[str, str], kept_headers: Mapping[str, str]
) -> tuple[EndpointSpec, dict[str, str], dict[str, str]]:
    """Return the spec with masks, the secrets of its auth, and the secrets of its headers.

    A mask that comes in stands for the secret kept so far. InvalidError when there is none, and for
    a mask inside a value or in a header that holds no secret: it could not be sent.
    """
    auth = spec.auth.model_dump()
    auth_secrets: dict[str, str] = {}
    name = _AUTH_SECRETS.get(spec.auth.kind)
    if name:
        auth_secrets[name] = _given(auth[name], kept_auth.get(name), f"/auth/{name}")
        auth[name] = MASK
    headers = {
        header: _given(value, kept_headers.get(header), f"/headers/{header}")
        for header, value in spec.headers.items()
    }
    header_secrets = {name: value for name, value in headers.items() if looks_secret(name)}
    shown: dict[str, Any] = {
        "auth": type(spec.auth).model_validate(auth),
        "headers": {
            header: MASK if header in header_secrets else value
            for header, value in spec.headers.items()
        },
    }
    return spec.model_copy(update=shown), auth_secrets, header_secrets


def _given(value: str, kept: str | None, field: str) -> str:
    if MASK[0] not in value:
        return value
    if value == MASK and kept is not None:
        return kept
    message = f"{MASK} stands for a stored secret, and there is none: give the value itself"
    raise InvalidError(f"{field}: {message}", [Violation(field, message)])
