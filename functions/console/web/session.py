"""The session's cookie, the token in every form, and the check of a form's origin."""

import hashlib
import hmac
import re
from urllib.parse import quote, unquote, urlsplit

from console.web.request import PageRequest
from posthorn.core.errors import ForbiddenError
from posthorn.tenants.console_sessions import LONGEST, Session

HOME = "/console"
COOKIE = "posthorn_session"
FLASH_COOKIE = "posthorn_flash"
FLASH_SECONDS = 60  # seconds; the next page has shown it by then
_OWN_PATH = re.compile(r"/console(?:/[\w./~*-]*)?(?:\?[\w./~*%&=+:,-]*)?", re.ASCII)


def set_cookie(request: PageRequest, session_id: str, *, framed: bool = False) -> str:
    seconds = int(LONGEST.total_seconds())
    return _cookie(request, COOKIE, session_id, seconds=seconds, framed=framed)


def clear_cookie(request: PageRequest, *, framed: bool = False) -> str:
    return _cookie(request, COOKIE, "", seconds=0, framed=framed)


def set_flash(request: PageRequest, text: str, *, framed: bool = False) -> str:
    seconds = FLASH_SECONDS if text else 0
    return _cookie(request, FLASH_COOKIE, quote(text), seconds=seconds, framed=framed)


def flash_of(request: PageRequest) -> str:
    return unquote(request.cookies.get(FLASH_COOKIE, ""))


def csrf_token(session: Session) -> str:
    """The token of a session and a tenant: a form opened for one tenant is invalid for another."""
    tenant = session.acts_for or ""
    return hmac.new(session.csrf_secret.encode(), tenant.encode(), hashlib.sha256).hexdigest()


def check_token(session: Session, request: PageRequest) -> None:
    if not hmac.compare_digest(csrf_token(session).encode(), request.form.get("csrf").encode()):
        raise ForbiddenError(
            "this form is out of date: open the page again", code="form_out_of_date"
        )


def check_origin(request: PageRequest) -> None:
    """Raise ForbiddenError for a form that another site sent.

    Browsers send Sec-Fetch-Site; for those that do not, Origin names the site of the form.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    ours = origin is None or urlsplit(origin).netloc.lower() == request.host
    if site != "same-origin" if site else not ours:
        raise ForbiddenError("this form was sent by another site", code="cross_site")


def own_path(text: str) -> str:
    """The text if it is a path of the console, else the home page: no open redirect."""
    return text if _OWN_PATH.fullmatch(text) else HOME


def _cookie(
    request: PageRequest, name: str, value: str, *, seconds: int, framed: bool = False
) -> str:
    """A Set-Cookie value. In a frame of another site a strict cookie would not be sent.

    There the cookie is partitioned by site (CHIPS), and the token in each form protects it.
    """
    secure = "" if request.is_loopback else "; Secure"
    site = "SameSite=None; Secure; Partitioned" if framed else f"SameSite=Strict{secure}"
    return f"{name}={value}; Path=/console; Max-Age={seconds}; HttpOnly; {site}"
