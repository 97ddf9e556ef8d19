"""Secrets of endpoints, encrypted by the stack's KMS key before they reach a table."""

import base64
from collections import OrderedDict
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import Field

from posthorn.errors import InvalidError, UnavailableError
from posthorn.models import Model, Time

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

MAX_PLAINTEXT_BYTES = 4096  # KMS Encrypt takes no more
CACHED_SECRETS = 1000


class SigningKey(Model):
    """One signing secret; `expires_at` is set once a rotation has replaced it."""

    secret: str
    expires_at: Time | None = None


class Secrets(Model):
    """All that must not be read: signing keys, newest first, and values by their place."""

    signing: tuple[SigningKey, ...]
    auth: dict[str, str] = Field(default={})
    headers: dict[str, str] = Field(default={})


class Vault:
    """Seals secrets for one endpoint of one tenant: the ciphertext opens for no other."""

    def __init__(self, kms: "KMSClient", key_arn: str) -> None:
        self._kms = kms
        self._key_arn = key_arn
        self._opened: OrderedDict[tuple[str, str, str], Secrets] = OrderedDict()

    def seal(self, secrets: Secrets, *, tenant: str, endpoint_id: str) -> str:
        plaintext = secrets.model_dump_json(exclude_defaults=True).encode()
        if len(plaintext) > MAX_PLAINTEXT_BYTES:
            raise InvalidError("the secrets of one endpoint may take 4 KiB in all")
        try:
            answer = self._kms.encrypt(
                KeyId=self._key_arn,
                Plaintext=plaintext,
                EncryptionContext={"tenant": tenant, "endpoint": endpoint_id},
            )
        except (ClientError, BotoCoreError) as error:
            raise UnavailableError("the key service did not encrypt") from error
        return base64.b64encode(answer["CiphertextBlob"]).decode()

    def open(self, sealed: str, *, tenant: str, endpoint_id: str) -> Secrets:
        """Decrypt; each ciphertext costs one KMS call for the life of this environment."""
        place = (sealed, tenant, endpoint_id)
        known = self._opened.get(place)
        if known is not None:
            return known
        try:
            answer = self._kms.decrypt(
                KeyId=self._key_arn,
                CiphertextBlob=base64.b64decode(sealed),
                EncryptionContext={"tenant": tenant, "endpoint": endpoint_id},
            )
        except (ClientError, BotoCoreError) as error:
            raise UnavailableError("the key service did not decrypt") from error
        secrets = Secrets.model_validate_json(answer["Plaintext"])
        self._opened[place] = secrets
        while len(self._opened) > CACHED_SECRETS:
            self._opened.popitem(last=False)
        return secrets
