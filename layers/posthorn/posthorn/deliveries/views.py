"""How things look from outside: the answers of the API, without what is only ours to know."""

from typing import Any

from pydantic import Field

from posthorn.core import api_examples as examples
from posthorn.core.errors import Violation
from posthorn.deliveries import store as deliveries_store
from posthorn.deliveries.event_trace import EndpointResult, EventTrace
from posthorn.deliveries.store import Record
from posthorn.models import (
    Attempt,
    Delivery,
    DeliveryStatus,
    Event,
    Model,
    Outcome,
    Response,
    Time,
    Trigger,
)
from posthorn.models.paging import ONLY_IF_SET, Listed


class RequestView(Model):
    method: str
    url: str
    headers: dict[str, str]
    body: str | None
    erased_bytes: int | None = ONLY_IF_SET


class AttemptView(Model):
    """One HTTP request, and everything that came back."""

    model_config = examples.shown(examples.ATTEMPT)

    number: int
    trigger: Trigger
    by: str | None
    endpoint_version: int
    started_at: Time
    duration_ms: int
    timings_ms: dict[str, int]
    outcome: Outcome
    advice: str
    retry_after_seconds: float | None
    certificate_expires_at: Time | None
    request: RequestView
    response: Response | None


class DeliveryView(Model):
    """One event for one endpoint, and how far it is."""

    model_config = examples.shown(examples.DELIVERY)

    id: str
    event_id: str
    event_type: str
    endpoint_id: str
    endpoint_version: int
    status: DeliveryStatus
    status_reason: str | None
    attempt_count: int
    created_at: Time
    expires_at: Time
    last_attempt_at: Time | None
    next_attempt_at: Time | None
    last_outcome: Outcome | None
    last_status_code: int | None
    test: bool
    job_id: str | None  # of the replay, drain or discard that touched it last


class DeliveryWithAttempts(DeliveryView):
    """A delivery with each of its attempts, oldest first."""

    model_config = examples.shown(examples.DELIVERY_WITH_ATTEMPTS)

    endpoint_name: str | None  # None once its history is gone
    attempts: list[AttemptView]


class DecisionView(Model):
    """What was decided about one endpoint when the event came, why, and what came of it.

    `verdict` is one of matching.py's, or `created_later`.
    """

    endpoint_id: str
    endpoint_name: str | None
    endpoint_version: int
    endpoint_created_at: Time | None
    endpoint_deleted_at: Time | None
    verdict: str
    reason: str
    delivery_id: str | None
    delivery_status: DeliveryStatus | None


class EventView(Model):
    """The whole history of an event."""

    model_config = examples.shown(examples.EVENT_HISTORY)

    id: str
    published_id: str | None
    type: str
    time: Time
    accepted_at: Time
    data: dict[str, Any] | None = Field(description="null once the payload was erased")
    erased_at: Time | None
    erased_by: str | None
    change: dict[str, Any] | None
    warnings: tuple[Violation, ...]
    summary: str
    decisions: list[DecisionView]
    deliveries: list[DeliveryWithAttempts]


class ErasureView(Model):
    """When the payload was erased first, and by which key."""

    model_config = examples.shown(examples.ERASURE)

    event_id: str
    erased_at: Time
    erased_by: str


class DeliveryList(Listed[DeliveryView]):
    """A page of deliveries. With `q`: how many it examined, and the time that it came to."""

    model_config = examples.shown(examples.DELIVERIES, examples.DELIVERIES_SEARCHED)

    examined: int | None = ONLY_IF_SET
    searched_until: Time | None = ONLY_IF_SET


def of_delivery(delivery: Delivery) -> DeliveryView:
    return DeliveryView(**_common(DeliveryView, delivery))


def of_record(event: Event, record: Record, endpoint_name: str | None) -> DeliveryWithAttempts:
    return DeliveryWithAttempts(
        **_common(DeliveryView, record.delivery),
        endpoint_name=endpoint_name,
        attempts=of_attempts(event, record),
    )


def of_attempts(event: Event, record: Record) -> list[AttemptView]:
    body = deliveries_store.body_of(event, record)
    text = None if body is None else body.decode()
    sizes = event.erasure.body_bytes if event.erasure else {}
    gone = sizes.get(record.delivery.endpoint_id)
    return [_attempt(each, text, gone) for each in record.attempts]


def of_trace(trace: EventTrace) -> EventView:
    event = trace.history.event
    erasure = event.erasure
    names = {each.endpoint_id: each.endpoint_name for each in trace.results}
    return EventView(
        **event.model_dump(exclude={"tenant", "traceparent", "data", "erasure"}),
        data=None if erasure else event.data,
        erased_at=erasure and erasure.at,
        erased_by=erasure and erasure.by,
        summary=trace.summary,
        decisions=[_decision(each) for each in trace.results],
        deliveries=[
            of_record(event, record, names.get(endpoint_id))
            for endpoint_id, record in trace.history.records.items()
        ],
    )


def _decision(fate: EndpointResult) -> DecisionView:
    return DecisionView(
        **{name: getattr(fate, name) for name in DecisionView.model_fields if hasattr(fate, name)},
        delivery_id=fate.delivery.id if fate.delivery else None,
        delivery_status=fate.delivery.status if fate.delivery else None,
    )


def _attempt(attempt: Attempt, body: str | None, erased_bytes: int | None) -> AttemptView:
    sent = body if attempt.outcome is not Outcome.PAYLOAD_ERROR else None
    return AttemptView(
        **attempt.model_dump(exclude={"request"}),
        request=RequestView(**attempt.request.model_dump(), body=sent, erased_bytes=erased_bytes),
    )


def _common(view: type[Model], thing: object) -> dict[str, Any]:
    return {name: getattr(thing, name) for name in view.model_fields}
