"""/v1/deliveries and /v1/events: what was sent, what came back, and what comes next."""

from datetime import UTC, datetime
from typing import Annotated

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query

from posthorn import views, web, wiring
from posthorn.errors import InvalidError, Violation
from posthorn.models import DeliveryStatus, Outcome, Scope
from posthorn.views import DeliveryView, DeliveryWithAttempts, EventView, Listed
from posthorn.wanted import Order, StatusClass, Wanted, WithTests

logger = Logger()
router = Router()  # type: ignore[no-untyped-call] # its constructor has no annotations


def _acting(scope: Scope) -> tuple[str, str]:
    return web.acting(router, wiring.config(), scope)


@router.get("/v1/deliveries")
def list_deliveries(
    endpoint: Annotated[str | None, Query()] = None,
    event_type: Annotated[str | None, Query()] = None,
    event_id: Annotated[str | None, Query()] = None,
    status: Annotated[DeliveryStatus | None, Query()] = None,
    outcome: Annotated[Outcome | None, Query()] = None,
    status_code: Annotated[StatusClass | None, Query()] = None,
    since: Annotated[datetime | None, Query()] = None,
    until: Annotated[datetime | None, Query()] = None,
    test: Annotated[WithTests, Query()] = WithTests.EXCLUDE,
    order: Annotated[Order, Query()] = Order.NEWEST,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query()] = None,
) -> Listed[DeliveryView]:
    tenant, _ = _acting(Scope.LOGS_READ)
    wanted = Wanted(
        endpoint_ids=(endpoint,) if endpoint else (),
        event_type=event_type,
        event_id=event_id,
        status=status,
        outcome=outcome,
        status_class=status_code,
        since=_aware("since", since),
        until=_aware("until", until),
        test=test,
        order=order,
    )
    return wiring.reading().deliveries(tenant, wanted, limit=limit, cursor=cursor)


@router.get("/v1/deliveries/<id>")
def read_delivery(id: str) -> DeliveryWithAttempts:
    tenant, _ = _acting(Scope.LOGS_READ)
    return views.of_record(*wiring.reading().delivery(tenant, id))


@router.post("/v1/deliveries/<id>/resend")
def resend_delivery(id: str) -> Response[str]:
    tenant, key_id = _acting(Scope.DELIVERIES_WRITE)
    delivery = wiring.recovery().resend(tenant, id, by=key_id)
    logger.info("delivery resent", tenant=tenant, delivery_id=id, key_id=key_id)
    return web.answer(202, views.of_delivery(delivery).model_dump(mode="json"))


@router.post("/v1/deliveries/<id>/cancel")
def cancel_delivery(id: str) -> DeliveryView:
    tenant, key_id = _acting(Scope.DELIVERIES_WRITE)
    delivery = wiring.recovery().cancel(tenant, id, by=key_id)
    logger.info("delivery cancelled", tenant=tenant, delivery_id=id, key_id=key_id)
    return views.of_delivery(delivery)


@router.get("/v1/events/<id>")
def read_event(id: str) -> EventView:
    tenant, _ = _acting(Scope.LOGS_READ)
    return views.of_story(wiring.reading().event(tenant, id))


def _aware(name: str, moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    try:
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
        message = "needs a time zone, such as Z"
    except OverflowError:
        message = "is out of range"
    raise InvalidError(f"{name} {message}", [Violation(name, message)])
