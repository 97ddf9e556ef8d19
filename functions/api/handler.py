"""The HTTP API without publishing, which the ingest function serves."""

from functools import cache
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from api import admin, catalogue, endpoint_tests, endpoints, jobs, log, portal, stats
from api.routing import logger, router
from posthorn.http_api import openapi, publish_operation
from posthorn.http_api.requests import resolver, respond

# Each of these modules has added its routes to the router.
RESOURCES = (endpoints, endpoint_tests, catalogue, log, stats, portal, jobs, admin)
app = resolver(logger)
app.include_router(router)


@app.get("/openapi.json", include_in_schema=False)
def openapi_document() -> dict[str, Any]:
    return description()


@app.get("/docs", include_in_schema=False)
def pages() -> Response[str]:
    from api import docs  # with jinja2, which no other route needs

    return docs.answer(description())


@cache
def description() -> dict[str, Any]:
    return openapi.document(publish_operation.app, app)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return respond(app, event, context, logger=logger)
