"""TLS contexts: the public authorities, or an own one, and a client certificate."""

import ssl
from dataclasses import dataclass
from functools import lru_cache
from tempfile import NamedTemporaryFile

import certifi

CACHED_CONTEXTS = 100


@dataclass(frozen=True, repr=False)
class TlsIdentity:
    """PEM texts, empty for none; `ca_certificate` replaces the public authorities."""

    client_certificate: str = ""
    client_key: str = ""
    ca_certificate: str = ""


PUBLIC = TlsIdentity()


@lru_cache(CACHED_CONTEXTS)
def tls_context(identity: TlsIdentity, ca_bundle: str | None = None) -> ssl.SSLContext:
    """Raise ssl.SSLError for a certificate or key that OpenSSL refuses."""
    if identity.ca_certificate:
        context = ssl.create_default_context(cadata=identity.ca_certificate)
    else:
        context = ssl.create_default_context(cafile=certifi.where())  # takes 40 ms, so cached
        if ca_bundle:
            context.load_verify_locations(cafile=ca_bundle)
    context.set_alpn_protocols(["http/1.1"])
    if identity.client_certificate:
        _load(context, f"{identity.client_certificate}\n{identity.client_key}\n")
    return context


def _load(context: ssl.SSLContext, chain_and_key: str) -> None:
    """ssl reads a client certificate from a file only; this one is private and soon removed."""
    with NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(chain_and_key)
        file.flush()
        # Without the callback OpenSSL would ask for a passphrase on the terminal.
        context.load_cert_chain(file.name, password=str)
