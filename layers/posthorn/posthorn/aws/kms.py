"""Secrets, encrypted with the stack's KMS key before they reach a table or a link."""

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import Field

from posthorn.core.errors import InvalidError, UnavailableError
from posthorn.core.single_flight import SingleFlight
from posthorn.models import Model, Time

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

MAX_PLAINTEXT_BYTES = 4096  # the limit of KMS Encrypt
CACHED_SECRETS = 1000
# Error codes for a ciphertext of another key; the last for a key that does not exist.
_OTHER_KEY_ERRORS = {"InvalidCiphertextException", "IncorrectKeyException", "AccessDeniedException"}


class SigningKey(Model):
    """One signing secret; `expires_at` is set when a rotation replaces it."""

    secret: str
    expires_at: Time | None = None


class Secrets(Model):
    """The secrets of an endpoint: signing keys, newest first, auth fields, and header values."""

    signing: tuple[SigningKey, ...]
    auth: dict[str, str] = Field(default={})
    headers: dict[str, str] = Field(default={})


class Vault:
    """Encrypts secrets for one endpoint of one tenant; no other can decrypt the ciphertext."""

    def __init__(self, kms: "KMSClient", key_arn: str) -> None:
        self._kms = kms
        self._key_arn = key_arn
        self._opened = SingleFlight(self._open, size=CACHED_SECRETS)

    def seal(self, secrets: Secrets, *, tenant: str, endpoint_id: str) -> str:
        plaintext = secrets.model_dump_json(exclude_defaults=True).encode()
        if len(plaintext) > MAX_PLAINTEXT_BYTES:
            raise InvalidError("the secrets of one endpoint must have at most 4 KiB in total")
        ciphertext = self._encrypted(plaintext, {"tenant": tenant, "endpoint": endpoint_id})
        return base64.b64encode(ciphertext).decode()

    def open(self, sealed: str, *, tenant: str, endpoint_id: str) -> Secrets:
        """Decrypt; each ciphertext costs one KMS call for the life of this environment."""
        return self._opened((sealed, tenant, endpoint_id))

    def _open(self, place: tuple[str, str, str]) -> Secrets:
        sealed, tenant, endpoint_id = place
        context = {"tenant": tenant, "endpoint": endpoint_id}
        plaintext = self._decrypted(base64.b64decode(sealed), context)
        if plaintext is None:
            raise UnavailableError("the key service did not decrypt")
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
