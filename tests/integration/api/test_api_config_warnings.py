"""Warnings about settings: in the answers of save, preview and test, and kept with the version."""

from dataclasses import replace

import pytest

from tests.integration.api_calls import SPEC
from tests.integration.conftest import Tenant
from tests.support.http_client import Client
from tests.support.world import ORDER

WRONG = {"event_types": ["OrderReceivedEvent"], "condition": "data.Emial == 'x'"}
WARNING = {
    "field": "/condition",
    "message": "no event type of the endpoint has data.Emial",
    "suggestion": "did you mean data.Email?",
}


def test_a_saved_endpoint_has_its_warnings_until_they_are_mended(tenant: Tenant) -> None:
    made = tenant.client.post("/v1/endpoints", {**SPEC, **WRONG}).json
    path = f"/v1/endpoints/{made['id']}"
    read = tenant.client.get(path).json
    mended = tenant.client.patch(path, {"condition": "data.Email == 'x'"}).json
    versions = tenant.client.get(f"{path}/versions").json["items"]

    assert made["warnings"] == read["warnings"] == [WARNING]
    assert mended["warnings"] == []
    assert [each["endpoint"]["warnings"] for each in versions] == [[], [WARNING]]


@pytest.mark.parametrize("action", ["preview", "test"])
def test_a_draft_has_its_warnings(tenant: Tenant, action: str) -> None:
    body = {"endpoint": {**SPEC, **WRONG}}
    assert tenant.client.post(f"/v1/endpoints/{action}", body).json["warnings"] == [WARNING]


@pytest.mark.parametrize(
    ("path", "name", "message"),
    [
        ("/v1/deliveries", "endpoint_id", "unknown parameter; did you mean endpoint?"),
        ("/v1/endpoints", "xyz", "unknown parameter"),
        ("/v1/stats", "sincee", "unknown parameter; did you mean since?"),
    ],
)
def test_an_unknown_query_parameter_is_refused(
    common: Tenant, path: str, name: str, message: str
) -> None:
    answer = common.client.get(path, **{name: "x"})
    assert answer.status == 422
    assert answer.json["errors"] == [{"field": name, "message": message}]


def test_enabling_an_endpoint_names_its_held_deliveries(tenant: Tenant) -> None:
    made = tenant.client.post("/v1/endpoints", {**SPEC, "event_types": ["Order*"]}).json
    path = f"/v1/endpoints/{made['id']}"
    assert "held_count" not in tenant.client.patch(path, {"status": "paused"}).json
    tenant.client.post("/v1/events", {"type": "OrderReceivedEvent", "data": ORDER})
    tenant.world.take_events()

    enabled = tenant.client.patch(path, {"status": "enabled"}).json

    assert enabled["held_count"] == 1
    assert enabled["held_advice"] == (
        f'1 are held: POST {path}/resume with {{"held": "drain"}} sends them'
    )
    assert tenant.client.post(f"{path}/resume", {"held": "drain"}).status == 200


def test_keys_are_made_and_listed_for_the_tenant_of_the_header(
    admin: Client, tenant: Tenant
) -> None:
    named = replace(admin, headers={"posthorn-tenant": tenant.id})
    body = {"name": "Shop", "scopes": ["logs:read"]}
    made = named.post("/v1/api-keys", body)
    listed = named.get("/v1/api-keys").json["items"]
    differs = named.post("/v1/api-keys", {**body, "tenant": "other"})

    assert (made.status, made.json["tenant"]) == (201, tenant.id)
    assert {each["tenant"] for each in listed} == {tenant.id}
    assert made.json["id"] in {each["id"] for each in listed}
    assert (differs.status, differs.fields) == (422, ["/tenant"])


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:8600", "http://localhost:8600"),
        ("127.0.0.1:8600", "http://127.0.0.1:8600"),
        ("api.example.com", "https://api.example.com"),
    ],
)
def test_a_portal_link_has_the_scheme_of_its_host(tenant: Tenant, host: str, origin: str) -> None:
    answer = tenant.client.post("/v1/portal-links", {}, host=host)
    assert answer.json["url"].startswith(f"{origin}/console/portal?token=")
