"""The certificates of an endpoint: checked when saved, described when shown."""

import ssl
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from pydantic import Field

from posthorn.core.errors import InvalidError
from posthorn.egress.tls_context import TlsIdentity, tls_context
from posthorn.endpoints.secret_masking import given
from posthorn.models import MASK, EndpointSpec, Model, Time, Tls

if TYPE_CHECKING:
    from cryptography import x509

# cryptography loads slowly, so it is imported where an endpoint has certificates.
_FIELDS = ("client_certificate", "ca_certificate")


class CertificateView(Model):
    """One certificate of an endpoint."""

    field: str = Field(description="`client_certificate` or `ca_certificate`")
    subject: str
    sha256: str = Field(description="The fingerprint, in hexadecimal")
    expires_at: Time


class TlsView(Tls):
    """The certificates, and a mask in place of the private key."""

    certificates: list[CertificateView]


def extract_key(spec: EndpointSpec, kept: Mapping[str, str]) -> tuple[EndpointSpec, dict[str, str]]:
    """Return the spec with a mask, and the private key; raise InvalidError for a broken PEM."""
    tls = spec.tls
    key = given(tls.client_key, kept.get("client_key"), "/tls/client_key")
    for field in _FIELDS:
        _parsed(tls, field)
    if bool(key) != bool(tls.client_certificate):
        missing = "client_certificate" if key else "client_key"
        raise InvalidError.at(f"/tls/{missing}", "certificate and key must be given together")
    if key:
        _check_key(tls, key)
    try:
        tls_context(TlsIdentity(tls.client_certificate, key, tls.ca_certificate))
    except (ssl.SSLError, ValueError):
        raise InvalidError.at("/tls", "OpenSSL refuses these certificates") from None
    masked = tls.model_copy(update={"client_key": MASK if key else ""})
    return spec.model_copy(update={"tls": masked}), {"client_key": key} if key else {}


def _check_key(tls: Tls, key: str) -> None:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    certificate = _parsed(tls, "client_certificate")[0]
    try:
        public = load_pem_private_key(key.encode(), password=None).public_key()
    except Exception:  # noqa: BLE001 - of many kinds, for an unknown or encrypted key
        message = "must be a private key in PEM, without a passphrase"
        raise InvalidError.at("/tls/client_key", message) from None
    if public != certificate.public_key():
        message = "must be the key of the first client certificate"
        raise InvalidError.at("/tls/client_key", message)


def _parsed(tls: Tls, field: str) -> "list[x509.Certificate]":
    text = getattr(tls, field)
    if not text:
        return []
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        raise InvalidError.at(f"/tls/{field}", "must be certificates in PEM") from None


def described(tls: Tls) -> Iterator[CertificateView]:
    for field in _FIELDS:
        for each in _parsed(tls, field):
            from cryptography.hazmat.primitives.serialization import Encoding

            yield CertificateView(
                field=field,
                subject=each.subject.rfc4514_string(),
                sha256=sha256(each.public_bytes(Encoding.DER)).hexdigest(),
                expires_at=each.not_valid_after_utc,
            )


def first_expiry(tls: Tls) -> datetime | None:
    """When the first of the certificates expires; None without certificates."""
    return min((each.expires_at for each in described(tls)), default=None)


def tls_view(tls: Tls) -> TlsView:
    return TlsView(**tls.model_dump(), certificates=list(described(tls)))
