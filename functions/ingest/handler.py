"""POST /v1/events: publishes one event or a batch. 202 means that SQS has accepted them.

Accepts CloudEvents 1.0 in each of the content modes as well.
"""

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from typing import Annotated, Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.utilities.typing import LambdaContext

from posthorn.aws.config_table import ConfigStore
from posthorn.aws.dynamodb import Table
from posthorn.aws.sqs import Queue
from posthorn.core.errors import MalformedError, PosthornError
from posthorn.core.settings import Settings
from posthorn.events.catalogue import KnownTypes
from posthorn.events.cloudevents import (
    JSON_TYPE,
    ContentMode,
    content_mode,
    read_binary,
    read_structured,
)
from posthorn.events.ingestion import Ingestion, batch_of, status_of
from posthorn.http_api import publish_operation
from posthorn.http_api.publish_operation import Accepted, BatchResult
from posthorn.http_api.requests import acting, answer, as_json, parsed_batch, resolver, respond
from posthorn.models import Event, Scope

logger = Logger()
now = partial(datetime.now, UTC)
app = resolver(logger, parse=parsed_batch)


@cache
def config() -> ConfigStore:
    settings = Settings.from_env(os.environ)
    return ConfigStore(Table(boto3.client("dynamodb"), settings.config_table_name))


@cache
def ingestion() -> Ingestion:
    settings = Settings.from_env(os.environ)
    return Ingestion(
        queue=Queue(boto3.client("sqs"), settings.event_queue_url),
        find_type=KnownTypes(config(), now).find,
        now=now,
        random_bytes=os.urandom,
    )


@app.post("/v1/events")
def publish(body: Annotated[dict[str, Any], Body()]) -> Response[Accepted | BatchResult]:
    tenant, _ = acting(app, config(), Scope.EVENTS_WRITE)
    headers = app.current_event.headers
    mode = app.context["mode"]
    if mode is ContentMode.BINARY:
        if set(body) != {"data"}:
            raise MalformedError("the body is not valid JSON")
        body = body["data"]
    batch = batch_of(body) if mode in (None, ContentMode.BATCH) else None
    results = ingestion().accept(
        tenant,
        batch or [body],
        read=_reader(mode, headers),
        traceparent=headers.get("traceparent"),
    )
    accepted = [each for each in results if isinstance(each, Event)]
    logger.info("events accepted", tenant=tenant, accepted=len(accepted), offered=len(results))
    if batch is not None:
        entries = [publish_operation.entry(each) for each in results]
        return answer(BatchResult(results=entries), status_of(results))
    if isinstance(results[0], PosthornError):
        raise results[0]
    return answer(publish_operation.accepted(results[0]), 202)


def _reader(mode: ContentMode | None, headers: Mapping[str, str]) -> Callable[[Any], Any]:
    if mode is None:
        return lambda item: item
    return partial(read_binary, headers) if mode is ContentMode.BINARY else read_structured


def _as_json(event: dict[str, Any]) -> dict[str, Any]:
    mode = content_mode(event["headers"])
    app.context["mode"] = mode
    if mode is None:
        return as_json(event)
    event = as_json(event, JSON_TYPE)
    if mode is ContentMode.BINARY:  # the data may be any JSON, or missing
        return {**event, "body": f'{{"data":{event.get("body") or "null"}}}'}
    if mode is ContentMode.BATCH and event.get("body"):
        # The event handler reads objects only, and a batch of Posthorn's own is an object.
        return {**event, "body": f'{{"events":{event["body"]}}}'}
    return event


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return respond(app, event, context, logger=logger, read=_as_json)
