"""/openapi.json describes the whole API, completely, and its examples are true."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from posthorn.core import problem_details as problems
from posthorn.models import Scope
from tests.integration.conftest import Tenant
from tests.support import template_facts
from tests.support.http_client import Client
from tests.support.world import World

METHODS = {"get", "post", "put", "patch", "delete"}
PAGES = {("GET", "/docs"), *template_facts.routes("ConsoleFunction")}
PUBLIC = {("GET", "/openapi.json"), *PAGES}
ROUTES = {route for name in template_facts.functions() for route in template_facts.routes(name)}
PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    answer = Client().get("/openapi.json")
    assert answer.status == 200
    found: dict[str, Any] = answer.json
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert method in METHODS
            yield method.upper(), path, operation


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each body that may be sent or come back, with where it is."""
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"request {kind}", content
    for status, answer in operation["responses"].items():
        for kind, content in answer.get("content", {}).items():
            yield f"{status} {kind}", content


def test_it_is_valid_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_every_route_of_the_template_is_described(document: dict[str, Any]) -> None:
    described = {(method, path) for method, path, _ in operations(document)}

    assert described == ROUTES - PUBLIC


def test_every_operation_has_a_summary_and_an_id(document: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    ids = [operation["operationId"] for _, _, operation in operations(document)]

    assert len(set(ids)) == len(ids)
    for method, path, operation in operations(document):
        assert operation.get("summary"), (method, path)
        assert set(operation["tags"]) <= tags
        assert operation["security"], (method, path)
        for parameter in operation.get("parameters", ()):
            assert parameter.get("description"), (method, path, parameter["name"])


def test_every_tag_has_an_operation(document: dict[str, Any]) -> None:
    used = {tag for _, _, operation in operations(document) for tag in operation["tags"]}

    assert used == {tag["name"] for tag in document["tags"]}


def test_every_body_has_an_example_and_each_example_fits(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        for where, content in contents(operation):
            found = [each["value"] for each in content.get("examples", {}).values()]
            assert found, f"{method} {path} {where} has no example"
            schema = {**content["schema"], "components": document["components"]}
            for example in found:
                wrong = list(jsonschema_rs.validator_for(schema).iter_errors(example))
                assert not wrong, f"{method} {path} {where}: {wrong}"


def test_every_operation_lists_its_refusals(document: dict[str, Any]) -> None:
    told: set[str] = set()
    for method, path, operation in operations(document):
        answers = operation["responses"]
        expected = {"401", "403", "500", "503"} | ({"400", "415"} & set(answers))
        assert expected <= set(answers), (method, path)
        assert ("requestBody" in operation) == ("415" in answers), (method, path)
        for status in set(answers) - {"401", "200", "201", "202", "204"}:
            told.update(answers[status]["content"][PROBLEM]["examples"])
    assert told == set(problems.CODES)


def test_a_refusal_for_a_missing_scope_names_the_described_scope(
    document: dict[str, Any], common: Tenant
) -> None:
    for method, path, operation in operations(document):
        (scope,) = operation["security"][0]["apiKey"]
        other = Scope.CONFIG_READ if scope != Scope.CONFIG_READ else Scope.EVENTS_WRITE
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        example = next(iter(body.get("examples", {"": {"value": None}}).values()))["value"]
        where = path.replace("{version}", "1").replace("{id}", "x").replace("{name}", "x")
        query = {
            each["name"]: "x"
            for each in operation.get("parameters", ())
            if each["in"] == "query" and each.get("required")
        }

        answer = common.client_with(other).call(method, where, body=example, query=query)

        assert answer.status == 403, (method, path, answer)
        assert answer.json["detail"].endswith(f" {scope}"), (method, path)


def test_every_example_of_publishing_is_taken_as_the_kind_that_it_is(
    document: dict[str, Any], shared: World, common: Tenant
) -> None:
    content = document["paths"]["/v1/events"]["post"]["requestBody"]["content"]

    for kind, media in content.items():
        for name, example in media["examples"].items():
            answer = common.client.post("/v1/events", example["value"], content_type=kind)
            assert answer.status == 202, (kind, name, answer.json)
