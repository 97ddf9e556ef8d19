"""POST /v1/events: one event, or a batch of them; 202 once SQS has taken what is in the answer."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.utilities.typing import LambdaContext

from posthorn import catalogue, web
from posthorn.config_store import ConfigStore
from posthorn.errors import PosthornError
from posthorn.ingestion import Ingestion, batch_of, status_of
from posthorn.models import Event, Scope
from posthorn.problems import problem
from posthorn.queues import Queue
from posthorn.settings import Settings
from posthorn.tables import Table

logger = Logger()
app = web.resolver(logger)


@cache
def config() -> ConfigStore:
    settings = Settings.from_env(os.environ)
    return ConfigStore(Table(boto3.client("dynamodb"), settings.config_table_name))


@cache
def ingestion() -> Ingestion:
    settings = Settings.from_env(os.environ)
    return Ingestion(
        queue=Queue(boto3.client("sqs"), settings.event_queue_url),
        types=lambda tenant: catalogue.builtin(),
        now=lambda: datetime.now(UTC),
        chance=os.urandom,
    )


@app.post("/v1/events")
def publish(body: Annotated[dict[str, Any], Body()]) -> Response[str]:
    tenant, _ = web.acting(app, config(), Scope.EVENTS_WRITE)
    traceparent = app.current_event.headers.get("traceparent")
    batch = batch_of(body)
    results = ingestion().accept(tenant, batch or [body], traceparent=traceparent)
    accepted = [each for each in results if isinstance(each, Event)]
    logger.info("events taken", tenant=tenant, accepted=len(accepted), offered=len(results))
    if batch is not None:
        return web.answer(status_of(results), {"results": [_entry(each) for each in results]})
    if isinstance(results[0], PosthornError):
        raise results[0]
    return web.answer(202, _entry(results[0]))


def _entry(result: Event | PosthornError) -> Mapping[str, Any]:
    return {"id": result.id} if isinstance(result, Event) else {"error": problem(result)}


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return web.respond(app, event, context)
