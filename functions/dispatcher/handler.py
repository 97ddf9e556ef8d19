"""Handles messages of EventQueue and RetryQueue; a failed message is returned on its own."""

import asyncio
import os
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import boto3
from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    AsyncBatchProcessor,
    EventType,
    async_process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from posthorn.aws.config_table import ConfigStore
from posthorn.aws.dynamodb import Table
from posthorn.aws.eventbridge import Announcer
from posthorn.aws.kms import Vault
from posthorn.aws.sqs import Queue
from posthorn.aws.step_functions import StateMachine
from posthorn.core.errors import UnavailableError
from posthorn.core.settings import Settings
from posthorn.deliveries.store import LogStore
from posthorn.dispatch.attempt import attempter
from posthorn.dispatch.concurrency import ConcurrencyLimiter
from posthorn.dispatch.dispatcher import AttemptReport, Dispatcher, MessageContext
from posthorn.dispatch.endpoint_health import EndpointHealth
from posthorn.dispatch.retry_timer import RetryTimer
from posthorn.dispatch.tenant_cache import TenantCache, TenantConfig
from posthorn.models import EffectiveLimits, Event, FanOut, Task, iso

MESSAGES_AT_ONCE = 10  # the size of a batch (template.yaml); each message has a thread,
ATTEMPTS_AT_ONCE = 50  # and each of their requests another one

logger = Logger()
now = partial(datetime.now, UTC)
messages = ThreadPoolExecutor(MESSAGES_AT_ONCE, thread_name_prefix="message")


@cache
def settings() -> Settings:
    return Settings.from_env(os.environ)


@cache
def dispatcher() -> Dispatcher:
    config = Config(max_pool_connections=ATTEMPTS_AT_ONCE, retries={"mode": "standard"})
    dynamodb = boto3.client("dynamodb", config=config)
    vault = Vault(boto3.client("kms", config=config), settings().secrets_key_arn)
    store = ConfigStore(Table(dynamodb, settings().config_table_name))
    announcer = Announcer(boto3.client("events", config=config), settings().operations_bus_name)
    retry_queue = Queue(boto3.client("sqs", config=config), settings().retry_queue_url)
    return Dispatcher(
        config=store,
        endpoint_health=EndpointHealth(store, announcer, now),
        announcer=announcer,
        log=LogStore(Table(dynamodb, settings().log_table_name)),
        retry_queue=retry_queue,
        timer=RetryTimer(
            StateMachine(
                boto3.client("stepfunctions", config=config), settings().retry_state_machine_arn
            ),
            retry_queue,
            now=now,
            failed=_log_lost_wake_up,
        ),
        attempter=attempter(vault, settings(), now),
        limiter=ConcurrencyLimiter(),
        pool=ThreadPoolExecutor(ATTEMPTS_AT_ONCE, thread_name_prefix="attempt"),
        now=now,
        jitter=lambda: random.uniform(-1, 1),  # noqa: S311 - spreads load, guards nothing
    )


@cache
def tenants() -> TenantCache:
    return TenantCache(dispatcher().config, EffectiveLimits(settings().retention_days), now)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> Any:
    tenant = tenants().for_batch()

    async def handle(record: SQSRecord) -> None:
        work = partial(_handle, record, context, tenant)
        await asyncio.get_running_loop().run_in_executor(messages, work)

    return async_process_partial_response(
        event=event,
        record_handler=handle,
        processor=AsyncBatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False),
        context=context,
    )


def _handle(
    record: SQSRecord, context: LambdaContext, tenant: Callable[[str], TenantConfig]
) -> None:
    message = MessageContext(
        message_id=record.message_id,
        tenant=tenant,
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
        report=_log,
        report_refusal=_log_refusal,
    )
    queue, retry_queue = record.event_source_arn.rpartition(":"), settings().retry_queue_url
    try:
        if queue[2] != retry_queue.rpartition("/")[2]:
            dispatcher().take_event(Event.model_validate_json(record.body), message)
        elif "fan_out_event_id" in record.json_body:
            dispatcher().take_fan_out(FanOut.model_validate_json(record.body), message)
        else:
            dispatcher().take_task(Task.model_validate_json(record.body), message)
    except Exception:
        logger.exception("message failed", message_id=record.message_id)
        raise


def _log(done: AttemptReport) -> None:
    delivery, attempt = done.delivery, done.attempt
    logger.info(
        "delivery attempted",
        tenant=delivery.tenant,
        event_id=delivery.event_id,
        event_type=delivery.event_type,
        endpoint_id=delivery.endpoint_id,
        endpoint_name=done.endpoint_name,
        delivery_id=delivery.id,
        attempt=attempt.number,
        trigger=attempt.trigger,
        outcome=attempt.outcome,
        status_code=delivery.last_status_code,
        duration_ms=attempt.duration_ms,
        delivery_status=delivery.status,
        next_attempt_at=delivery.next_attempt_at and iso(delivery.next_attempt_at),
    )


def _log_refusal(event: Event, count: int) -> None:
    logger.warning(
        "publication refused",
        tenant=event.tenant,
        event_id=event.id,
        event_type=event.type,
        count=count,
    )
    with single_metric("RefusedPublications", MetricUnit.Count, 1):
        pass


def _log_lost_wake_up(error: UnavailableError) -> None:
    """The delivery is recorded with its due time: the sweeper queues it when that has passed."""
    logger.warning("wake-up not scheduled", detail=error.detail)
    with single_metric("LostWakeUps", MetricUnit.Count, 1):
        pass
