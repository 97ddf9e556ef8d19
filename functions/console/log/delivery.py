"""The page of a delivery: its status, the possible actions and its attempts."""

from dataclasses import replace

from aws_lambda_powertools import Logger

from console.log import attempts
from console.web.answer import Download, Page, page, redirect
from console.web.request import PageRequest
from console.web.routing import Result, Router
from posthorn import wiring
from posthorn.core.errors import ConflictError, NotFoundError
from posthorn.deliveries.state import TO_COME
from posthorn.deliveries.views import AttemptView, DeliveryWithAttempts
from posthorn.models import EndpointStatus, Scope
from posthorn.tenants.console_sessions import Session

DELIVERY = "/console/deliveries/{id}"
REFUSALS = {
    "attempt_running": "An attempt is being made now. Look at what comes of it, and try again.",
    "endpoint_deleted": "The endpoint was deleted: there is nowhere to send it.",
    "endpoint_not_enabled": "The endpoint is not enabled. Enable it first, then resend.",
    "nothing_to_cancel": "It has come to its end meanwhile: there is nothing left to cancel.",
    "payload_erased": "Its payload was erased: there is nothing left to send.",
    "test_delivery": "It was a test. Make another test of the endpoint instead.",
}
logger = Logger()
router = Router()


@router.get(DELIVERY, needs=Scope.LOGS_READ)
def show(visitor: Session, request: PageRequest) -> Result:
    return _page(visitor, request)


@router.get(f"{DELIVERY}/live", needs=Scope.LOGS_READ)
def live(visitor: Session, request: PageRequest) -> Result:
    """The current page, for the script."""
    return replace(_page(visitor, request), template="delivery_live.html", whole=False)


@router.get(f"{DELIVERY}/body", needs=Scope.LOGS_READ)
def download_body(visitor: Session, request: PageRequest) -> Result:
    """The body that each attempt sent, complete."""
    delivery = _delivery(visitor, request)
    if delivery.body is None:
        raise NotFoundError("nothing was sent")
    return Download(delivery.body, attempts.body_file(delivery.event_id))


@router.get(f"{DELIVERY}/attempts/{{number}}/response", needs=Scope.LOGS_READ)
def download_response(visitor: Session, request: PageRequest) -> Result:
    """The stored part of the response's body."""
    attempt = _attempt(_delivery(visitor, request), request.params["number"])
    if attempt.response is None:
        raise NotFoundError("there was no answer")
    name = f"{request.params['id']}-{attempt.number}.txt"
    return Download(attempt.response.body, name)


@router.get(f"{DELIVERY}/attempts/{{number}}/curl", needs=Scope.LOGS_READ)
def download_command(visitor: Session, request: PageRequest) -> Result:
    delivery = _delivery(visitor, request)
    attempt = _attempt(delivery, request.params["number"])
    name = f"{delivery.id}-{attempt.number}-curl.txt"
    return Download(attempts.command(delivery, attempt, with_body=False), name)


@router.post(f"{DELIVERY}/resend", needs=Scope.DELIVERIES_WRITE)
def resend(visitor: Session, request: PageRequest) -> Result:
    id = request.params["id"]
    try:
        wiring.resender().resend(visitor.tenant, id, by=visitor.key_id)
    except ConflictError as refusal:
        return _page(visitor, request, refusal)
    logger.info("delivery resent", tenant=visitor.tenant, delivery_id=id, key_id=visitor.key_id)
    return redirect(f"/console/deliveries/{id}", flash="It is being sent again.")


@router.post(f"{DELIVERY}/cancel", needs=Scope.DELIVERIES_WRITE)
def cancel(visitor: Session, request: PageRequest) -> Result:
    id = request.params["id"]
    try:
        wiring.resender().cancel(visitor.tenant, id, by=visitor.key_id)
    except ConflictError as refusal:
        return _page(visitor, request, refusal)
    logger.info("delivery cancelled", tenant=visitor.tenant, delivery_id=id, key_id=visitor.key_id)
    return redirect(f"/console/deliveries/{id}", flash="The delivery was cancelled.")


def _page(visitor: Session, request: PageRequest, refusal: ConflictError | None = None) -> Page:
    delivery = _delivery(visitor, request)
    opened = request.query.get("attempt")
    return page(
        "delivery.html",
        status=refusal.status if refusal else 200,
        delivery=delivery,
        attempts=attempts.shown(delivery, int(opened) if _is_number(opened) else None),
        may_act=visitor.may(Scope.DELIVERIES_WRITE),
        is_to_come=delivery.status in TO_COME,
        is_erased=_is_erased(delivery),
        not_resent=_why_not_resent(visitor.tenant, delivery),
        refused=REFUSALS.get(refusal.code, refusal.detail) if refusal else "",
        live=f"/console/deliveries/{delivery.id}/live",
    )


def _delivery(visitor: Session, request: PageRequest) -> DeliveryWithAttempts:
    return wiring.delivery_reader().delivery_view(visitor.tenant, request.params["id"])


def _attempt(delivery: DeliveryWithAttempts, number: str) -> AttemptView:
    for each in delivery.attempts:
        if str(each.number) == number:
            return each
    raise NotFoundError("there is no such attempt")


def _why_not_resent(tenant: str, delivery: DeliveryWithAttempts) -> str:
    """The reason why it cannot be resent, or None."""
    if delivery.test:
        return REFUSALS["test_delivery"]
    if _is_erased(delivery):
        return REFUSALS["payload_erased"]
    endpoint = wiring.config().endpoint(tenant, delivery.endpoint_id)
    if endpoint is None:
        return REFUSALS["endpoint_deleted"]
    if endpoint.status is not EndpointStatus.ENABLED:
        return REFUSALS["endpoint_not_enabled"]
    return ""


def _is_erased(delivery: DeliveryWithAttempts) -> bool:
    return delivery.body_erased_bytes is not None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6
