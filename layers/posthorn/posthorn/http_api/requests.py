"""What the HTTP functions share: who calls, what they sent, and refusals as RFC 9457 says."""

import base64
import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import cache
from http import HTTPStatus
from time import monotonic
from typing import Annotated, Any, TypeVar

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Header, Path, Query
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BeforeValidator

from posthorn.aws.config_table import ConfigStore
from posthorn.core import api_examples as examples
from posthorn.core import json_text
from posthorn.core.errors import (
    InvalidError,
    MalformedError,
    NotFoundError,
    PosthornError,
    UnsupportedMediaError,
    Violation,
)
from posthorn.core.problem_details import invalid, problem
from posthorn.http_api.openapi import JSON, PROBLEM
from posthorn.models import Caller, Scope
from posthorn.tenants import api_keys as access
from posthorn.tenants import tenants as tenancy

BYTE_ORDER_MARK = "\ufeff"  # some programs write it before JSON (RFC 8259 §8.1)
_ITEM = re.compile(r"/events/([0-9]+)(/.*|)", re.DOTALL)
_ETAG = re.compile(r'(?:W/)?"?([0-9]{1,9})"?')
_T = TypeVar("_T")


def _version(given: str) -> int | None:
    if given == "*":
        return None
    match = _ETAG.fullmatch(given.strip())
    if match is None:
        raise ValueError("is not a version as an ETag of this API gives it")
    return int(match[1])


# Parameters that several routes have.
EndpointId = Annotated[str, Path(description="An endpoint's id", examples=[examples.ENDPOINT_ID])]
Limit = Annotated[int, Query(ge=1, le=100, description="How many, at most")]
Cursor = Annotated[str | None, Query(description="`next_cursor` of the page before")]
Force = Annotated[
    bool, Query(description="Also when events that are accepted now would be refused")
]
# The version that `If-Match` names, None when any will do.
IfMatch = Annotated[
    int | None,
    BeforeValidator(_version, json_schema_input_type=str),
    Header(
        alias="if-match",
        description="The ETag that was read: refuse when the endpoint was changed since",
        examples=['"3"'],
    ),
]


def resolver(
    logger: Logger, *, parse: Callable[[str], dict[str, Any]] | None = None
) -> APIGatewayHttpResolver:
    """An event handler that validates by the types of its routes and answers refusals alike.

    `parse` reads a body; by default every value that JSON cannot keep is refused.
    """
    deserializer = parse or parsed
    app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=deserializer)

    def refused(error: PosthornError) -> Response[str]:
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.exception("failed", code=error.code)
        return refusal(error)

    def misread(error: RequestValidationError) -> Response[str]:
        return refused(invalid([_located(finding) for finding in error.errors()]))

    def unknown(_: Exception) -> Response[str]:
        return refused(NotFoundError("there is no such path"))

    def broken(_: Exception) -> Response[str]:
        return refused(PosthornError("something broke here: the request may be tried again"))

    app.exception_handler(PosthornError)(refused)
    app.exception_handler(RequestValidationError)(misread)
    app.exception_handler(Exception)(broken)
    app.not_found(unknown)
    return app


def as_json(event: dict[str, Any], kind: str = re.escape(JSON)) -> dict[str, Any]:
    """The event with its body as text, and its content type as the event handler knows it.

    Raise UnsupportedMediaError when the body is not of a type that the pattern `kind` matches.
    """
    headers = {**event["headers"], "content-type": JSON}
    if not event.get("body"):
        return {**event, "headers": headers}
    coding = event["headers"].get("content-encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        message = f"the body is sent without compression, not with content-encoding {coding!a}"
        raise UnsupportedMediaError(message)
    sent = event["headers"].get("content-type", JSON).partition(";")[0].strip().lower()
    if not re.fullmatch(kind, sent):
        raise UnsupportedMediaError(f"the body is to be {JSON}")
    body = event["body"]
    if event.get("isBase64Encoded"):
        try:
            body = base64.b64decode(body).decode()
        except ValueError:
            raise MalformedError("the body is not UTF-8") from None
    body = body.removeprefix(BYTE_ORDER_MARK)
    return {**event, "headers": headers, "body": body, "isBase64Encoded": False}


def respond(
    app: APIGatewayHttpResolver,
    event: dict[str, Any],
    context: LambdaContext,
    *,
    logger: Logger,
    read: Callable[[dict[str, Any]], dict[str, Any]] = as_json,
) -> dict[str, Any]:
    """Answer a request, and log one line about it: who asked for what, and how it went."""
    began = monotonic()
    answer = _answered(app, event, context, read)
    asking = event["requestContext"].get("authorizer", {}).get("lambda", {})
    logger.info(
        "answered",
        method=event["requestContext"]["http"]["method"],
        route=event["routeKey"],
        status=answer["statusCode"],
        tenant=asking.get("tenant") or event["headers"].get("posthorn-tenant"),
        key_id=asking.get("key_id"),
        duration_ms=round((monotonic() - began) * 1000),
    )
    return answer


def _answered(
    app: APIGatewayHttpResolver,
    event: dict[str, Any],
    context: LambdaContext,
    read: Callable[[dict[str, Any]], dict[str, Any]],
) -> dict[str, Any]:
    """A body is JSON or refused; the event handler alone would read forms too."""
    try:
        event = read(event)
        _check_parameters(app, event)
    except PosthornError as error:
        body = json.dumps(problem(error))
        return {"statusCode": error.status, "headers": {"content-type": PROBLEM}, "body": body}
    answer = app.resolve(event, context)
    if answer["statusCode"] == HTTPStatus.NO_CONTENT:  # the event handler would write `null`
        return {"statusCode": answer["statusCode"]}
    return answer


def _check_parameters(app: APIGatewayHttpResolver, event: dict[str, Any]) -> None:
    """Raise InvalidError for query parameters that the route does not have."""
    sent = event.get("queryStringParameters") or {}
    known = _parameters(app).get(event["routeKey"]) if sent else None
    if known is None:
        return
    unknown = [Violation(name, _unknown(name, known)) for name in sent if name not in known]
    if unknown:
        raise InvalidError.of(unknown)


def _unknown(name: str, known: Collection[str]) -> str:
    near = [each for each in sorted(known) if name.startswith(f"{each}_")]
    near += get_close_matches(name, known, n=1, cutoff=0.5)
    return f"unknown parameter{f'; did you mean {near[0]}?' if near else ''}"


@cache
def _parameters(app: APIGatewayHttpResolver) -> dict[str, frozenset[str]]:
    """The query parameters of each route, by method and path as API Gateway has them."""
    routes = app._static_routes + app._dynamic_routes
    return {
        f"{route.method} {route.openapi_path}": frozenset(
            each.alias for each in route.dependant.query_params
        )
        for route in routes
    }


def parsed(text: str) -> dict[str, Any]:
    """Parse a body; raise InvalidError for each value that JSON cannot keep."""
    document, flaws = _read_object(text)
    if flaws:
        raise InvalidError.of(flaws)
    return document


def parsed_batch(text: str) -> dict[str, Any]:
    """Parse a body as `parsed`; an item of `events` with such a value becomes its InvalidError."""
    document, flaws = _read_object(text)
    items = document.get("events")
    of_items: dict[int, list[Violation]] = {}
    others = []
    for each in flaws:
        match = _ITEM.fullmatch(each.field) if isinstance(items, list) else None
        if match:
            of_items.setdefault(int(match[1]), []).append(replace(each, field=match[2]))
        else:
            others.append(each)
    if others:
        raise InvalidError.of(others)
    for index, found in of_items.items():
        document["events"][index] = InvalidError.of(found)
    return document


def _read_object(text: str) -> tuple[dict[str, Any], list[Violation]]:
    """A list is refused here: the event handler would take its first element."""
    try:
        document, flaws = json_text.read(text)
    except (ValueError, RecursionError):
        raise MalformedError("the body is not valid JSON") from None
    if not isinstance(document, dict):
        raise InvalidError.at("", "must be an object")
    return document, flaws


def refusal(error: PosthornError) -> Response[str]:
    body = json.dumps(problem(error), separators=(",", ":"), ensure_ascii=False)
    return Response(error.status, PROBLEM, body)


def answer(
    body: _T, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response[_T]:
    """An answer whose status or headers a route chooses; the others return their model alone."""
    return Response(status, JSON, body, headers=dict(headers or {}))


def caller(app: Any) -> Caller:
    """Who calls, as the authorizer found."""
    context = app.current_event.raw_event["requestContext"]["authorizer"]["lambda"]
    return Caller(
        key_id=context["key_id"],
        tenant=context["tenant"] or None,
        scopes=tuple(Scope(scope) for scope in context["scopes"].split()),
    )


def admin(app: Any) -> Caller:
    asking = caller(app)
    access.require(asking, Scope.ADMIN)
    return asking


def acting(app: Any, config: ConfigStore, scope: Scope) -> tuple[str, str]:
    """Return the tenant to act for and the id of the key, once its scope and tenant are good."""
    asking = caller(app)
    access.require(asking, scope)
    tenant = access.tenant_for(asking, app.current_event.headers.get("posthorn-tenant"))
    if not tenancy.is_id(tenant) or config.tenant(tenant) is None:
        raise NotFoundError("there is no such tenant")
    return tenant, asking.key_id


def _located(finding: Mapping[str, Any]) -> dict[str, Any]:
    """A finding with its location inside the body, or the parameter that it is about."""
    place, *rest = finding["loc"]
    if place in ("query", "path", "header") and rest:
        return {**finding, "parameter": str(rest[0])}
    return {**finding, "loc": rest if place == "body" else finding["loc"]}


def aware(name: str, moment: datetime | None) -> datetime | None:
    """The moment in UTC; InvalidError for a parameter without a time zone."""
    if moment is None:
        return None
    try:
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
        message = "needs a time zone, such as Z"
    except OverflowError:
        message = "is out of range"
    raise InvalidError(f"{name} {message}", [Violation(name, message)])
