"""Enable, pause or switch off an endpoint, and drain, discard or keep its held deliveries."""

from aws_lambda_powertools import Logger

from console.endpoints import detail
from console.endpoints.form import version_sent
from console.web.answer import redirect
from console.web.request import PageRequest
from console.web.routing import Result, Router
from posthorn import wiring
from posthorn.core.errors import ConflictError, ForbiddenError, NotFoundError, StaleVersionError
from posthorn.jobs.service import HeldAction
from posthorn.jobs.views import DEFAULT_RATE
from posthorn.models import EndpointStatus, Scope
from posthorn.tenants.console_sessions import Session

_SWITCHED = {
    EndpointStatus.ENABLED: "Enabled: events are delivered from now on.",
    EndpointStatus.PAUSED: "Paused: deliveries are held until it is enabled.",
    EndpointStatus.DISABLED: "Switched off: its events are not tracked.",
}
_DECIDED = {
    HeldAction.DRAIN: "Enabled. What was held is on its way, the oldest first: see Jobs.",
    HeldAction.DISCARD: "Enabled. What was held is being cancelled: see Jobs.",
    HeldAction.KEEP: "Enabled. What was held stays held.",
}
logger = Logger()
router = Router()


@router.post("/console/endpoints/{id}/status", needs=Scope.CONFIG_WRITE)
def switch(visitor: Session, request: PageRequest) -> Result:
    """Change the status of the version that the page showed."""
    endpoint = wiring.endpoints().endpoint(visitor.tenant, request.params["id"])
    try:
        flash = (
            _resumed(visitor, request) if "held" in request.form else _switched(visitor, request)
        )
    except (ConflictError, StaleVersionError) as refusal:
        return detail.refused(visitor, request, endpoint, refusal)
    return redirect(f"{detail.LIST}/{endpoint.id}", flash=flash)


def _switched(visitor: Session, request: PageRequest) -> str:
    after = wiring.endpoints().change(
        visitor.tenant,
        request.params["id"],
        {"status": request.form.get("status")},
        by=visitor.key_id,
        expected_version=version_sent(request.form),
    )
    logger.info("endpoint switched", tenant=after.tenant, endpoint_id=after.id, status=after.status)
    return _SWITCHED[after.status]


def _resumed(visitor: Session, request: PageRequest) -> str:
    """Enable it, and drain, discard or keep its held deliveries."""
    sent = request.form.get("held")
    if sent not in set(HeldAction):
        raise NotFoundError("there is no such choice")
    held = HeldAction(sent)
    if held is not HeldAction.KEEP and not visitor.may(Scope.DELIVERIES_WRITE):
        raise ForbiddenError(f"this needs the scope {Scope.DELIVERIES_WRITE}")
    after, job = wiring.endpoint_resumer().resume(
        visitor.tenant,
        request.params["id"],
        held,
        rate_per_second=DEFAULT_RATE,
        by=visitor.key_id,
        expected_version=version_sent(request.form),
    )
    logger.info(
        "endpoint resumed",
        tenant=after.tenant,
        endpoint_id=after.id,
        held=held,
        job_id=job.id if job else None,
    )
    return _DECIDED[held]
