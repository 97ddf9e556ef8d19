"""Calls shared by many tests: create an endpoint, publish an event, list deliveries."""

from typing import Any

from posthorn.deliveries import state
from posthorn.models import Endpoint
from tests.integration.conftest import Tenant
from tests.support.world import ORDER, answered

JOB = {"ClientId": 1042, "JobId": 660184, "StatusId": 2}
SPEC: dict[str, Any] = {
    "name": "ERP",
    "url": "https://erp.example.com/hook",
    "event_types": ["Order*"],
}


def created(tenant: Tenant, **fields: Any) -> Any:
    answer = tenant.client.post("/v1/endpoints", {**SPEC, **fields})
    assert answer.status == 201, answer.fields
    return answer.json


def endpoint_of(
    tenant: Tenant, name: str = "erp", *, answers: int = 200, **fields: Any
) -> Endpoint:
    made = tenant.world.endpoint(f"{name}-{tenant.id}", tenant=tenant.id, **fields)
    tenant.world.answers[made.url] = lambda _: answered(answers, body="as you wish")
    return made


def published(tenant: Tenant, event_type: str = "OrderReceivedEvent", **fields: Any) -> str:
    data = ORDER if event_type == "OrderReceivedEvent" else JOB
    (event,) = tenant.world.publish({"type": event_type, "data": data, **fields}, tenant=tenant.id)
    tenant.world.take_events()
    return str(event.id)


def delivered(tenant: Tenant, **fields: Any) -> str:
    """Publish one event to one endpoint; return the delivery's id."""
    endpoint = endpoint_of(tenant, **fields)
    event_id = published(tenant)
    return f"dlv_{event_id.removeprefix('evt_')}_{endpoint.id.removeprefix('ep_')}"


def wake(tenant: Tenant) -> None:
    """Make the last scheduled retry of this tenant."""
    *_, last = (each for each in tenant.world.scheduled if each.tenant == tenant.id)
    tenant.world.dispatcher.take_task(state.task(last), tenant.world.context("wake"))


def listed(tenant: Tenant, **query: object) -> list[Any]:
    answer = tenant.client.get("/v1/deliveries", **query)
    assert answer.status == 200, answer.fields
    return list(answer.json["items"])
