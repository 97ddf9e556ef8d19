"""Signatures of Standard Webhooks 1.0: `v1` is HMAC-SHA256, `v1a` is Ed25519.

The signed bytes are `{webhook-id}.{webhook-timestamp}.{body}`. A secret is written with its prefix:
`whsec_` + base64 of 24 to 64 random bytes, or `whsk_` + base64 of an Ed25519 seed.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Scheme = Literal["v1", "v1a"]
SECRET_BYTES = 32
_PREFIX: dict[Scheme, str] = {"v1": "whsec_", "v1a": "whsk_"}


def new_secret(scheme: Scheme, random_bytes: bytes) -> str:
    """Write SECRET_BYTES random bytes as a secret of this scheme."""
    return _PREFIX[scheme] + base64.b64encode(random_bytes).decode()


def public_key(secret: str) -> str:
    """The `whpk_…` that verifies the signatures of this `whsk_…`."""
    return "whpk_" + base64.b64encode(_ed25519(secret).public_key().public_bytes_raw()).decode()


def signature_header(
    secrets: Iterable[str], message_id: str, *, timestamp: int, body: bytes
) -> str:
    """The value of `webhook-signature`: one signature a secret, separated by spaces."""
    content = f"{message_id}.{timestamp}.".encode() + body
    return " ".join(_sign(secret, content) for secret in secrets)


def _sign(secret: str, content: bytes) -> str:
    if secret.startswith(_PREFIX["v1a"]):
        return "v1a," + base64.b64encode(_ed25519(secret).sign(content)).decode()
    return "v1," + base64.b64encode(hmac.digest(_key(secret), content, hashlib.sha256)).decode()


def _ed25519(secret: str) -> "Ed25519PrivateKey":
    # Loaded on first use: most endpoints sign with v1, which needs the standard library only.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(_key(secret))


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.partition("_")[2], validate=True)
