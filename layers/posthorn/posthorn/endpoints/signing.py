"""Signatures of Standard Webhooks 1.0: `v1` is HMAC-SHA256, `v1a` is Ed25519.

Signed are the bytes `{webhook-id}.{webhook-timestamp}.{body}`. A secret is written with its prefix:
`whsec_` + base64 of 24 to 64 random bytes, or `whsk_` + base64 of an Ed25519 seed.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from posthorn.core.errors import InvalidError

Scheme = Literal["v1", "v1a"]
SECRET_BYTES = 32
_PREFIX: dict[str, Scheme] = {"whsec_": "v1", "whsk_": "v1a"}


def new_secret(scheme: Scheme, random_bytes: bytes) -> str:
    """Write SECRET_BYTES random bytes as a secret of this scheme."""
    prefix = next(prefix for prefix, of in _PREFIX.items() if of == scheme)
    return prefix + base64.b64encode(random_bytes).decode()


def check_secret(secret: str, scheme: Scheme) -> None:
    """Raise InvalidError unless the secret can sign by this scheme. The secret is never echoed."""
    prefix = next(prefix for prefix, of in _PREFIX.items() if of == scheme)
    low, high = (24, 64) if scheme == "v1" else (32, 32)
    try:
        size = len(_key(secret)) if secret.startswith(prefix) else -1
    except ValueError:
        size = -1
    if not low <= size <= high:
        bounds = f"{low} to {high}" if low < high else f"{low}"
        raise InvalidError(f"a {scheme} secret is {prefix} and base64 of {bounds} bytes")


def public_key(secret: str) -> str:
    """The `whpk_…` that verifies what this `whsk_…` signs."""
    raw = Ed25519PrivateKey.from_private_bytes(_key(secret)).public_key().public_bytes_raw()
    return "whpk_" + base64.b64encode(raw).decode()


def signature_header(
    secrets: Iterable[str], message_id: str, *, timestamp: int, body: bytes
) -> str:
    """The value of `webhook-signature`: one signature a secret, separated by spaces."""
    content = f"{message_id}.{timestamp}.".encode() + body
    return " ".join(_sign(secret, content) for secret in secrets)


def _sign(secret: str, content: bytes) -> str:
    if secret.startswith("whsk_"):
        return (
            "v1a,"
            + base64.b64encode(
                Ed25519PrivateKey.from_private_bytes(_key(secret)).sign(content)
            ).decode()
        )
    return "v1," + base64.b64encode(hmac.digest(_key(secret), content, hashlib.sha256)).decode()


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.partition("_")[2], validate=True)
