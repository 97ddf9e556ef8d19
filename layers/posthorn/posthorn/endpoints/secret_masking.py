"""The secrets of an endpoint: which values they are, and how they are masked and extracted."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from posthorn.core.errors import InvalidError
from posthorn.models import MASK, EndpointSpec

_SECRET_NAME = re.compile(r"auth|cookie|key|password|secret|signature|token", re.IGNORECASE)
_PUBLIC_NAMES = {"webhook-signature"}
_AUTH_SECRETS = {
    "basic": "password",
    "bearer": "token",
    "api_key": "value",
    "oauth2": "client_secret",
}
# A shorter secret is part of many texts by chance: masking it there would reveal it.
MIN_REDACTED = 6


def looks_secret(header: str) -> bool:
    """Whether the log and the API mask this header's value, judged by its name."""
    return bool(_SECRET_NAME.search(header)) and header.lower() not in _PUBLIC_NAMES


def masked(headers: Mapping[str, str], *, also: str | None = None) -> dict[str, str]:
    """Headers as the log may show them; `also` names one more secret header."""
    hidden = also.lower() if also else None
    return {
        name: MASK if looks_secret(name) or name.lower() == hidden else value
        for name, value in headers.items()
    }


def redacted(text: str, values: Iterable[str]) -> str:
    """The text with a mask for each of these secrets: an endpoint may return the request."""
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= MIN_REDACTED:
            text = text.replace(value, MASK)
    return text


def redacted_bytes(content: bytes, values: Iterable[str]) -> bytes:
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= MIN_REDACTED:
            content = content.replace(value.encode(), MASK.encode())
    return content


def extract_secrets(
    spec: EndpointSpec, *, kept_auth: Mapping[str, str], kept_headers: Mapping[str, str]
) -> tuple[EndpointSpec, dict[str, str], dict[str, str]]:
    """Return the spec with masks, the secrets of its auth, and the secrets of its headers.

    A mask in the spec stands for the stored secret. InvalidError when none is stored, and for a
    mask within a value or in a header that holds no secret: it could not be sent.
    """
    auth = spec.auth.model_dump()
    auth_secrets: dict[str, str] = {}
    name = _AUTH_SECRETS.get(spec.auth.kind)
    if name:
        auth_secrets[name] = given(auth[name], kept_auth.get(name), f"/auth/{name}")
        auth[name] = MASK
    headers = {
        header: given(value, kept_headers.get(header), f"/headers/{header}")
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


def given(value: str, kept: str | None, field: str) -> str:
    """The value, or the kept one for a mask; raise InvalidError at the field if none is kept."""
    if MASK[0] not in value:
        return value
    if value == MASK and kept is not None:
        return kept
    message = f"{MASK} stands for a stored secret, and none is stored: send the value itself"
    raise InvalidError.at(field, message)
