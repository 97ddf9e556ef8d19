"""/v1/endpoints as an integration developer's program uses it."""

from typing import Any

import pytest

from posthorn.models import DEFAULT_RETRY_DELAYS_SECONDS
from tests.integration.api_calls import SPEC, created
from tests.integration.conftest import Tenant


def test_a_new_endpoint_has_the_defaults_of_the_documentation(tenant: Tenant) -> None:
    answer = tenant.client.post("/v1/endpoints", SPEC)

    made = answer.json
    assert answer.status == 201
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["etag"] == '"1"'
    assert made["id"].startswith("ep_")
    assert {name: made[name] for name in SPEC} == SPEC
    assert made["method"] == "POST"
    assert made["payload"] == {"mode": "envelope"}
    assert made["auth"] == {"kind": "none"}
    assert made["signing"]["scheme"] == "v1"
    assert made["timeout_seconds"] == 15
    assert made["follow_redirects"] is False
    assert made["retry"] == {
        "kind": "schedule",
        "delays_seconds": list(DEFAULT_RETRY_DELAYS_SECONDS),
    }
    assert (made["status"], made["status_reason"]) == ("enabled", None)
    assert (made["condition"], made["rules"], made["headers"]) == (None, [], {})
    assert (made["version"], made["metadata"]) == (1, {})
    assert made["created_at"] == made["updated_at"]
    assert made["updated_by"].startswith("phk_")


def test_an_endpoint_reads_back_as_it_was_created_but_for_its_secret(tenant: Tenant) -> None:
    made = created(tenant, headers={"x-shop": "se"}, metadata={"team": "erp"}, condition="data.a")

    answer = tenant.client.get(f"/v1/endpoints/{made['id']}")

    del made["signing"]["secret"]
    assert (answer.status, answer.json) == (200, made)
    assert answer.headers["etag"] == '"1"'


def test_internal_fields_are_never_shown(tenant: Tenant) -> None:
    made = created(tenant)

    assert not {"tenant", "sealed", "disabled_by"} & set(made)


def test_endpoints_are_listed_newest_first_in_pages(tenant: Tenant) -> None:
    made = [created(tenant, name=f"endpoint {n}")["id"] for n in range(5)]

    pages = []
    query: dict[str, object] = {"limit": 2}
    while True:
        page = tenant.client.get("/v1/endpoints", **query).json
        pages.append([each["id"] for each in page["items"]])
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]

    assert [len(page) for page in pages] == [2, 2, 1]
    assert sorted(made, reverse=True) == [each for page in pages for each in page]


def test_a_full_last_page_has_no_cursor(tenant: Tenant) -> None:
    for _ in range(2):
        created(tenant)

    assert tenant.client.get("/v1/endpoints", limit=2).json["next_cursor"] is None


def test_a_change_affects_only_its_fields_and_makes_a_version(tenant: Tenant) -> None:
    made = created(tenant, headers={"x-shop": "se"})

    answer = tenant.client.patch(f"/v1/endpoints/{made['id']}", {"name": "New", "method": "PUT"})

    changed = answer.json
    assert (answer.status, answer.headers["etag"]) == (200, '"2"')
    assert (changed["name"], changed["method"], changed["version"]) == ("New", "PUT", 2)
    assert changed["headers"] == {"x-shop": "se"}
    assert changed["created_at"] == made["created_at"]
    assert tenant.client.get(f"/v1/endpoints/{made['id']}").json == changed


@pytest.mark.parametrize("current", ['"1"', 'W/"1"', "1", "*"])
def test_a_change_with_the_version_that_was_read_is_accepted(tenant: Tenant, current: str) -> None:
    made = created(tenant)

    answer = tenant.client.patch(f"/v1/endpoints/{made['id']}", {"name": "New"}, if_match=current)

    assert answer.status == 200


def test_a_change_from_an_old_version_is_refused(tenant: Tenant) -> None:
    path = f"/v1/endpoints/{created(tenant)['id']}"
    tenant.client.patch(path, {"name": "theirs"})

    answer = tenant.client.patch(path, {"name": "ours"}, if_match='"1"')

    assert (answer.status, answer.json["code"]) == (412, "stale_version")
    assert tenant.client.get(path).json["name"] == "theirs"
    assert tenant.client.delete(path, if_match='"1"').status == 412
    assert tenant.client.get(path).status == 200


@pytest.mark.parametrize("nonsense", ['""', "x", '"1", "2"', '"-1"', "9" * 5000, "²"])
def test_a_version_that_no_answer_gave_is_refused(common: Tenant, nonsense: str) -> None:
    path = "/v1/endpoints/ep_01KAR7XJ80000000000000000A"

    answer = common.client.patch(path, {}, if_match=nonsense)

    assert (answer.status, answer.fields) == (422, ["if-match"])


def test_a_deleted_endpoint_is_gone(tenant: Tenant) -> None:
    path = f"/v1/endpoints/{created(tenant)['id']}"

    answer = tenant.client.delete(path)

    assert (answer.status, answer.body) == (204, "")
    assert tenant.client.get(path).status == 404
    assert tenant.client.patch(path, {"name": "x"}).status == 404
    assert tenant.client.delete(path).status == 404
    assert tenant.client.get("/v1/endpoints").json["items"] == []


def test_switching_off_says_who_did_and_switching_on_clears_it(tenant: Tenant) -> None:
    path = f"/v1/endpoints/{created(tenant)['id']}"

    off = tenant.client.patch(path, {"status": "disabled"}).json
    on = tenant.client.patch(path, {"status": "enabled"}).json

    assert (off["status"], off["status_reason"]) == ("disabled", "disabled by its owner")
    assert (on["status"], on["status_reason"]) == ("enabled", None)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"nope": 1}, "/nope"),
        ({"id": "ep_01KAR7XJ80000000000000000A"}, "/id"),
        ({"signing": {"scheme": "v1", "secret": "whsec_x"}}, "/signing/secret"),
        ({"name": ""}, "/name"),
        ({"name": None}, "/name"),
        ({"url": "http://169.254.169.254/latest/meta-data"}, "/url"),
        ({"url": "ftp://erp.example.com"}, "/url"),
        ({"url": "https://user:pass@erp.example.com"}, "/url"),
        ({"method": "GET"}, "/method"),
        ({"event_types": []}, "/event_types"),
        ({"event_types": ["Order*", "*Event"]}, "/event_types/1"),
        ({"timeout_seconds": 31}, "/timeout_seconds"),
        ({"retry": {"kind": "schedule", "delays_seconds": [0]}}, "/retry/delays_seconds/0"),
        ({"retry": {"kind": "schedule", "delays_seconds": [1] * 50}}, "/retry/delays_seconds"),
        ({"retry": {"kind": "exponential", "max_attempts": 51}}, "/retry/max_attempts"),
        ({"retry": {"kind": "never"}}, "/retry/kind"),
        ({"headers": {"Host": "a"}}, "/headers/Host"),
        ({"headers": {"webhook-signature": "v1,x"}}, "/headers/webhook-signature"),
        ({"headers": {"x-a": "1\r\nx-b: 2"}}, "/headers/x-a"),
        ({"headers": {"x-a\r\nx-b": "1"}}, "/headers/x-a\r\nx-b"),
        ({"headers": {"x-a": "é"}}, "/headers/x-a"),
        ({"auth": {"kind": "bearer", "token": "a\nb"}}, "/auth/token"),
        ({"auth": {"kind": "basic", "username": "a:b", "password": "c"}}, "/auth/username"),
        ({"condition": "data.a ==="}, "/condition"),
        ({"payload": {"mode": "custom", "expression": "{"}}, "/payload/expression"),
        ({"rules": [{"entity": "tOrder", "on_update": 5}]}, "/rules/0/on_update"),
        ({"status": "gone"}, "/status"),
        ({"name": "\ud800"}, "/name"),
    ],
)
def test_a_field_that_breaks_a_rule_is_named(
    common: Tenant, fields: dict[str, Any], field: str
) -> None:
    answer = common.client.post("/v1/endpoints", {**SPEC, **fields})

    assert (answer.status, answer.json["code"]) == (422, "invalid_field")
    assert set(answer.fields) == {field}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"nope": 1}, "/nope"),
        ({"version": 7}, "/version"),
        ({"url": None}, "/url"),
        ({"url": "https://127.0.0.1:22"}, "/url"),
        ({"retry": {"kind": "schedule", "delays_seconds": [5, -1]}}, "/retry/delays_seconds/1"),
        ({"headers": {"Host": "a"}}, "/headers/Host"),
    ],
)
def test_a_change_that_breaks_a_rule_changes_nothing(
    tenant: Tenant, fields: dict[str, Any], field: str
) -> None:
    path = f"/v1/endpoints/{created(tenant)['id']}"

    answer = tenant.client.patch(path, {"name": "New", **fields})

    assert (answer.status, answer.fields) == (422, [field])
    after = tenant.client.get(path).json
    assert (after["version"], after["name"]) == (1, "ERP")


def test_a_refused_endpoint_is_not_created(tenant: Tenant) -> None:
    tenant.client.post("/v1/endpoints", {**SPEC, "url": "ftp://erp.example.com"})

    assert tenant.client.get("/v1/endpoints").json["items"] == []


def test_all_missing_fields_are_reported_at_once(tenant: Tenant) -> None:
    answer = tenant.client.post("/v1/endpoints", {})

    assert answer.fields == ["/name", "/url", "/event_types"]


@pytest.mark.parametrize(
    ("query", "field"),
    [({"limit": 0}, "limit"), ({"limit": 101}, "limit"), ({"limit": "many"}, "limit")],
)
def test_a_parameter_that_breaks_a_rule_is_named(
    common: Tenant, query: dict[str, object], field: str
) -> None:
    answer = common.client.get("/v1/endpoints", **query)

    assert (answer.status, answer.fields) == (422, [field])
