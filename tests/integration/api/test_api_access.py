"""Access to the API: keys, scopes, tenants, and requests that API Gateway refuses."""

import re
from typing import Any

import pytest

from posthorn.models import Scope
from tests.integration.api_calls import SPEC, created, delivered
from tests.integration.conftest import ALL_SCOPES, Tenant
from tests.support.http_client import ROUTES, Client
from tests.support.world import ORDER, World

ID = "01KAR7XJ80000000000000000A"
EVENT = {"type": "OrderReceivedEvent", "data": ORDER}
NEEDS = {
    "POST /v1/events": Scope.EVENTS_WRITE,
    "GET /v1/endpoints": Scope.CONFIG_READ,
    "POST /v1/endpoints": Scope.CONFIG_WRITE,
    "GET /v1/endpoints/{id}": Scope.CONFIG_READ,
    "PATCH /v1/endpoints/{id}": Scope.CONFIG_WRITE,
    "DELETE /v1/endpoints/{id}": Scope.CONFIG_WRITE,
    "POST /v1/endpoints/{id}/rotate-secret": Scope.CONFIG_WRITE,
    "GET /v1/endpoints/{id}/secret": Scope.CONFIG_WRITE,
    "GET /v1/endpoints/{id}/public-key": Scope.CONFIG_READ,
    "GET /v1/endpoints/{id}/versions": Scope.CONFIG_READ,
    "POST /v1/endpoints/{id}/versions/{version}/restore": Scope.CONFIG_WRITE,
    "POST /v1/endpoints/preview": Scope.CONFIG_WRITE,
    "POST /v1/endpoints/{id}/preview": Scope.CONFIG_WRITE,
    "POST /v1/endpoints/test": Scope.CONFIG_WRITE,
    "POST /v1/endpoints/{id}/test": Scope.CONFIG_WRITE,
    "POST /v1/endpoints/dry-run": Scope.LOGS_READ,
    "POST /v1/endpoints/{id}/dry-run": Scope.LOGS_READ,
    "GET /v1/deliveries": Scope.LOGS_READ,
    "GET /v1/deliveries/{id}": Scope.LOGS_READ,
    "POST /v1/deliveries/{id}/resend": Scope.DELIVERIES_WRITE,
    "POST /v1/deliveries/{id}/cancel": Scope.DELIVERIES_WRITE,
    "GET /v1/jobs": Scope.LOGS_READ,
    "POST /v1/jobs": Scope.DELIVERIES_WRITE,
    "POST /v1/jobs/count": Scope.LOGS_READ,
    "GET /v1/jobs/{id}": Scope.LOGS_READ,
    "PATCH /v1/jobs/{id}": Scope.DELIVERIES_WRITE,
    "POST /v1/jobs/{id}/pause": Scope.DELIVERIES_WRITE,
    "POST /v1/jobs/{id}/resume": Scope.DELIVERIES_WRITE,
    "POST /v1/jobs/{id}/cancel": Scope.DELIVERIES_WRITE,
    "POST /v1/endpoints/{id}/resume": Scope.CONFIG_WRITE,
    "GET /v1/events": Scope.LOGS_READ,
    "GET /v1/events/{id}": Scope.LOGS_READ,
    "DELETE /v1/events/{id}/payload": Scope.DELIVERIES_WRITE,
    "GET /v1/stats": Scope.LOGS_READ,
    "GET /v1/warnings": Scope.LOGS_READ,
    "POST /v1/portal-links": Scope.CONFIG_WRITE,
    "GET /v1/event-types": Scope.CONFIG_READ,
    "GET /v1/event-types/{name}": Scope.CONFIG_READ,
    "PUT /v1/event-types/{name}": Scope.ADMIN,
    "DELETE /v1/event-types/{name}": Scope.ADMIN,
    "POST /v1/event-types/import": Scope.ADMIN,
    "GET /v1/tenants": Scope.ADMIN,
    "GET /v1/tenants/{id}": Scope.ADMIN,
    "PUT /v1/tenants/{id}": Scope.ADMIN,
    "DELETE /v1/tenants/{id}": Scope.ADMIN,
    "GET /v1/api-keys": Scope.ADMIN,
    "POST /v1/api-keys": Scope.ADMIN,
    "DELETE /v1/api-keys/{id}": Scope.ADMIN,
}
# No receiver listens there.
DRAFT = {
    "endpoint": {**SPEC, "url": "http://127.0.0.1:1025/"},
    "event_type": "OrderReceivedEvent",
}
BODIES: dict[str, Any] = {
    "POST /v1/events": EVENT,
    "POST /v1/endpoints": SPEC,
    "PATCH /v1/endpoints/{id}": {"name": "New"},
    "POST /v1/endpoints/{id}/rotate-secret": {},
    "POST /v1/endpoints/preview": DRAFT,
    "POST /v1/endpoints/{id}/preview": {},
    "POST /v1/endpoints/test": DRAFT,
    "POST /v1/endpoints/{id}/test": {},
    "POST /v1/endpoints/dry-run": {"endpoint": SPEC},
    "POST /v1/endpoints/{id}/dry-run": {},
    "POST /v1/jobs": {"kind": "replay", "filter": {"status": "dead"}},
    "POST /v1/jobs/count": {"filter": {"status": "dead"}},
    "PATCH /v1/jobs/{id}": {"rate_per_second": 1},
    "POST /v1/endpoints/{id}/resume": {"held": "keep"},
    "PUT /v1/event-types/{name}": {"schema": {"type": "object"}, "example": {}},
    "POST /v1/event-types/import": {},
    "PUT /v1/tenants/{id}": {"name": "Acme"},
    "POST /v1/api-keys": {"name": "key", "scopes": ["admin"]},
    "POST /v1/portal-links": {},
}
QUERIES: dict[str, dict[str, object]] = {"GET /v1/events": {"published_id": "order-1"}}
IDS = {
    "endpoints": "ep_",
    "events": "evt_",
    "deliveries": f"dlv_{ID}_",
    "jobs": "job_",
    "tenants": "tenant-",
}


def call(client: Client, route: str) -> Any:
    method, _, path = route.partition(" ")
    kind = path.split("/")[2]
    path = path.replace("{id}", f"{IDS.get(kind, 'phk_')}{ID}")
    path = path.replace("{name}", "OrderReceivedEvent").replace("{version}", "1")
    return client.call(method, path, body=BODIES.get(route), query=QUERIES.get(route))


@pytest.fixture(scope="module")
def clients(common: Tenant) -> dict[Scope, Client]:
    """For each scope, a client that may do everything else."""
    return {
        missing: common.client_with(*(each for each in ALL_SCOPES if each is not missing))
        for missing in Scope
    }


def test_every_route_of_the_template_that_is_not_public_has_its_scope_here() -> None:
    assert {route.key for route in ROUTES if not route.public} == set(NEEDS)


@pytest.mark.parametrize(("route", "scope"), NEEDS.items())
def test_a_route_wants_its_scope_and_no_other_will_do(
    clients: dict[Scope, Client], route: str, scope: Scope
) -> None:
    answer = call(clients[scope], route)

    assert (answer.status, answer.json["code"]) == (403, "forbidden")
    assert answer.headers["content-type"] == "application/problem+json"
    assert scope in answer.json["detail"]


@pytest.mark.parametrize(
    ("route", "scope"),
    [(route, scope) for route, scope in NEEDS.items() if scope is not Scope.ADMIN],
)
def test_its_scope_alone_opens_a_route(common: Tenant, route: str, scope: Scope) -> None:
    answer = call(common.client_with(scope), route)

    assert answer.status in ((404,) if "{id}" in route else (200, 201, 202))


@pytest.mark.parametrize("key", [None, "", "phk_x", f"phk_{ID}_{'0' * 64}"])
def test_who_has_no_good_key_does_not_come_in(shared: World, key: str | None) -> None:
    answer = Client(key).get("/v1/endpoints")

    assert answer.status == (403 if key else 401)


def test_a_path_without_a_route_is_not_found_by_the_gateway(common: Tenant) -> None:
    assert common.client.get("/v1/nothing").status == 404
    assert common.client.post("/v1/deliveries").status == 404


def test_another_tenants_things_are_not_found(tenant: Tenant, stranger: Tenant) -> None:
    made = created(tenant, url=f"https://{tenant.id}.example.com")
    delivery_id = delivered(tenant)
    event_id = "evt_" + delivery_id.split("_")[1]
    endpoint = f"/v1/endpoints/{made['id']}"
    theirs = stranger.client

    answers = [
        theirs.get(endpoint),
        theirs.patch(endpoint, {"name": "mine"}),
        theirs.delete(endpoint),
        theirs.post(f"{endpoint}/rotate-secret", {}),
        theirs.get(f"{endpoint}/secret"),
        theirs.get(f"{endpoint}/public-key"),
        theirs.get(f"/v1/deliveries/{delivery_id}"),
        theirs.post(f"/v1/deliveries/{delivery_id}/resend"),
        theirs.post(f"/v1/deliveries/{delivery_id}/cancel"),
        theirs.get(f"/v1/events/{event_id}"),
    ]

    assert [(each.status, each.json["code"]) for each in answers] == [(404, "not_found")] * 10
    assert theirs.get("/v1/endpoints").json["items"] == []
    assert theirs.get("/v1/deliveries").json["items"] == []
    assert theirs.get("/v1/deliveries", endpoint=made["id"]).json["items"] == []
    assert tenant.client.get(endpoint).json["version"] == 1


def test_the_same_published_id_of_two_tenants_is_two_events(
    tenant: Tenant, stranger: Tenant
) -> None:
    ids = {
        each.client.post("/v1/events", {**EVENT, "id": "order-1"}).json["id"]
        for each in (tenant, stranger)
    }

    assert len(ids) == 2


def test_a_cursor_of_another_tenant_shows_nothing_of_it(tenant: Tenant, stranger: Tenant) -> None:
    delivered(tenant, name="erp")
    delivered(tenant, name="crm")
    cursor = tenant.client.get("/v1/deliveries", limit=1).json["next_cursor"]

    assert cursor
    assert stranger.client.get("/v1/deliveries", cursor=cursor).json["items"] == []


def test_an_admin_acts_for_the_tenant_that_its_header_names(admin: Client, tenant: Tenant) -> None:
    made = created(tenant)

    named = Client(admin.key, {"posthorn-tenant": tenant.id}).get("/v1/endpoints")
    unnamed = admin.get("/v1/endpoints")

    assert [each["id"] for each in named.json["items"]] == [made["id"]]
    assert (unnamed.status, unnamed.json["code"]) == (422, "tenant_required")
    assert unnamed.fields == ["posthorn-tenant"]


@pytest.mark.parametrize("named", ["nobody", "No Tenant", "x" * 3000])
def test_an_admin_cannot_act_for_a_tenant_that_does_not_exist(admin: Client, named: str) -> None:
    answer = Client(admin.key, {"posthorn-tenant": named}).post("/v1/events", EVENT)

    assert (answer.status, answer.json["code"]) == (404, "not_found")


def test_a_tenants_key_may_name_its_own_tenant_and_no_other(
    tenant: Tenant, stranger: Tenant
) -> None:
    def naming(whom: Tenant) -> Client:
        return Client(tenant.client.key, {"posthorn-tenant": whom.id})

    assert naming(tenant).get("/v1/endpoints").status == 200
    assert naming(stranger).get("/v1/endpoints").status == 404


def test_a_tenant_exists_once_it_is_put(admin: Client) -> None:
    before = admin.get("/v1/tenants/new-one")
    put = admin.put("/v1/tenants/new-one", {"name": "New one"})
    again = admin.put("/v1/tenants/new-one", {"name": "Newer one"})

    assert before.status == 404
    assert (put.status, put.json["name"]) == (200, "New one")
    assert again.json["created_at"] == put.json["created_at"]
    assert admin.get("/v1/tenants/new-one").json["name"] == "Newer one"
    assert "new-one" in {each["id"] for each in every(admin, "/v1/tenants")}


@pytest.mark.parametrize("tenant_id", ["Upper", "-x", "a_b", "a" * 41, "a b", "ä", "a#b"])
def test_a_tenant_id_that_breaks_the_rule_is_named(admin: Client, tenant_id: str) -> None:
    answer = admin.put(f"/v1/tenants/{tenant_id}", {"name": "x"})

    assert (answer.status, answer.fields) == (422, ["id"])
    assert admin.get(f"/v1/tenants/{tenant_id}").status == 404


def test_a_deleted_tenant_takes_its_keys_with_it(admin: Client, tenant: Tenant) -> None:
    made = created(tenant)
    refused = admin.delete(f"/v1/tenants/{tenant.id}")
    tenant.client.delete(f"/v1/endpoints/{made['id']}")

    done = admin.delete(f"/v1/tenants/{tenant.id}")

    assert (refused.status, refused.json["code"]) == (409, "tenant_in_use")
    assert done.status == 204
    assert tenant.client.get("/v1/endpoints").status == 404  # the authorizer's cached answer
    assert Client(tenant.client.key).get("/v1/endpoints").status == 403
    assert admin.get(f"/v1/tenants/{tenant.id}").status == 404


def test_a_key_is_shown_once_and_allows_only_its_scopes(admin: Client, tenant: Tenant) -> None:
    spec = {"name": "ERP", "tenant": tenant.id, "scopes": ["config:read"]}

    made = admin.post("/v1/api-keys", spec)

    assert made.status == 201
    assert re.fullmatch(r"phk_[0-9A-Z]{26}_[0-9a-f]{64}", made.json["key"])
    assert Client(made.json["key"]).get("/v1/endpoints").status == 200
    shown = next(each for each in every(admin, "/v1/api-keys") if each["id"] == made.json["id"])
    assert shown.items() <= made.json.items()
    assert not {"key", "secret_sha256"} & set(shown)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"scopes": ["admin"]}, "/tenant"),
        ({"tenant": None, "scopes": ["logs:read"]}, "/tenant"),
        ({"tenant": "nobody"}, "/tenant"),
        ({"tenant": "No Body"}, "/tenant"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["logs:read", "everything"]}, "/scopes/1"),
        ({"name": ""}, "/name"),
        ({"secret": "x"}, "/secret"),
    ],
)
def test_a_key_that_cannot_be_is_refused(
    admin: Client, common: Tenant, fields: dict[str, Any], field: str
) -> None:
    spec = {"name": "ERP", "tenant": common.id, "scopes": ["logs:read"], **fields}

    answer = admin.post("/v1/api-keys", spec)

    assert (answer.status, answer.fields) == (422, [field])


def test_a_deleted_key_opens_nothing(admin: Client, tenant: Tenant) -> None:
    client = tenant.client_with(Scope.CONFIG_READ)
    path = f"/v1/api-keys/{(client.key or '')[:30]}"

    assert client.get("/v1/endpoints").status == 200
    assert admin.delete(path).status == 204
    assert Client(client.key).get("/v1/endpoints").status == 403
    assert admin.delete(path).status == 404
    assert admin.delete(f"/v1/api-keys/{'x' * 3000}").status == 404


def every(admin: Client, path: str, *, limit: int = 2) -> list[Any]:
    """The items of all pages of a list."""
    found: list[Any] = []
    cursor: dict[str, Any] = {}
    while True:
        page = admin.get(path, limit=limit, **cursor).json
        assert len(page["items"]) <= limit
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


@pytest.mark.parametrize("path", ["/v1/tenants", "/v1/api-keys"])
def test_the_pages_of_a_list_hold_each_thing_once(
    admin: Client, tenant: Tenant, stranger: Tenant, path: str
) -> None:
    by_pages = [each["id"] for each in every(admin, path)]

    assert len(by_pages) == len(set(by_pages)) > 2
    assert by_pages == [each["id"] for each in every(admin, path, limit=100)]
    assert by_pages == sorted(by_pages, reverse=path == "/v1/api-keys")


@pytest.mark.parametrize("path", ["/v1/tenants", "/v1/api-keys"])
@pytest.mark.parametrize("cursor", ["", "nonsense!", "x" * 3000])
def test_a_cursor_that_the_list_never_gave_is_refused(
    admin: Client, path: str, cursor: str
) -> None:
    answer = admin.get(path, cursor=cursor)

    assert (answer.status, answer.fields) == (422, ["cursor"])
