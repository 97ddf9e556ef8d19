"""/v1/deliveries and /v1/events: what was sent, what came back, and what comes next."""

from datetime import datetime
from typing import Annotated

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from posthorn import wiring
from posthorn.core import api_examples as examples
from posthorn.deliveries import views
from posthorn.deliveries.filters import DeliveryFilter, Order, StatusClass, WithTests
from posthorn.deliveries.views import (
    DeliveryList,
    DeliveryView,
    DeliveryWithAttempts,
    ErasureView,
    EventView,
)
from posthorn.http_api import requests as web
from posthorn.http_api.openapi import described
from posthorn.http_api.requests import Cursor, Limit
from posthorn.models import DeliveryStatus, Listed, Outcome, Scope

logger = Logger()
router = Router()  # type: ignore[no-untyped-call] # its constructor has no annotations
DeliveryId = Annotated[str, Path(description="A delivery's id", examples=[examples.DELIVERY_ID])]
EventId = Annotated[str, Path(description="An event's id", examples=[examples.EVENT_ID])]


def _acting(scope: Scope) -> tuple[str, str]:
    return web.acting(router, wiring.config(), scope)


@router.get("/v1/deliveries")
@described("Deliveries", Scope.LOGS_READ, "cursor_of_another_list")
def list_deliveries(
    endpoint: Annotated[str | None, Query(description="Only to this endpoint, by its id")] = None,
    event_type: Annotated[str | None, Query(description="Only of this event type")] = None,
    event_id: Annotated[str | None, Query(description="Only of this event")] = None,
    status: Annotated[DeliveryStatus | None, Query(description="Only with this status")] = None,
    outcome: Annotated[
        Outcome | None, Query(description="Only where the last attempt ended like this")
    ] = None,
    status_code: Annotated[
        StatusClass | None, Query(description="Only where the last answer was of this class")
    ] = None,
    since: Annotated[datetime | None, Query(description="Only from this time on")] = None,
    until: Annotated[datetime | None, Query(description="Only from before this time")] = None,
    test: Annotated[WithTests, Query(description="Whether tests are among them")] = (
        WithTests.EXCLUDE
    ),
    q: Annotated[
        str | None,
        Query(
            min_length=2,
            max_length=256,
            description="Only with this text, in whatever case, in an id or in the payload; "
            "needs `since`, at most 7 days before `until`",
        ),
    ] = None,
    order: Annotated[Order, Query(description="What comes first")] = Order.NEWEST,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> DeliveryList:
    """List deliveries. A page may hold fewer than asked for, or none, and still have a cursor.

    With `q`, a page examines a bounded number of deliveries: `examined` says how many, and
    `searched_until` how far it came.
    """
    tenant, _ = _acting(Scope.LOGS_READ)
    wanted = DeliveryFilter(
        endpoint_ids=(endpoint,) if endpoint else (),
        event_type=event_type,
        event_id=event_id,
        status=status,
        outcome=outcome,
        status_class=status_code,
        since=web.aware("since", since),
        until=web.aware("until", until),
        test=test,
        order=order,
    )
    if q is not None:
        return wiring.searching().search(tenant, wanted, q, limit=limit, cursor=cursor)
    return wiring.reading().deliveries(tenant, wanted, limit=limit, cursor=cursor)


@router.get("/v1/deliveries/<id>")
@described("Deliveries", Scope.LOGS_READ)
def read_delivery(id: DeliveryId) -> DeliveryWithAttempts:
    """Read a delivery, with each of its attempts."""
    tenant, _ = _acting(Scope.LOGS_READ)
    return wiring.reading().delivery_view(tenant, id)


@router.post("/v1/deliveries/<id>/resend", status_code=202)
@described(
    "Deliveries",
    Scope.DELIVERIES_WRITE,
    *("attempt_running", "endpoint_deleted", "endpoint_not_enabled", "payload_erased"),
    "test_delivery",
)
def resend_delivery(id: DeliveryId) -> DeliveryView:
    """Send a delivery again now, whatever became of it.

    If that fails, the whole of the endpoint's retry policy follows.
    """
    tenant, key_id = _acting(Scope.DELIVERIES_WRITE)
    delivery = wiring.recovery().resend(tenant, id, by=key_id)
    logger.info("delivery resent", tenant=tenant, delivery_id=id, key_id=key_id)
    return views.of_delivery(delivery)


@router.post("/v1/deliveries/<id>/cancel")
@described("Deliveries", Scope.DELIVERIES_WRITE, "attempt_running", "nothing_to_cancel")
def cancel_delivery(id: DeliveryId) -> DeliveryView:
    """End a delivery that is still to come. It can be resent."""
    tenant, key_id = _acting(Scope.DELIVERIES_WRITE)
    delivery = wiring.recovery().cancel(tenant, id, by=key_id)
    logger.info("delivery cancelled", tenant=tenant, delivery_id=id, key_id=key_id)
    return views.of_delivery(delivery)


@router.get("/v1/events")
@described("Events", Scope.LOGS_READ)
def find_events(
    published_id: Annotated[
        str,
        Query(
            min_length=1,
            max_length=256,
            description="The id that its publisher gave",
            examples=[examples.PUBLICATION["id"]],
        ),
    ],
) -> Listed[EventView]:
    """Find the event that was published under an id; the list is empty when there is none."""
    tenant, _ = _acting(Scope.LOGS_READ)
    return wiring.reading().events_published_as(tenant, published_id)


@router.delete("/v1/events/<id>/payload")
@described("Events", Scope.DELIVERIES_WRITE, "attempt_running", "deliveries_to_come")
def erase_payload(
    id: EventId,
    cancel: Annotated[bool, Query(description="Cancel first what is still to come")] = False,
) -> ErasureView:
    """Erase an event's payload, and every copy of it in the log.

    That it was delivered, when and how, stays. Asking again is safe, and completes what broke off.
    """
    tenant, key_id = _acting(Scope.DELIVERIES_WRITE)
    done = wiring.erasing().erase(tenant, id, by=key_id, cancel=cancel)
    logger.info("payload erased", tenant=tenant, event_id=id, cancel=cancel, key_id=key_id)
    return ErasureView(event_id=id, erased_at=done.at, erased_by=done.by)


@router.get("/v1/events/<id>")
@described("Events", Scope.LOGS_READ)
def read_event(id: EventId) -> EventView:
    """Read an event: its data, what became of it at each endpoint and why, and the attempts."""
    tenant, _ = _acting(Scope.LOGS_READ)
    return views.of_trace(wiring.reading().trace(tenant, id))
