"""Signing secrets on pages: shown once when created, and again on request.

A secret is shown in the answer to a form only. So it is in no URL, no cookie and no log, and a page
that is loaded again does not show it.
"""

from datetime import timedelta

from aws_lambda_powertools import Logger
from pydantic import ValidationError

from console.web.answer import Page, page
from console.web.request import PageRequest
from console.web.routing import Result, Router
from posthorn import wiring
from posthorn.core.problem_details import invalid
from posthorn.endpoints.views import RotationSpec
from posthorn.models import Endpoint, Scope
from posthorn.tenants.console_sessions import Session

logger = Logger()
router = Router()


def shown(endpoint: Endpoint, secret: str, *, why: str) -> Page:
    return page("endpoint_secret.html", endpoint=endpoint, secret=secret, why=why)


@router.post("/console/endpoints/{id}/secret", needs=Scope.CONFIG_WRITE)
def reveal(visitor: Session, request: PageRequest) -> Result:
    endpoint = wiring.endpoints().endpoint(visitor.tenant, request.params["id"])
    secret = wiring.endpoints().signing_secret(visitor.tenant, endpoint.id)
    _log("signing secret read", visitor, endpoint)
    return shown(endpoint, secret, why="read")


@router.post("/console/endpoints/{id}/rotate", needs=Scope.CONFIG_WRITE)
def rotate(visitor: Session, request: PageRequest) -> Result:
    before = wiring.endpoints().endpoint(visitor.tenant, request.params["id"])
    try:
        spec = RotationSpec.model_validate({"overlap_hours": request.form.get("overlap_hours")})
    except ValidationError as error:
        raise invalid(error.errors()) from None
    overlap = timedelta(hours=spec.overlap_hours)
    endpoint, secret = wiring.endpoints().rotate(
        visitor.tenant, before.id, by=visitor.key_id, overlap=overlap
    )
    _log("signing secret rotated", visitor, endpoint)
    return shown(endpoint, secret, why="rotated")


def _log(what: str, visitor: Session, endpoint: Endpoint) -> None:
    logger.info(what, tenant=visitor.tenant, endpoint_id=endpoint.id, key_id=visitor.key_id)
