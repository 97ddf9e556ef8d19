"""/v1/deliveries and /v1/events: the delivery log, and changes of single deliveries."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from api.routing import acting, logger, router
from posthorn import wiring
from posthorn.core import api_examples
from posthorn.deliveries import views
from posthorn.deliveries.filters import DeliveryFilter, EventFilter, Order, StatusClass, WithTests
from posthorn.deliveries.views import (
    DeliveryList,
    DeliveryView,
    DeliveryWithAttempts,
    ErasureView,
    EventSummaryView,
    EventView,
)
from posthorn.http_api.openapi import described
from posthorn.http_api.requests import Cursor, Limit, aware
from posthorn.models import DeliveryStatus, Listed, Outcome, Scope, WrittenTime

DeliveryId = Annotated[
    str, Path(description="A delivery's id", examples=[api_examples.DELIVERY_ID])
]
EventId = Annotated[str, Path(description="An event's id", examples=[api_examples.EVENT_ID])]


@router.get("/v1/deliveries")
@described("Deliveries", Scope.LOGS_READ, "cursor_of_another_list")
def list_deliveries(
    endpoint: Annotated[str | None, Query(description="Only to this endpoint, by its id")] = None,
    event_type: Annotated[str | None, Query(description="Only of this event type")] = None,
    event_id: Annotated[str | None, Query(description="Only of this event")] = None,
    status: Annotated[DeliveryStatus | None, Query(description="Only with this status")] = None,
    outcome: Annotated[
        Outcome | None, Query(description="Only with this outcome of the last attempt")
    ] = None,
    status_code: Annotated[
        StatusClass | None, Query(description="Only with a last response of this class")
    ] = None,
    since: Annotated[
        WrittenTime | None, Query(description="Only created at or after this time")
    ] = None,
    until: Annotated[WrittenTime | None, Query(description="Only created before this time")] = None,
    test: Annotated[WithTests, Query(description="Whether to include deliveries of tests")] = (
        WithTests.EXCLUDE
    ),
    q: Annotated[
        str | None,
        Query(
            min_length=2,
            max_length=256,
            description="Only with this text in an id or in the payload; case is ignored. "
            "Needs `since`, at most 7 days before `until`",
        ),
    ] = None,
    order: Annotated[Order, Query(description="Which deliveries come first")] = Order.NEWEST,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> DeliveryList:
    """List deliveries. A page with a cursor may have fewer than `limit`, or none.

    With `q`, a page examines a limited number of deliveries: `examined` is their number, and
    `searched_until` the time of the last one.
    """
    tenant, _ = acting(Scope.LOGS_READ)
    filter = DeliveryFilter(
        endpoint_ids=(endpoint,) if endpoint else (),
        event_type=event_type,
        event_id=event_id,
        status=status,
        outcome=outcome,
        status_class=status_code,
        since=aware("since", since),
        until=aware("until", until),
        test=test,
        order=order,
    )
    if q is not None:
        return wiring.delivery_search().search(tenant, filter, q, limit=limit, cursor=cursor)
    return wiring.delivery_reader().deliveries(tenant, filter, limit=limit, cursor=cursor)


@router.get("/v1/deliveries/<id>")
@described("Deliveries", Scope.LOGS_READ)
def read_delivery(
    id: DeliveryId,
    before_attempt: Annotated[
        int | None, Query(ge=1, description="Only attempts with a lower number")
    ] = None,
) -> DeliveryWithAttempts:
    """Read a delivery with all its attempts."""
    tenant, _ = acting(Scope.LOGS_READ)
    return wiring.delivery_reader().delivery_view(tenant, id, before_attempt=before_attempt)


@router.post("/v1/deliveries/<id>/resend", status_code=202)
@described(
    "Deliveries",
    Scope.DELIVERIES_WRITE,
    *("attempt_running", "endpoint_deleted", "endpoint_not_enabled", "payload_erased"),
    "test_delivery",
)
def resend_delivery(id: DeliveryId) -> DeliveryView:
    """Send a delivery again now.

    Its status does not matter. If the attempt fails, the endpoint's whole retry policy follows.
    """
    tenant, key_id = acting(Scope.DELIVERIES_WRITE)
    delivery = wiring.resender().resend(tenant, id, by=key_id)
    logger.info("delivery resent", tenant=tenant, delivery_id=id, key_id=key_id)
    return views.of_delivery(delivery)


@router.post("/v1/deliveries/<id>/cancel")
@described("Deliveries", Scope.DELIVERIES_WRITE, "attempt_running", "nothing_to_cancel")
def cancel_delivery(id: DeliveryId) -> DeliveryView:
    """Cancel a delivery that is pending, retrying or held. It can be resent."""
    tenant, key_id = acting(Scope.DELIVERIES_WRITE)
    delivery = wiring.resender().cancel(tenant, id, by=key_id)
    logger.info("delivery cancelled", tenant=tenant, delivery_id=id, key_id=key_id)
    return views.of_delivery(delivery)


@router.get("/v1/events")
@described("Events", Scope.LOGS_READ, "cursor_of_another_list")
def list_events(
    event_type: Annotated[str | None, Query(description="Only of this event type")] = None,
    unmatched: Annotated[
        bool | None, Query(description="Only events without a delivery, or only those with one")
    ] = None,
    since: Annotated[
        WrittenTime | None, Query(description="Only recorded from this time on")
    ] = None,
    until: Annotated[
        WrittenTime | None, Query(description="Only recorded before this time")
    ] = None,
    published_id: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=256,
            description="Only the event with this id of its publisher; other filters are ignored",
        ),
    ] = None,
    order: Annotated[Order, Query(description="Which event comes first")] = Order.NEWEST,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Listed[EventSummaryView]:
    """List events, also those without a delivery. A page may have fewer than `limit`, or none."""
    tenant, _ = acting(Scope.LOGS_READ)
    reader = wiring.delivery_reader()
    if published_id is not None:
        return reader.events_published_as(tenant, published_id)
    filters = EventFilter(
        event_type=event_type,
        unmatched=unmatched,
        since=aware("since", since),
        until=aware("until", until),
        order=order,
    )
    return reader.events(tenant, filters, limit=limit, cursor=cursor)


@router.delete("/v1/events/<id>/payload")
@described("Events", Scope.DELIVERIES_WRITE, "attempt_running", "deliveries_to_come")
def erase_payload(
    id: EventId,
    cancel: Annotated[
        bool, Query(description="First cancel deliveries that have not ended")
    ] = False,
) -> ErasureView:
    """Erase an event's payload, and every copy of it in the log.

    The facts of its deliveries stay. A repeated request is safe, and completes an interrupted one.
    """
    tenant, key_id = acting(Scope.DELIVERIES_WRITE)
    done = wiring.payload_eraser().erase(tenant, id, by=key_id, cancel=cancel)
    logger.info("payload erased", tenant=tenant, event_id=id, cancel=cancel, key_id=key_id)
    return ErasureView(event_id=id, erased_at=done.at, erased_by=done.by)


@router.get("/v1/events/<id>")
@described("Events", Scope.LOGS_READ)
def read_event(id: EventId) -> EventView:
    """Read an event with its data, the result for each endpoint and why, and all attempts."""
    tenant, _ = acting(Scope.LOGS_READ)
    return views.of_trace(wiring.delivery_reader().trace(tenant, id))
