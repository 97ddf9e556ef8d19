"""Reading of requests and the form of refusals, on every path."""

import gzip
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.integration.api_calls import SPEC
from tests.integration.conftest import Tenant
from tests.support.http_client import Answer, http_event
from tests.support.invocations import deployed, invoke
from tests.support.world import ORDER, World

PATHS = ["/v1/endpoints", "/v1/events"]
GOOD: dict[str, Any] = {
    "/v1/endpoints": SPEC,
    "/v1/events": {"type": "OrderReceivedEvent", "data": ORDER},
}
TAKEN = {"/v1/endpoints": 201, "/v1/events": 202}


def assert_problem(answer: Answer, status: int, code: str) -> None:
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json
    assert (answer.status, document["status"], document["code"]) == (status, status, code)
    assert document["type"] == f"urn:posthorn:problem:{code}"
    assert document["title"]
    assert document["detail"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "body",
    [
        "{",
        "not json",
        '{"name": NaN}',
        '{"name": Infinity}',
        "{'name': 1}",
        "[" * 5000,
        b'{"name": "\xff"}',
        b"\x1f\x8b\x08\x00",
    ],
    ids=["open", "text", "nan", "infinity", "quotes", "depth", "latin-1", "gzip"],
)
def test_a_body_that_is_not_json_is_malformed(common: Tenant, path: str, body: str | bytes) -> None:
    assert_problem(common.client.post(path, body), 400, "malformed_json")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("body", ["5", '"text"', "null", "[]", "[{}]"])
def test_a_body_that_is_not_an_object_is_refused(common: Tenant, path: str, body: str) -> None:
    answer = common.client.post(path, body)

    assert_problem(answer, 422, "invalid_field")
    assert answer.fields == [""]


@pytest.mark.parametrize("path", PATHS)
def test_a_list_is_never_taken_for_its_first_element(common: Tenant, path: str) -> None:
    answer = common.client.post(path, [GOOD[path], GOOD[path]])

    assert_problem(answer, 422, "invalid_field")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("body", [None, ""])
def test_a_body_that_is_missing_is_required(common: Tenant, path: str, body: str | None) -> None:
    assert_problem(common.client.post(path, body), 422, "invalid_field")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "application/jsonp",
    ],
)
def test_a_body_of_another_kind_is_not_read(common: Tenant, path: str, kind: str) -> None:
    answer = common.client.post(path, json.dumps(GOOD[path]), content_type=kind)

    assert_problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "Application/JSON"]
)
def test_json_is_read_however_its_kind_is_spelled(common: Tenant, path: str, kind: str) -> None:
    assert common.client.post(path, GOOD[path], content_type=kind).status == TAKEN[path]


@pytest.mark.parametrize("path", PATHS)
def test_a_body_that_arrives_as_base64_is_read(common: Tenant, path: str) -> None:
    body = json.dumps(GOOD[path], ensure_ascii=False).encode()

    assert common.client.post(path, body).status == TAKEN[path]


@pytest.mark.parametrize("path", PATHS)
def test_a_byte_order_mark_is_skipped(common: Tenant, path: str) -> None:
    assert common.client.post(path, "\ufeff" + json.dumps(GOOD[path])).status == TAKEN[path]
    assert (
        common.client.post(path, json.dumps(GOOD[path]).encode("utf-8-sig")).status == TAKEN[path]
    )


@pytest.mark.parametrize("path", PATHS)
def test_a_compressed_body_is_refused_with_the_reason(common: Tenant, path: str) -> None:
    body = gzip.compress(json.dumps(GOOD[path]).encode())
    answer = common.client.post(path, body, **{"content-encoding": "gzip"})
    assert_problem(answer, 415, "unsupported_media_type")
    assert "content-encoding 'gzip'" in answer.json["detail"]


HALF = "\ud800"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (
            "/v1/endpoints",
            {**SPEC, "payload": {"mode": "data", "exclude": [HALF]}},
            "/payload/exclude/0",
        ),
        (
            "/v1/endpoints",
            {**SPEC, "rules": [{"entity": "a", "on_update": [HALF]}]},
            "/rules/0/on_update/0",
        ),
        ("/v1/endpoints", {**SPEC, "metadata": {"a": HALF}}, "/metadata/a"),
        ("/v1/endpoints", {**SPEC, "metadata": {HALF: "a"}}, "/metadata"),
        ("/v1/endpoints", {**SPEC, "auth": {"kind": "bearer", "token": HALF}}, "/auth/token"),
        ("/v1/endpoints/preview", {"endpoint": SPEC, "event_id": HALF}, "/event_id"),
        ("/v1/jobs", {"kind": "replay", "filter": {"event_type": HALF}}, "/filter/event_type"),
        ("/v1/events", {**GOOD["/v1/events"], "id": HALF}, "/id"),
        ("/v1/events", {**GOOD["/v1/events"], HALF: 1}, ""),
    ],
)
def test_half_a_surrogate_pair_is_refused_with_its_pointer(
    common: Tenant, path: str, body: Any, field: str
) -> None:
    answer = common.client.post(path, json.dumps(body))
    assert answer.status == 422
    assert field in answer.fields


@pytest.mark.parametrize("function", ["ApiFunction", "IngestFunction"])
def test_a_path_that_the_function_does_not_know_is_not_found(shared: World, function: str) -> None:
    raw = invoke(function, http_event("GET", "/v1/nothing"))

    headers = {name.lower(): value for name, value in raw["headers"].items()}
    assert_problem(Answer(raw["statusCode"], headers, raw["body"]), 404, "not_found")


def test_an_internal_error_is_a_500_without_details(common: Tenant) -> None:
    event = http_event("GET", "/v1/endpoints")  # it never met the authorizer

    raw = invoke("ApiFunction", event)

    headers = {name.lower(): value for name, value in raw["headers"].items()}
    assert_problem(Answer(raw["statusCode"], headers, raw["body"]), 500, "internal")
    assert "authorizer" not in raw["body"]


def test_a_table_that_is_gone_is_our_outage_and_not_their_mistake(
    common: Tenant, shared: World
) -> None:
    with deployed(replace(shared.settings, log_table_name="Gone")):
        answer = common.client.get("/v1/events/evt_01KAR7XJ80000000000000000A")

    assert_problem(answer, 503, "unavailable")
