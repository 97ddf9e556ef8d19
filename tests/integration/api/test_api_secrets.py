"""Secrets are accepted by the API, and returned only once or on an explicit, logged request."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from posthorn.dispatch.request_headers import signing_secrets
from posthorn.models import MASK
from tests.integration.api_calls import SPEC, created
from tests.integration.conftest import Tenant
from tests.support.http_client import Answer
from tests.support.world import World

SECRET = "hunter2-hunter2-hunter2"  # noqa: S105 - of a test
OTHER = "correct-horse-battery"
SECRETIVE: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"auth": {"kind": "basic", "username": "erp", "password": SECRET}},
        {"auth": {"kind": "basic", "username": "erp", "password": MASK}},
    ),
    ({"auth": {"kind": "bearer", "token": SECRET}}, {"auth": {"kind": "bearer", "token": MASK}}),
    (
        {"auth": {"kind": "api_key", "header": "x-erp", "value": SECRET}},
        {"auth": {"kind": "api_key", "header": "x-erp", "value": MASK}},
    ),
    (
        {
            "auth": {
                "kind": "oauth2",
                "token_url": "https://id.example.com/token",
                "client_id": "erp",
                "client_secret": SECRET,
            }
        },
        {
            "auth": {
                **{"audience": "", "resource": "", "parameters": {}},
                "kind": "oauth2",
                "token_url": "https://id.example.com/token",
                "client_id": "erp",
                "client_secret": MASK,
                "scope": "",
                "client_auth": "basic",
                "audience": "",
                "resource": "",
                "parameters": {},
            }
        },
    ),
    (
        {"headers": {"X-Api-Key": SECRET, "x-shop": "se"}},
        {"headers": {"X-Api-Key": MASK, "x-shop": "se"}},
    ),
]
KINDS = ["basic", "bearer", "api_key", "oauth2", "headers"]


def every_answer_about(tenant: Tenant, fields: dict[str, Any]) -> list[Answer]:
    client = tenant.client
    creation = client.post("/v1/endpoints", {**SPEC, **fields})
    path = f"/v1/endpoints/{creation.json['id']}"
    return [
        creation,
        client.get(path),
        client.get("/v1/endpoints"),
        client.patch(path, {"name": "New"}),
        client.post(f"{path}/rotate-secret", {}),
    ]


@pytest.mark.parametrize(("fields", "masked"), SECRETIVE, ids=KINDS)
def test_every_answer_shows_a_mask_in_place_of_a_secret(
    tenant: Tenant, fields: dict[str, Any], masked: dict[str, Any]
) -> None:
    answers = every_answer_about(tenant, fields)

    assert {answer.status for answer in answers} == {200, 201}
    assert [SECRET in answer.body for answer in answers] == [False] * len(answers)
    (name,) = masked
    shown = [answer.json.get("items", [answer.json])[0][name] for answer in answers]
    assert shown == [masked[name]] * len(answers)


@pytest.mark.parametrize(("fields", "masked"), SECRETIVE, ids=KINDS)
def test_the_table_holds_no_secret_in_plain(
    tenant: Tenant, shared: World, fields: dict[str, Any], masked: dict[str, Any]
) -> None:
    made = created(tenant, **fields)

    rows = json.dumps(shared.dynamodb.scan(TableName="ConfigTable")["Items"], default=repr)
    assert made["id"] in rows
    assert SECRET not in rows
    assert made["signing"]["secret"].partition("_")[2] not in rows


@pytest.mark.parametrize(("fields", "masked"), SECRETIVE, ids=KINDS)
def test_a_masked_endpoint_can_be_written_back_without_losing_the_secret(
    tenant: Tenant, shared: World, fields: dict[str, Any], masked: dict[str, Any]
) -> None:
    made = created(tenant, **fields)

    answer = tenant.client.patch(f"/v1/endpoints/{made['id']}", {**masked, "name": "New"})

    assert answer.status == 200
    endpoint = shared.configuration.endpoint(tenant.id, made["id"])
    kept = shared.vault.open(endpoint.sealed, tenant=tenant.id, endpoint_id=endpoint.id)
    assert SECRET in {*kept.auth.values(), *kept.headers.values()}


def test_a_new_value_takes_the_place_of_the_old_secret(tenant: Tenant, shared: World) -> None:
    made = created(tenant, headers={"X-Api-Key": SECRET}, auth={"kind": "bearer", "token": SECRET})

    changes = {"headers": {"X-Api-Key": OTHER}, "auth": {"kind": "bearer", "token": OTHER}}
    tenant.client.patch(f"/v1/endpoints/{made['id']}", changes)

    endpoint = shared.configuration.endpoint(tenant.id, made["id"])
    kept = shared.vault.open(endpoint.sealed, tenant=tenant.id, endpoint_id=endpoint.id)
    assert (kept.auth, kept.headers) == ({"token": OTHER}, {"X-Api-Key": OTHER})


def test_a_mask_in_place_of_a_secret_never_given_is_refused(tenant: Tenant) -> None:
    answer = tenant.client.post(
        "/v1/endpoints", {**SPEC, "auth": {"kind": "bearer", "token": MASK}}
    )

    assert (answer.status, answer.fields) == (422, ["/auth/token"])


def test_the_signing_secret_is_shown_when_made_or_asked_for_and_at_no_other_time(
    tenant: Tenant,
) -> None:
    creation, *others, rotation = every_answer_about(tenant, {})

    secret, rotated = creation.json["signing"]["secret"], rotation.json["signing"]["secret"]
    assert secret.startswith("whsec_")
    assert rotated.startswith("whsec_")
    assert secret != rotated
    assert not any(secret in answer.body or "whsec_" in answer.body for answer in others)
    path = f"/v1/endpoints/{creation.json['id']}/secret"
    assert tenant.client.get(path).json == {"secret": rotated}


def test_during_the_overlap_of_a_rotation_both_secrets_sign(tenant: Tenant, shared: World) -> None:
    made = created(tenant, url=f"https://{tenant.id}.example.com/")
    shared.configuration.rotate(tenant.id, made["id"], by="me", overlap=timedelta(hours=2))
    counts = []

    for hours in (1, 2):
        shared.later(hours=hours)
        shared.publish(tenant=tenant.id)
        shared.take_events()
        sent = [each for each in shared.sent if tenant.id in each.url]
        counts.append(sent[-1].headers["webhook-signature"].count("v1,"))

    assert counts == [2, 1]


@pytest.mark.parametrize(("body", "hours"), [(None, 24), ({}, 24), ({"overlap_hours": 0}, 0)])
def test_the_overlap_is_a_day_unless_said_otherwise(
    tenant: Tenant, shared: World, body: object, hours: float
) -> None:
    made = created(tenant)

    answer = tenant.client.post(f"/v1/endpoints/{made['id']}/rotate-secret", body)

    assert (answer.status, answer.json["version"]) == (200, 2)
    endpoint = shared.configuration.endpoint(tenant.id, made["id"])
    kept = shared.vault.open(endpoint.sealed, tenant=tenant.id, endpoint_id=endpoint.id)
    end = endpoint.updated_at + timedelta(hours=hours)
    signing_before, signing_after = (
        len(signing_secrets(kept, end + timedelta(seconds=seconds))) for seconds in (-5, 5)
    )
    assert signing_before == (2 if hours else 1)
    assert signing_after == 1


def test_an_overlap_of_more_than_a_week_is_refused(tenant: Tenant) -> None:
    path = f"/v1/endpoints/{created(tenant)['id']}/rotate-secret"

    answers = [tenant.client.post(path, {"overlap_hours": hours}) for hours in (-1, 169, "long")]

    assert [(each.status, each.fields) for each in answers] == [(422, ["/overlap_hours"])] * 3


def test_the_public_key_of_an_ed25519_endpoint_verifies_its_deliveries(
    tenant: Tenant, shared: World
) -> None:
    url = f"https://{tenant.id}.example.com/"
    made = created(tenant, url=url, signing={"scheme": "v1a"})

    shown = tenant.client.get(f"/v1/endpoints/{made['id']}/public-key").json["public_key"]
    shared.publish(tenant=tenant.id)
    shared.take_events()

    assert made["signing"]["public_key"] == shown
    assert made["signing"]["secret"].startswith("whsk_")
    sent = next(each for each in shared.sent if each.url == url)
    version, _, signature = sent.headers["webhook-signature"].partition(",")
    signed = f"{sent.headers['webhook-id']}.{sent.headers['webhook-timestamp']}.".encode()
    verifier = Ed25519PublicKey.from_public_bytes(base64.b64decode(shown.removeprefix("whpk_")))
    verifier.verify(base64.b64decode(signature), signed + (sent.body or b""))
    assert version == "v1a"


def test_a_shared_secret_has_no_public_key(tenant: Tenant) -> None:
    made = created(tenant)

    answer = tenant.client.get(f"/v1/endpoints/{made['id']}/public-key")

    assert (answer.status, answer.json["code"]) == (404, "not_found")
