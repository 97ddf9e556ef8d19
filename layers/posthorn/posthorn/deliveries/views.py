"""The public shapes of events, deliveries and attempts, without internal fields."""

import json
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from posthorn.core import api_examples
from posthorn.core.answer_size import BUDGET_BYTES, counted_bytes
from posthorn.core.errors import Violation
from posthorn.deliveries.event_trace import EndpointResult, EventTrace
from posthorn.deliveries.items import DELIVERED_VERDICTS
from posthorn.deliveries.queries import ListedEvent
from posthorn.deliveries.store import EventHistory, Record, body_of
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


class DeliveryOfEvent(DeliveryView):
    """A delivery in its event's answer, with its newest attempts, oldest first.

    The answer has as many attempts as fit 5 MiB; `GET /v1/deliveries/{id}` has the others.
    """

    model_config = api_examples.shown(api_examples.DELIVERY_OF_EVENT)

    endpoint_name: str | None  # None once its history has expired
    attempts: list[AttemptView]
    attempts_left_out: int = Field(default=0, description="How many older attempts there are")


class DeliveryWithAttempts(DeliveryOfEvent):
    """A delivery with the body that each attempt sends, and its newest attempts, oldest first.

    The answer has as many attempts as fit 5 MiB; `before_attempt` reads the others.
    """

    model_config = api_examples.shown(api_examples.DELIVERY_WITH_ATTEMPTS)

    body: str | None = Field(description="Null before the first attempt, and once erased")
    body_erased_bytes: int | None = ONLY_IF_SET


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
    data: Any = Field(description="null once the payload was erased")
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
    deliveries: list[DeliveryOfEvent]


class EventSummaryView(Model):
    """An event in a list. Without deliveries, its page says why each endpoint got none."""

    model_config = api_examples.shown(api_examples.EVENT_SUMMARY)

    id: str
    published_id: str | None
    type: str
    recorded_at: Time
    delivery_count: int = Field(description="The number of endpoints that must get it")


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


def of_record(
    event: Event,
    record: Record,
    endpoint_name: str | None,
    *,
    before_attempt: int | None = None,
    budget_bytes: int = BUDGET_BYTES,
) -> DeliveryWithAttempts:
    """The delivery with its newest attempts, of those before one if it is given."""
    body = sent_body(event, record)
    budget = budget_bytes - counted_bytes(json.dumps(body, ensure_ascii=False))
    older = [
        each for each in record.attempts if before_attempt is None or each.number < before_attempt
    ]
    attempts, _ = _newest_attempts(older, budget)
    sizes = event.erasure.body_bytes if event.erasure else {}
    return DeliveryWithAttempts(
        **dict(of_delivery(record.delivery)),
        endpoint_name=endpoint_name,
        body=body,
        body_erased_bytes=sizes.get(record.delivery.endpoint_id),
        attempts=attempts,
        attempts_left_out=len(older) - len(attempts),
    )


def sent_body(event: Event, record: Record) -> str | None:
    body = body_of(event, record)
    return None if body is None else body.decode()


def _newest_attempts(attempts: Sequence[Attempt], budget: int) -> tuple[list[AttemptView], int]:
    """The newest attempts that fit the budget, oldest first, and the rest of the budget.

    The newest one is there in any case: it takes 0.3 MB at most.
    """
    found: list[AttemptView] = []
    for attempt in reversed(attempts):
        view = of_attempt(attempt)
        size = counted_bytes(view.model_dump_json())
        if found and size > budget:
            break
        budget -= size
        found.append(view)
    return found[::-1], budget


def of_listed_event(event: ListedEvent) -> EventSummaryView:
    return EventSummaryView(
        id=event.id,
        published_id=event.row.published_id,
        type=event.row.type,
        recorded_at=event.recorded_at,
        delivery_count=event.row.endpoint_count,
    )


def of_event_history(history: EventHistory) -> EventSummaryView:
    expected = sum(each.verdict in DELIVERED_VERDICTS for each in history.decisions)
    return EventSummaryView(
        id=history.event.id,
        published_id=history.event.published_id,
        type=history.event.type,
        recorded_at=history.recorded_at,
        delivery_count=expected,
    )


def of_trace(trace: EventTrace, *, budget_bytes: int = BUDGET_BYTES) -> EventView:
    event = trace.history.event
    erasure = event.erasure
    names = {each.endpoint_id: each.endpoint_name for each in trace.results}
    without_attempts = [
        DeliveryOfEvent(
            **dict(of_delivery(record.delivery)),
            endpoint_name=names.get(endpoint_id),
            attempts=[],
            attempts_left_out=len(record.attempts),
        )
        for endpoint_id, record in trace.history.records.items()
    ]
    view = EventView(
        **event.model_dump(exclude={"tenant", "traceparent", "data", "erasure", "cloud"}),
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
        deliveries=without_attempts,
    )
    budget = budget_bytes - counted_bytes(view.model_dump_json())
    deliveries = []
    for delivery in view.deliveries:
        attempts = trace.history.records[delivery.endpoint_id].attempts
        found, left = _newest_attempts(attempts, budget) if budget > 0 else ([], budget)
        budget = left
        changes = {"attempts": found, "attempts_left_out": len(attempts) - len(found)}
        deliveries.append(delivery.model_copy(update=changes))
    return view.model_copy(update={"deliveries": deliveries})


def _decision(result: EndpointResult) -> DecisionView:
    return DecisionView(
        **{name: value for name, value in vars(result).items() if name != "delivery"},
        delivery_id=result.delivery.id if result.delivery else None,
        delivery_status=result.delivery.status if result.delivery else None,
    )


def of_attempt(attempt: Attempt) -> AttemptView:
    return AttemptView(
        **attempt.model_dump(exclude={"request", "response"}),
        request=RequestView(**attempt.request.model_dump()),
        response=attempt.response,
    )
