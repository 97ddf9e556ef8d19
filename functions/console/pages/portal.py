"""Sign-in by a portal link, which a platform gives to its customer."""

from aws_lambda_powertools import Logger

from console.web import session
from console.web.answer import Page
from console.web.request import PageRequest
from console.web.routing import Result, Router
from posthorn import wiring

logger = Logger()
router = Router()


@router.open("GET", "/console/portal")
def open_link(request: PageRequest) -> Result:
    """Sign in, and continue from a page of the console.

    A redirect that began on another site would arrive without the strict cookie just set.
    """
    made, session_id = wiring.portal_links().open(request.query.get("token"))
    logger.info("came by a portal link", key_id=made.key_id, tenant=made.acts_for)
    return Page(
        "again.html",
        {"target": session.HOME},
        cookies=(session.set_cookie(request, session_id, framed=made.is_framed),),
        frame_origins=made.frame_origins,
    )
