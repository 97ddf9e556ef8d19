"""The HTTP API, but for publishing: routes by resource, refusals in one place (web.py)."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from api import admin, catalogue, docs, endpoints, history, jobs, log, portal, stats, trial
from posthorn.http_api import openapi, publish_operation
from posthorn.http_api import requests as web

logger = Logger()
app = web.resolver(logger)
app.include_router(endpoints.router)
app.include_router(history.router)
app.include_router(trial.router)
app.include_router(catalogue.router)
app.include_router(log.router)
app.include_router(stats.router)
app.include_router(portal.router)
app.include_router(jobs.router)
app.include_router(admin.router)


@app.get("/openapi.json", include_in_schema=False)
def openapi_document() -> dict[str, Any]:
    return description()


@app.get("/docs", include_in_schema=False)
def pages() -> Response[str]:
    return docs.answer(description())


@cache
def description() -> dict[str, Any]:
    return openapi.document(publish_operation.app, app)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return web.respond(app, event, context, logger=logger)
