"""Client certificates and an own authority, per endpoint."""

import ssl
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from posthorn.egress.http_client import Request, Sender
from posthorn.egress.tls_context import TlsIdentity
from posthorn.egress.url_guard import EgressPolicy
from posthorn.models import Outcome
from tests.support import hostile_receivers as hostile
from tests.support.hostile_receivers import Resolver, receiver, redirects


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def identity(ca: trustme.CA) -> TlsIdentity:
    client = ca.issue_cert("client.example", key_type=trustme.KeyType.RSA)
    return TlsIdentity(
        client_certificate=b"".join(each.bytes() for each in client.cert_chain_pems).decode(),
        client_key=client.private_key_pem.bytes().decode(),
        ca_certificate=ca.cert_pem.bytes().decode(),
    )


def demanding(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("hooks.example", "other.example").configure_cert(context)
    ca.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def sender() -> Sender:
    return Sender(
        EgressPolicy(allow_http=True, allow_private=True),
        monotonic=time.monotonic,
        utcnow=lambda: datetime.now(UTC),
        resolve=Resolver(),
    )


def post(url: str, identity: TlsIdentity) -> Request:
    return Request("POST", url, {}, b"{}", 5, identity=identity)


def test_a_receiver_that_demands_a_certificate_gets_it(
    ca: trustme.CA, identity: TlsIdentity
) -> None:
    with receiver(hostile.ok, tls=demanding(ca)) as endpoint:
        result = sender().send(post(endpoint.url(), identity))

    assert result.outcome == Outcome.SUCCEEDED, result.advice


def test_without_it_the_advice_names_the_setting(ca: trustme.CA, identity: TlsIdentity) -> None:
    nobody = replace(identity, client_certificate="", client_key="")
    with receiver(hostile.ok, tls=demanding(ca)) as endpoint:
        result = sender().send(post(endpoint.url(), nobody))

    assert result.outcome == Outcome.TLS_ERROR
    assert "tls.client_certificate" in result.advice


def test_an_own_authority_replaces_the_public_ones(ca: trustme.CA, identity: TlsIdentity) -> None:
    with receiver(hostile.ok, tls=demanding(ca)) as endpoint:
        without = replace(identity, ca_certificate="")
        other = replace(identity, ca_certificate=trustme.CA().cert_pem.bytes().decode())
        outcomes = [sender().send(post(endpoint.url(), each)).outcome for each in (without, other)]

    assert outcomes == [Outcome.TLS_ERROR] * 2


def test_identities_share_no_connection_and_do_not_follow_to_another_origin(
    ca: trustme.CA, identity: TlsIdentity
) -> None:
    with receiver(hostile.ok, tls=demanding(ca)) as other:
        elsewhere = redirects(other.url(host="other.example"))
        with receiver(elsewhere, tls=demanding(ca)) as endpoint:
            request = replace(post(endpoint.url(), identity), follow_redirects=True)
            result = sender().send(request)

    assert result.outcome == Outcome.TLS_ERROR
    assert other.requests == []


def test_no_key_stays_in_a_file(
    ca: trustme.CA, identity: TlsIdentity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert identity.client_key not in repr(post("https://hooks.example", identity))
    fresh = replace(identity, client_key=f"{identity.client_key}\n")
    with receiver(hostile.ok, tls=demanding(ca)) as endpoint:
        sender().send(post(endpoint.url(), fresh))

    assert list(tmp_path.iterdir()) == []
