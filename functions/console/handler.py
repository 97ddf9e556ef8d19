"""The console: HTML pages, rendered on the server from the same use cases as the API."""

from time import monotonic
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from console import site
from console.web import assets, session
from console.web.answer import PageAnswer
from console.web.request import PageRequest
from posthorn import wiring
from posthorn.core.errors import PosthornError
from posthorn.tenants.console_sessions import Session

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    start = monotonic()
    request = PageRequest.read(event)
    visitor: Session | None = None
    try:
        visitor = _visitor(request)
        answer = site.answer(event, request, visitor)
    except PosthornError as error:
        if error.status >= 500:
            logger.exception("failed", code=error.code)
        answer = site.refusal(error, request, visitor)
    except Exception:
        logger.exception("broke")
        broken = PosthornError("something broke here: the request may be tried again")
        answer = site.refusal(broken, request, visitor)
    _log(request, visitor, answer, milliseconds=round((monotonic() - start) * 1000))
    return answer.as_event()


def _visitor(request: PageRequest) -> Session | None:
    if request.path.startswith(assets.PREFIX):
        return None  # assets are public
    session_id = request.cookies.get(session.COOKIE)
    return wiring.sessions().find(session_id) if session_id else None


def _log(
    request: PageRequest, visitor: Session | None, answer: PageAnswer, *, milliseconds: int
) -> None:
    logger.info(
        "page",
        method=request.method,
        path=request.path,
        status=answer.status,
        bytes=len(answer.body),
        duration_ms=milliseconds,
        tenant=visitor.acts_for if visitor else None,
        key_id=visitor.key_id if visitor else None,
    )
