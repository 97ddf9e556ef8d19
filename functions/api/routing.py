"""The router and logger of the HTTP API's modules, and the check of their callers."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler.api_gateway import Router

from posthorn import wiring
from posthorn.http_api import requests
from posthorn.models import Caller, Scope

logger = Logger()
router = Router()  # type: ignore[no-untyped-call] # its constructor has no annotations


def acting(scope: Scope) -> tuple[str, str]:
    """Return the tenant and the id of the caller's key, which must have this scope."""
    return requests.acting(router, wiring.config(), scope)


def admin() -> str:
    """Return the id of the caller's key, which must be an admin key."""
    return requests.admin(router).key_id


def named_tenant() -> str | None:
    """The tenant in the header `posthorn-tenant`."""
    named: str | None = router.current_event.headers.get("posthorn-tenant")
    return named or None


def caller() -> Caller:
    return requests.caller(router)
