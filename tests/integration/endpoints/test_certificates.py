"""Certificates of an endpoint: checked, stored like secrets, described, and warned of."""

import json
from datetime import timedelta
from typing import Any

import pytest
import trustme

from posthorn.aws.kms import MAX_PLAINTEXT_BYTES, Secrets, SigningKey
from posthorn.core.errors import InvalidError
from posthorn.deliveries.queries import LogLists
from posthorn.endpoints.views import endpoint_view
from posthorn.models import MASK
from posthorn.monitoring.stats_store import StatsStore
from posthorn.monitoring.warnings import WarningSigns
from tests.support.world import TENANT, AtOnce, World

CA = trustme.CA()
OTHER = trustme.CA()


def tls(world: World, *, days: int = 90, ca: trustme.CA = CA) -> dict[str, str]:
    made = ca.issue_cert("client.example", not_after=world.now + timedelta(days=days))
    return {
        "client_certificate": made.cert_chain_pems[0].bytes().decode(),
        "client_key": made.private_key_pem.bytes().decode(),
        "ca_certificate": ca.cert_pem.bytes().decode(),
    }


def test_the_key_is_stored_encrypted_and_shown_as_a_mask(world: World) -> None:
    given = tls(world)
    endpoint = world.endpoint(tls=given)

    stored = world.configuration.endpoint(TENANT, endpoint.id)
    shown = endpoint_view(stored)
    assert shown.tls.client_key == MASK
    assert "PRIVATE KEY" not in shown.model_dump_json()
    assert "PRIVATE KEY" not in stored.model_dump_json()
    opened = world.vault.open(stored.sealed, tenant=TENANT, endpoint_id=stored.id)
    assert opened.tls == {"client_key": given["client_key"].strip()}


def test_certificates_are_shown_by_subject_fingerprint_and_expiry(world: World) -> None:
    shown = endpoint_view(world.endpoint(tls=tls(world, days=40)))

    client, authority = shown.tls.certificates
    assert client.field == "client_certificate"
    assert "O=trustme" in client.subject
    assert len(client.sha256) == 64
    assert client.expires_at == world.now.replace(microsecond=0) + timedelta(days=40)
    assert authority.field == "ca_certificate"


def test_a_mask_keeps_the_key_and_a_version_is_restored_with_its_key(world: World) -> None:
    endpoint = world.endpoint(tls=tls(world))
    before = world.vault.open(endpoint.sealed, tenant=TENANT, endpoint_id=endpoint.id).tls
    kept = world.configuration.change(TENANT, endpoint.id, {"timeout_seconds": 9}, by="me")
    assert world.vault.open(kept.sealed, tenant=TENANT, endpoint_id=endpoint.id).tls == before

    world.configuration.change(TENANT, endpoint.id, {"tls": {}}, by="me")
    restored = world.configuration.restore(TENANT, endpoint.id, 1, by="me")

    assert world.vault.open(restored.sealed, tenant=TENANT, endpoint_id=endpoint.id).tls == before


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        ({"client_certificate": "no PEM"}, "/tls/client_certificate"),
        ({"client_key": "no PEM"}, "/tls/client_key"),
        ({"client_key": ""}, "/tls/client_key"),
        ({"client_certificate": ""}, "/tls/client_certificate"),
        ({"client_key": OTHER.issue_cert("x.example").private_key_pem.bytes().decode()}, "/tls"),
        ({"client_key": MASK}, "/tls/client_key"),
        (
            {"ca_certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"},
            "/tls",
        ),
    ],
)
def test_broken_certificates_are_refused_by_their_field(
    world: World, broken: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidError) as refusal:
        world.endpoint(tls={**tls(world), **broken})

    assert refusal.value.violations[0].field.startswith(field)
    assert "PRIVATE" not in json.dumps([str(each) for each in refusal.value.violations])


def test_a_certificate_that_expires_within_14_days_is_a_warning(world: World) -> None:
    world.endpoint(tls=tls(world, days=90))
    soon = world.endpoint("soon", tls=tls(world, days=13))

    signs = WarningSigns(
        endpoints=world.config.endpoints,
        log=world.log,
        lists=LogLists(world.log_table, AtOnce()),
        stats=StatsStore(world.log_table),
        now=lambda: world.now,
    )
    (warning,) = signs.of(TENANT)

    assert (warning.code, warning.endpoint_id) == ("certificate_expires", soon.id)
    assert "tls settings" in warning.message


def test_the_dispatcher_sends_with_the_certificate_and_key(world: World) -> None:
    given = tls(world)
    world.endpoint(tls=given)
    world.publish()
    world.take_events()

    (sent,) = world.sent
    assert sent.identity.client_certificate == given["client_certificate"].strip()
    assert sent.identity.client_key == given["client_key"].strip()


@pytest.mark.parametrize("size", [100, MAX_PLAINTEXT_BYTES - 100, MAX_PLAINTEXT_BYTES, 30_000])
def test_secrets_of_any_size_are_sealed_for_one_endpoint(world: World, size: int) -> None:
    secrets = Secrets(signing=(SigningKey(secret="s"),), tls={"client_key": "k" * size})  # noqa: S106
    sealed = world.vault.seal(secrets, tenant=TENANT, endpoint_id="ep_1")

    assert "k" * 20 not in sealed
    assert world.vault.open(sealed, tenant=TENANT, endpoint_id="ep_1") == secrets


def test_secrets_over_64_kib_are_refused(world: World) -> None:
    secrets = Secrets(signing=(), tls={"client_key": "k" * 70_000})
    with pytest.raises(InvalidError, match="64 KiB"):
        world.vault.seal(secrets, tenant=TENANT, endpoint_id="ep_1")
