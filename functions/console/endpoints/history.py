"""The versions of an endpoint: author, time and differences of each, and restore."""

from aws_lambda_powertools import Logger

from console.endpoints import secrets
from console.endpoints.form import version_sent
from console.web.answer import page, redirect
from console.web.request import PageRequest
from console.web.routing import Result, Router
from posthorn import wiring
from posthorn.core.errors import NotFoundError, StaleVersionError
from posthorn.models import Scope
from posthorn.tenants.console_sessions import Session

SHOWN = 20
KEPT = ("/status", "/status_reason", "/signing/secret")  # a restore leaves them as they are
logger = Logger()
router = Router()


@router.get("/console/endpoints/{id}/history", needs=Scope.CONFIG_READ)
def history(visitor: Session, request: PageRequest) -> Result:
    """The history of an endpoint, including a deleted one."""
    endpoint_id, cursor = request.params["id"], request.query.get("cursor")
    versions = wiring.endpoint_history().versions(
        visitor.tenant, endpoint_id, limit=SHOWN, cursor=cursor or None
    )
    path = f"/console/endpoints/{endpoint_id}/history"
    return page(
        "endpoint_history.html",
        tab="history",
        endpoint=wiring.config().endpoint(visitor.tenant, endpoint_id),
        endpoint_id=endpoint_id,
        versions=versions.items,
        older=f"{path}?cursor={versions.next_cursor}" if versions.next_cursor else "",
        newest=path if cursor else "",
    )


@router.get("/console/endpoints/{id}/history/{version}", needs=Scope.CONFIG_WRITE)
def ask_to_restore(visitor: Session, request: PageRequest) -> Result:
    return _restore_page(visitor, request)


@router.post("/console/endpoints/{id}/history/{version}", needs=Scope.CONFIG_WRITE)
def restore(visitor: Session, request: PageRequest) -> Result:
    before = wiring.endpoints().endpoint(visitor.tenant, request.params["id"])
    try:
        after = wiring.endpoints().restore(
            visitor.tenant,
            before.id,
            _number(request),
            by=visitor.key_id,
            expected_version=version_sent(request.form),
        )
    except StaleVersionError as refusal:
        return _restore_page(visitor, request, status=refusal.status)
    logger.info(
        "endpoint restored", tenant=after.tenant, endpoint_id=after.id, version=after.version
    )
    if after.signing != before.signing:  # the scheme, whose change makes a new secret
        secret = wiring.endpoints().signing_secret(visitor.tenant, after.id)
        return secrets.shown(after, secret, why="rotated")
    return redirect(
        f"/console/endpoints/{after.id}",
        flash=f"Version {_number(request)} is restored, as version {after.version}.",
    )


def _restore_page(visitor: Session, request: PageRequest, *, status: int = 200) -> Result:
    endpoint = wiring.endpoints().endpoint(visitor.tenant, request.params["id"])
    number = _number(request)
    changes = wiring.endpoint_history().between(
        visitor.tenant, endpoint.id, endpoint.version, number
    )
    return page(
        "endpoint_restore.html",
        status=status,
        endpoint=endpoint,
        version=number,
        stale=status != 200,
        changes=[each for each in changes if each.field not in KEPT],
    )


def _number(request: PageRequest) -> int:
    text = request.params["version"]
    if not (text.isascii() and text.isdecimal() and len(text) <= 6):
        raise NotFoundError("there is no such version")
    return int(text)
