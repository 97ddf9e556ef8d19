"""One endpoint of a tenant and its events, as the API, the receiver and the log show them."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from local import seed
from local.api import Api
from local.receiver import Received, Receiver
from tests.e2e.stack import Running, eventually

Delivery = dict[str, Any]


@dataclass(frozen=True)
class Flow:
    api: Api
    receiver: Receiver
    path: str
    endpoint: dict[str, Any] = field(repr=False)  # as it was created, with its signing secret

    @property
    def id(self) -> str:
        return str(self.endpoint["id"])

    @property
    def came(self) -> list[Received]:
        """The requests at the endpoint's URL so far, oldest first."""
        return self.receiver.at(self.path)

    def came_of(self, event_id: str) -> list[Received]:
        return [request for request in self.came if request.webhook_id == event_id]

    def publish(self, **fields: Any) -> str:
        """Publish an event that the endpoint wants, and return its id."""
        return str(self.api.call("POST", "/v1/events", body=seed.JOB | fields)["id"])

    def delivery(self, event_id: str) -> Delivery:
        """The event's delivery to this endpoint with its attempts; empty before the log has it."""
        answer = self.api.raw("GET", f"/v1/events/{event_id}")
        found = answer.json().get("deliveries", []) if answer.ok else []
        return next((each for each in found if each["endpoint_id"] == self.id), {})

    def until(self, event_id: str, status: str, *, attempts: int = 0) -> Delivery:
        """Wait until the delivery has this status and at least so many attempts."""

        def there() -> Delivery:
            delivery = self.delivery(event_id)
            reached = delivery and delivery["attempt_count"] >= attempts
            return delivery if reached and delivery["status"] == status else {}

        return eventually(there)

    def change(self, **fields: Any) -> dict[str, Any]:
        changed: dict[str, Any] = self.api.call("PATCH", f"/v1/endpoints/{self.id}", body=fields)
        return changed

    def resend(self, delivery: Delivery) -> None:
        self.api.call("POST", f"/v1/deliveries/{delivery['id']}/resend")

    def list(self, **query: str) -> list[str]:
        """Event ids of the deliveries in the log, newest first."""
        return [row["event_id"] for row in self.api.items("/v1/deliveries", **query)]


@dataclass(frozen=True)
class EventHistory:
    """A flow with an event that a test examines later."""

    flow: Flow
    event_id: str

    def until(self, status: str, *, attempts: int = 0) -> Delivery:
        return self.flow.until(self.event_id, status, attempts=attempts)


def new_flow(stack: Running, behaviour: str, *, api: Api | None = None, **fields: Any) -> Flow:
    """An endpoint at a path of its own, for a new tenant unless `api` is that of another.

    `behaviour` is a path of the receiver, such as `/fail/2` (see local/receiver.py).
    """
    api = api or stack.new_tenant()
    path = f"{behaviour}/{secrets.token_hex(4)}"
    asked = {
        "name": behaviour,
        "url": f"{stack.receiver.url}{path}",
        "event_types": [seed.JOB["type"]],
    }
    endpoint = api.call("POST", "/v1/endpoints", body=asked | fields)
    return Flow(api, stack.receiver, path, endpoint)


def begun(stack: Running, behaviour: str, **fields: Any) -> EventHistory:
    flow = new_flow(stack, behaviour, **fields)
    return EventHistory(flow, flow.publish())


def after(*delays_seconds: float) -> dict[str, Any]:
    """A retry policy: try again after each of these delays."""
    return {"kind": "schedule", "delays_seconds": list(delays_seconds)}


def waits(delivery: Delivery) -> Iterator[float]:
    """Seconds between the end of each attempt and the beginning of the next."""
    for earlier, later in zip(delivery["attempts"], delivery["attempts"][1:], strict=False):
        ended_at = moment(earlier["started_at"]) + timedelta(milliseconds=earlier["duration_ms"])
        yield (moment(later["started_at"]) - ended_at).total_seconds()


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
