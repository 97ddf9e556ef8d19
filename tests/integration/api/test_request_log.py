"""Each request writes one log line: caller, route, status, and no secret."""

from typing import Any

import pytest

from tests.integration.conftest import Tenant
from tests.support.http_client import Client


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(record) for record in caplog.records if record.message == "answered"]


def told(line: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(line[name] for name in ("method", "route", "status", "tenant", "key_id"))


def test_a_read_leaves_a_line(tenant: Tenant, caplog: pytest.LogCaptureFixture) -> None:
    tenant.client.get("/v1/endpoints/ep_x")

    (line,) = lines(caplog)
    key_id = (tenant.client.key or "")[:30]
    assert told(line) == ("GET", "GET /v1/endpoints/{id}", 404, tenant.id, key_id)
    assert line["duration_ms"] >= 0


def test_an_admin_is_logged_with_the_tenant_that_it_acts_for(
    admin: Client, tenant: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    Client(admin.key, {"posthorn-tenant": tenant.id}).get("/v1/endpoints")

    (line,) = lines(caplog)
    assert (line["status"], line["tenant"]) == (200, tenant.id)


def test_a_body_that_is_refused_unread_leaves_a_line(
    tenant: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    tenant.client.post("/v1/events", "<event/>", content_type="text/xml")

    (line,) = lines(caplog)
    assert told(line)[:3] == ("POST", "POST /v1/events", 415)


def test_a_request_without_a_key_is_logged_without_one(caplog: pytest.LogCaptureFixture) -> None:
    Client().get("/openapi.json")

    (line,) = lines(caplog)
    assert told(line) == ("GET", "GET /openapi.json", 200, None, None)
