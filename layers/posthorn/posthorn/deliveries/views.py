"""The public shapes of events, deliveries and attempts, without internal fields."""

from typing import Any

from pydantic import Field

from posthorn.core import api_examples
from posthorn.core.errors import Violation
from posthorn.deliveries.event_trace import EndpointResult, EventTrace
from posthorn.deliveries.store import Record, body_of
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
    """One HTTP request and its response."""

    model_config = api_examples.shown(api_examples.ATTEMPT)

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
    """The delivery of one event to one endpoint, and its status."""

    model_config = api_examples.shown(api_examples.DELIVERY)

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
    job_id: str | None  # of the last replay, drain or discard that changed it


class DeliveryWithAttempts(DeliveryView):
    """A delivery with each of its attempts, oldest first."""

    model_config = api_examples.shown(api_examples.DELIVERY_WITH_ATTEMPTS)

    endpoint_name: str | None  # None once its history has expired
    attempts: list[AttemptView]


class DecisionView(Model):
    """The decision about one endpoint when the event was dispatched, its reason and its delivery.

    `verdict` is a value of `matching.Verdict` or `created_later`.
    """

    endpoint_id: str
    endpoint_name: str | None
    endpoint_version: int | None
    endpoint_created_at: Time | None
    endpoint_deleted_at: Time | None
    verdict: str
    reason: str
    delivery_id: str | None
    delivery_status: DeliveryStatus | None


class RefusedPublicationView(Model):
    """A later publication with the event's id and other content, which was not delivered."""

    at: Time
    type: str
    differs: tuple[str, ...] = Field(description="Of `type`, `data` and `change`")
    sha256: str = Field(description="Of the content as JSON with sorted names; empty once erased")


class EventView(Model):
    """An event with its decisions and deliveries."""

    model_config = api_examples.shown(api_examples.EVENT_HISTORY)

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
    refused_publications: list[RefusedPublicationView] = Field(
        description="Later publications of this id with other content: the first 9 and the latest"
    )
    refused_count: int = Field(description="The number of all of them")
    summary: str
    decisions: list[DecisionView]
    deliveries: list[DeliveryWithAttempts]


class ErasureView(Model):
    """When the payload was erased, and by which key."""

    model_config = api_examples.shown(api_examples.ERASURE)

    event_id: str
    erased_at: Time
    erased_by: str


class DeliveryList(Listed[DeliveryView]):
    """A page of deliveries; with `q`, the number examined and the time reached by the search."""

    model_config = api_examples.shown(api_examples.DELIVERIES, api_examples.DELIVERIES_SEARCHED)

    examined: int | None = ONLY_IF_SET
    searched_until: Time | None = ONLY_IF_SET


def of_delivery(delivery: Delivery) -> DeliveryView:
    return DeliveryView.model_validate(delivery, from_attributes=True)


def of_record(event: Event, record: Record, endpoint_name: str | None) -> DeliveryWithAttempts:
    return DeliveryWithAttempts(
        **dict(of_delivery(record.delivery)),
        endpoint_name=endpoint_name,
        attempts=of_attempts(event, record),
    )


def of_attempts(event: Event, record: Record) -> list[AttemptView]:
    body = body_of(event, record)
    text = None if body is None else body.decode()
    sizes = event.erasure.body_bytes if event.erasure else {}
    erased_bytes = sizes.get(record.delivery.endpoint_id)
    return [_attempt(each, text, erased_bytes) for each in record.attempts]


def of_trace(trace: EventTrace) -> EventView:
    event = trace.history.event
    erasure = event.erasure
    names = {each.endpoint_id: each.endpoint_name for each in trace.results}
    return EventView(
        **event.model_dump(exclude={"tenant", "traceparent", "data", "erasure"}),
        data=None if erasure else event.data,
        erased_at=erasure and erasure.at,
        erased_by=erasure and erasure.by,
        refused_publications=[
            RefusedPublicationView.model_validate(each, from_attributes=True)
            for each in trace.history.refusals.kept
        ],
        refused_count=trace.history.refusals.count,
        summary=trace.summary,
        decisions=[_decision(each) for each in trace.results],
        deliveries=[
            of_record(event, record, names.get(endpoint_id))
            for endpoint_id, record in trace.history.records.items()
        ],
    )


def _decision(result: EndpointResult) -> DecisionView:
    return DecisionView(
        **{name: value for name, value in vars(result).items() if name != "delivery"},
        delivery_id=result.delivery.id if result.delivery else None,
        delivery_status=result.delivery.status if result.delivery else None,
    )


def _attempt(attempt: Attempt, body: str | None, erased_bytes: int | None) -> AttemptView:
    sent = body if attempt.outcome is not Outcome.PAYLOAD_ERROR else None
    return AttemptView(
        **attempt.model_dump(exclude={"request"}),
        request=RequestView(**attempt.request.model_dump(), body=sent, erased_bytes=erased_bytes),
    )
