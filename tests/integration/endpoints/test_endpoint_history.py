"""The history of an endpoint: versions, differences and restore."""

from typing import Any

import pytest

from posthorn.dispatch.request_headers import signing_secrets
from posthorn.models import MASK
from tests.integration.api_calls import created
from tests.integration.conftest import Tenant
from tests.support.world import START

TOKEN = "first-token-of-the-erp"  # noqa: S105 - of a test
OTHER = "second-token-of-the-erp"


def versions(tenant: Tenant, endpoint_id: str, **query: object) -> Any:
    answer = tenant.client.get(f"/v1/endpoints/{endpoint_id}/versions", **query)
    assert answer.status == 200
    return answer.json


def changes(version: Any) -> dict[str, tuple[Any, Any]]:
    return {each["field"]: (each["before"], each["after"]) for each in version["changes"]}


def test_each_change_is_a_version_with_author_time_and_differences(tenant: Tenant) -> None:
    made = created(tenant, headers={"x-shop": "se", "x~y": "1"})
    path = f"/v1/endpoints/{made['id']}"
    tenant.client.patch(path, {"timeout_seconds": 20, "headers": {"x-shop": "no"}})

    page = versions(tenant, made["id"])

    second, first = page["items"]
    assert page["next_cursor"] is None
    assert (first["version"], second["version"]) == (1, 2)
    assert first["by"] == second["by"] == made["updated_by"]
    assert (first["at"], first["changes"]) == (made["created_at"], [])
    assert changes(second) == {
        "/timeout_seconds": (15.0, 20.0),
        "/headers/x-shop": ("se", "no"),
        "/headers/x~0y": ("1", None),
    }
    assert second["endpoint"] == tenant.client.get(path).json


def test_a_retry_policy_of_another_kind_differs_as_a_whole(tenant: Tenant) -> None:
    made = created(tenant, retry={"kind": "schedule", "delays_seconds": [5]})
    path = f"/v1/endpoints/{made['id']}"
    tenant.client.patch(path, {"retry": {"kind": "schedule", "delays_seconds": [5, 10]}})
    tenant.client.patch(path, {"retry": {"kind": "exponential"}})

    newest, second, _ = versions(tenant, made["id"])["items"]

    assert changes(second) == {"/retry/delays_seconds": ([5.0], [5.0, 10.0])}
    assert [field for field, _ in changes(newest).items()] == ["/retry"]


def test_the_history_of_a_secret_shows_only_that_it_changed(tenant: Tenant) -> None:
    made = created(
        tenant, auth={"kind": "bearer", "token": TOKEN}, headers={"x-api-key": "0123456789"}
    )
    path = f"/v1/endpoints/{made['id']}"
    tenant.client.patch(path, {"auth": {"kind": "bearer", "token": OTHER}})
    tenant.client.patch(path, {"headers": {"x-api-key": "9876543210"}})
    tenant.client.post(f"{path}/rotate-secret", {})
    tenant.client.patch(path, {"name": "New", "auth": {"kind": "bearer", "token": MASK}})

    answer = tenant.client.get(f"{path}/versions")

    named, rotated, keyed, retokened, _ = answer.json["items"]
    assert changes(named) == {"/name": ("ERP", "New")}
    assert changes(rotated) == {"/signing/secret": (MASK, MASK)}
    assert changes(keyed) == {"/headers/x-api-key": (MASK, MASK)}
    assert changes(retokened) == {"/auth/token": (MASK, MASK)}
    for secret in (TOKEN, OTHER, "0123456789", "9876543210", "whsec_", "sealed", "failing_since"):
        assert secret not in answer.body


def test_history_has_pages_and_keeps_all_differences(tenant: Tenant) -> None:
    made = created(tenant)
    for n in range(5):
        tenant.client.patch(f"/v1/endpoints/{made['id']}", {"name": f"name {n}"})

    pages, query = [], {"limit": 4}
    while True:
        page = versions(tenant, made["id"], **query)
        pages.append(page["items"])
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]

    assert [[each["version"] for each in page] for page in pages] == [[6, 5, 4, 3], [2, 1]]
    named = [changes(each) for page in pages for each in page][:-1]
    assert [each["/name"][1] for each in named] == [f"name {n}" for n in range(4, -1, -1)]


def test_the_history_of_a_deleted_endpoint_stays(tenant: Tenant) -> None:
    made = created(tenant)
    tenant.client.delete(f"/v1/endpoints/{made['id']}")

    last, first = versions(tenant, made["id"])["items"]

    assert (last["deleted"], first["deleted"]) == (True, False)
    assert (last["version"], last["changes"]) == (2, [])
    assert last["endpoint"]["name"] == "ERP"
    restoring = tenant.client.post(f"/v1/endpoints/{made['id']}/versions/1/restore")
    assert restoring.status == 404


def test_restoring_makes_a_version_with_the_settings_and_secrets_of_an_old_one(
    tenant: Tenant,
) -> None:
    made = created(
        tenant, auth={"kind": "bearer", "token": TOKEN}, headers={"x-api-key": "k-e-y-1"}
    )
    path = f"/v1/endpoints/{made['id']}"
    tenant.client.patch(
        path, {"url": "https://new.example.com", "auth": {"kind": "none"}, "headers": {}}
    )
    rotated = tenant.client.post(f"{path}/rotate-secret", {}).json

    answer = tenant.client.post(f"{path}/versions/1/restore")

    assert (answer.status, answer.headers["etag"]) == (200, '"4"')
    assert (answer.json["url"], answer.json["version"]) == (made["url"], 4)
    assert answer.json["auth"] == {"kind": "bearer", "token": MASK}
    endpoint = tenant.world.config.endpoint(tenant.id, made["id"])
    assert endpoint
    secrets = tenant.world.vault.open(endpoint.sealed, tenant=tenant.id, endpoint_id=made["id"])
    assert (secrets.auth, secrets.headers) == ({"token": TOKEN}, {"x-api-key": "k-e-y-1"})
    assert signing_secrets(secrets, START)[0] == rotated["signing"]["secret"]
    assert changes(versions(tenant, made["id"])["items"][0]).keys() == {
        "/url",
        "/auth",
        "/headers/x-api-key",
    }


def test_restoring_switches_nothing_on_or_off(tenant: Tenant) -> None:
    made = created(tenant)
    path = f"/v1/endpoints/{made['id']}"
    tenant.client.patch(path, {"status": "disabled", "name": "New"})

    restored = tenant.client.post(f"{path}/versions/1/restore").json

    assert (restored["name"], restored["status"]) == ("ERP", "disabled")
    assert restored["status_reason"] == "disabled by its owner"


def test_restoring_over_a_concurrent_change_is_refused(tenant: Tenant) -> None:
    made = created(tenant)
    path = f"/v1/endpoints/{made['id']}"
    tenant.client.patch(path, {"name": "theirs"})

    stale = tenant.client.post(f"{path}/versions/1/restore", if_match='"1"')
    fresh = tenant.client.post(f"{path}/versions/1/restore", if_match='"2"')

    assert (stale.status, stale.json["code"]) == (412, "stale_version")
    assert fresh.status == 200


@pytest.mark.parametrize(
    ("version", "status"), [("2", 404), ("0", 422), ("x", 422), ("9999999", 422)]
)
def test_a_version_that_there_never_was_cannot_be_restored(
    tenant: Tenant, version: str, status: int
) -> None:
    made = created(tenant)

    answer = tenant.client.post(f"/v1/endpoints/{made['id']}/versions/{version}/restore")

    assert answer.status == status


def test_another_tenants_history_is_not_there(tenant: Tenant, stranger: Tenant) -> None:
    made = created(tenant)
    path = f"/v1/endpoints/{made['id']}/versions"

    assert stranger.client.get(path).status == 404
    assert stranger.client.post(f"{path}/1/restore").status == 404
    assert stranger.client.get("/v1/endpoints/nonsense/versions").status == 404


@pytest.mark.parametrize("cursor", ["", "0", "-1", "x", "²", "1234567"])
def test_a_cursor_that_no_answer_gave_is_refused(tenant: Tenant, cursor: str) -> None:
    made = created(tenant)

    answer = tenant.client.get(f"/v1/endpoints/{made['id']}/versions", cursor=cursor)

    assert (answer.status, answer.fields) == (422, ["cursor"])
