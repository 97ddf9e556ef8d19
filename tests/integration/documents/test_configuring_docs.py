"""The examples of docs/configuring.md work."""

import json
import re

import pytest
from pydantic import TypeAdapter

from posthorn.endpoints.spec_warnings import spec_warnings
from posthorn.events.event_types import builtin
from posthorn.models import EndpointSpec, Payload
from posthorn.subscriptions.conditions import evaluate
from posthorn.subscriptions.jmespath_expressions import document
from posthorn.subscriptions.payloads import check_payload, render
from tests.integration.conftest import Tenant
from tests.integration.documents.documents import DOCUMENTS
from tests.unit.samples import event

PAGE = DOCUMENTS["docs/configuring.md"]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


CONDITIONS = [line.split(": ", 1) for line in blocks("conditions")[0].splitlines()]


@pytest.mark.parametrize("text", blocks("json"))
def test_an_endpoint_is_created_without_a_warning(tenant: Tenant, text: str) -> None:
    answer = tenant.client.post("/v1/endpoints", text)
    assert (answer.status, answer.json.get("warnings")) == (201, [])


@pytest.mark.parametrize(("name", "condition"), CONDITIONS)
def test_a_condition_is_met_by_the_example_of_its_type(name: str, condition: str) -> None:
    spec = EndpointSpec(
        name="x", url="https://example.com", event_types=(name,), condition=condition
    )
    assert spec_warnings(spec, builtin()) == ()
    published = event(builtin()[name].example, type=name)
    assert evaluate(condition, document(published)).reason is None


def test_there_are_twenty_conditions() -> None:
    assert len(CONDITIONS) == 20


@pytest.mark.parametrize("text", blocks("payload"))
def test_a_payload_gives_the_body_beside_it(text: str) -> None:
    settings, body = text.splitlines()
    payload: Payload = TypeAdapter(Payload).validate_json(settings)
    check_payload(payload)
    published = event(json.loads(blocks("input")[0]))
    assert json.loads(render(payload, published)) == json.loads(body)


def test_every_field_of_an_endpoint_is_described() -> None:
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert set(EndpointSpec.model_fields) <= named
