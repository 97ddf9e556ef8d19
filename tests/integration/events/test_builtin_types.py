"""Each type of the built-in catalogue, from publishing to the endpoint."""

import pytest

from posthorn.events.event_types import builtin
from tests.integration.conftest import Tenant


@pytest.mark.parametrize("name", builtin())
def test_a_built_in_type_is_published_with_its_example_and_delivered(
    tenant: Tenant, name: str
) -> None:
    spec = {"name": "ERP", "url": "http://erp.example.com/hook", "event_types": [name]}
    endpoint = tenant.client.post("/v1/endpoints", spec).json

    accepted = tenant.client.post("/v1/events", {"type": name, "data": builtin()[name].example})
    tenant.world.take_events()

    assert accepted.status == 202
    (delivery,) = tenant.client.get("/v1/deliveries", endpoint=endpoint["id"]).json["items"]
    assert (delivery["event_id"], delivery["status"]) == (accepted.json["id"], "succeeded")


@pytest.mark.parametrize("name", builtin())
def test_a_built_in_type_is_refused_without_a_required_field(common: Tenant, name: str) -> None:
    schema, example = builtin()[name].json_schema, builtin()[name].example

    for field in schema["required"]:
        data = {other: value for other, value in example.items() if other != field}
        answer = common.client.post("/v1/events", {"type": name, "data": data})
        assert (answer.status, answer.json["code"]) == (422, "schema_violation")
        assert answer.fields == [f"/data/{field}"]
