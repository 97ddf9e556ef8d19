"""Sign-in with an API key, the choice of the tenant, and sign-out."""

from dataclasses import replace
from urllib.parse import quote

from aws_lambda_powertools import Logger

from console.web import session
from console.web.answer import Page, page, redirect
from console.web.errors import NO_ERRORS, FieldErrors
from console.web.request import PageRequest
from console.web.routing import Result, Router
from posthorn import wiring
from posthorn.core.errors import ForbiddenError, NotFoundError, Violation
from posthorn.models import Caller, Scope
from posthorn.tenants.console_sessions import READING, Session

SIGN_IN, SIGN_OUT, TENANT = "/console/sign-in", "/console/sign-out", "/console/tenant"
NO_KEY = "This is not a valid API key. It begins with phk_."
NO_READING = "This key may read nothing: the console needs config:read or logs:read."
logger = Logger()
router = Router()


@router.open("GET", SIGN_IN)
def ask_for_key(request: PageRequest) -> Result:
    return _sign_in_page(request.query.get("next"))


@router.open("POST", SIGN_IN)
def sign_in(request: PageRequest) -> Result:
    """Start a new session, so that an id planted in the browser is useless."""
    next_path = session.own_path(request.form.get("next"))
    caller = wiring.api_keys().caller(f"Bearer {request.form.get('key')}")
    if caller is None or not _may_read(caller):
        return _sign_in_page(next_path, NO_READING if caller else NO_KEY)
    made, session_id = wiring.sessions().begin(caller)
    logger.info("signed in", key_id=made.key_id, tenant=made.acts_for)
    path = next_path if made.acts_for else _choosing(next_path)
    return replace(redirect(path), cookies=(session.set_cookie(request, session_id),))


@router.post(SIGN_OUT)
def sign_out(visitor: Session, request: PageRequest) -> Result:
    wiring.sessions().end(visitor)
    logger.info("signed out", key_id=visitor.key_id)
    gone = redirect(SIGN_IN, flash="You have signed out.")
    return replace(gone, cookies=(session.clear_cookie(request, framed=visitor.is_framed),))


@router.get(TENANT, needs=Scope.ADMIN)
def choose_tenant(visitor: Session, request: PageRequest) -> Result:
    return _tenant_page(request.query.get("next"), request.query.get("q"))


@router.post(TENANT, needs=Scope.ADMIN)
def switch_tenant(visitor: Session, request: PageRequest) -> Result:
    next_path = session.own_path(request.form.get("next"))
    chosen = request.form.get("tenant")
    try:
        wiring.sessions().act_for(visitor, chosen)
    except NotFoundError as refusal:
        return _tenant_page(next_path, "", FieldErrors((Violation("tenant", refusal.detail),)))
    logger.info("tenant chosen", key_id=visitor.key_id, tenant=chosen)
    return redirect(next_path)


def _sign_in_page(next_path: str, refused: str = "") -> Page:
    """The form again, without the key: it is a secret even if it is wrong."""
    errors = FieldErrors((Violation("key", refused),)) if refused else NO_ERRORS
    status = ForbiddenError.status if refused else 200
    return page("sign_in.html", status=status, next=session.own_path(next_path), errors=errors)


def _tenant_page(next_path: str, text: str, errors: FieldErrors = NO_ERRORS) -> Page:
    wanted = text.casefold()
    tenants = [
        each
        for each in wiring.config().tenants()
        if wanted in each.id or wanted in each.name.casefold()
    ]
    return page(
        "tenant.html",
        status=NotFoundError.status if errors else 200,
        next=session.own_path(next_path),
        q=text,
        tenants=sorted(tenants, key=lambda each: each.name.casefold()),
        errors=errors,
    )


def _choosing(next_path: str) -> str:
    return f"{TENANT}?next={quote(next_path, safe='')}"


def _may_read(caller: Caller) -> bool:
    return Scope.ADMIN in caller.scopes or not READING.isdisjoint(caller.scopes)
