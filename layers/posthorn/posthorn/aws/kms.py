"""Secrets, encrypted with the stack's KMS key before they reach a table or a link."""

import base64
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import Field

from posthorn.core.errors import InvalidError, UnavailableError
from posthorn.core.single_flight import SingleFlight
from posthorn.models import Model, Time

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

MAX_PLAINTEXT_BYTES = 4096  # the limit of KMS Encrypt; more is encrypted with a data key
MAX_SECRETS_BYTES = 64 * 1024  # of one endpoint; with it an item keeps far below 400 KiB
_ENVELOPE = "key1."  # then the encrypted data key, a dot, and nonce and ciphertext (AES-256-GCM)
_KEY_BYTES, _NONCE_BYTES = 32, 12
CACHED_SECRETS = 1000
# Error codes for a ciphertext of another key; the last for a key that does not exist.
_OTHER_KEY_ERRORS = {"InvalidCiphertextException", "IncorrectKeyException", "AccessDeniedException"}


class SigningKey(Model):
    """One signing secret; `expires_at` is set when a rotation replaces it."""

    secret: str
    expires_at: Time | None = None


class Secrets(Model):
    """The secrets of an endpoint: signing keys, newest first, and fields of the endpoint."""

    signing: tuple[SigningKey, ...]
    auth: dict[str, str] = Field(default={})
    headers: dict[str, str] = Field(default={})
    tls: dict[str, str] = Field(default={})


class Vault:
    """Encrypts secrets for one endpoint of one tenant; no other can decrypt the ciphertext."""

    def __init__(self, kms: "KMSClient", key_arn: str) -> None:
        self._kms = kms
        self._key_arn = key_arn
        self._opened = SingleFlight(self._open, size=CACHED_SECRETS)

    def seal(self, secrets: Secrets, *, tenant: str, endpoint_id: str) -> str:
        plaintext = secrets.model_dump_json(exclude_defaults=True).encode()
        if len(plaintext) > MAX_SECRETS_BYTES:
            raise InvalidError("the secrets of one endpoint must have at most 64 KiB in total")
        context = {"tenant": tenant, "endpoint": endpoint_id}
        if len(plaintext) <= MAX_PLAINTEXT_BYTES:
            return base64.b64encode(self._encrypted(plaintext, context)).decode()
        key = os.urandom(_KEY_BYTES)
        content = _enveloped(plaintext, key)
        parts = (self._encrypted(key, context), content)
        return _ENVELOPE + ".".join(base64.b64encode(part).decode() for part in parts)

    def open(self, sealed: str, *, tenant: str, endpoint_id: str) -> Secrets:
        """Decrypt; each ciphertext costs one KMS call for the life of this environment."""
        return self._opened((sealed, tenant, endpoint_id))

    def _open(self, place: tuple[str, str, str]) -> Secrets:
        sealed, tenant, endpoint_id = place
        context = {"tenant": tenant, "endpoint": endpoint_id}
        first, *content = map(base64.b64decode, sealed.removeprefix(_ENVELOPE).split("."))
        plaintext = self._decrypted(first, context)
        if plaintext is None:
            raise UnavailableError("the key service did not decrypt")
        for part in content:  # of an envelope, whose data key was decrypted
            plaintext = _unwrapped(part, plaintext)
        return Secrets.model_validate_json(plaintext)

    def seal_text(self, text: str, *, purpose: str) -> str:
        """Encrypt a text for one purpose; the result is URL-safe and valid as long as the key."""
        ciphertext = self._encrypted(text.encode(), {"purpose": purpose})
        return base64.urlsafe_b64encode(ciphertext).decode().rstrip("=")

    def open_text(self, sealed: str, *, purpose: str) -> str | None:
        """The text; None for a ciphertext of another key or purpose, or a modified one."""
        try:
            ciphertext = base64.b64decode(sealed + "=" * (-len(sealed) % 4), b"-_", validate=True)
        except ValueError:
            return None
        plaintext = self._decrypted(ciphertext, {"purpose": purpose}) if ciphertext else None
        return None if plaintext is None else plaintext.decode()

    def _encrypted(self, plaintext: bytes, context: Mapping[str, str]) -> bytes:
        try:
            answer = self._kms.encrypt(
                KeyId=self._key_arn, Plaintext=plaintext, EncryptionContext=context
            )
        except (ClientError, BotoCoreError) as error:
            raise UnavailableError("the key service did not encrypt") from error
        return answer["CiphertextBlob"]

    def _decrypted(self, ciphertext: bytes, context: Mapping[str, str]) -> bytes | None:
        """The plaintext; None for a ciphertext of another key or context."""
        try:
            answer = self._kms.decrypt(
                KeyId=self._key_arn, CiphertextBlob=ciphertext, EncryptionContext=context
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _OTHER_KEY_ERRORS:
                return None
            raise UnavailableError("the key service did not decrypt") from error
        except BotoCoreError as error:
            raise UnavailableError("the key service did not decrypt") from error
        return answer["Plaintext"]


def _enveloped(plaintext: bytes, key: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # loads slowly, used seldom

    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, None)


def _unwrapped(content: bytes, key: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # loads slowly, used seldom

    return AESGCM(key).decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], None)
