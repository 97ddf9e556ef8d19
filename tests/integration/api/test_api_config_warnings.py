"""Warnings about settings: in the answers of save, preview and test, and kept with the version."""

import pytest

from tests.integration.api_calls import SPEC
from tests.integration.conftest import Tenant

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
