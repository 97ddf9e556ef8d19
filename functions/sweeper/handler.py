"""Queues due deliveries: those of a cell for its execution, and each minute those overdue."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from posthorn.aws.dynamodb import Table
from posthorn.aws.sqs import Queue
from posthorn.aws.step_functions import StateMachine
from posthorn.core.settings import Settings
from posthorn.deliveries.store import LogStore
from posthorn.dispatch.sweeper import Sweeper
from posthorn.jobs.runner import JobExecutions, JobRecovery
from posthorn.jobs.store import JobStore

CALLS_AT_ONCE = 10

logger = Logger()
metrics = Metrics()


@cache
def sweeper() -> Sweeper:
    settings = Settings.from_env(os.environ)
    config = Config(max_pool_connections=CALLS_AT_ONCE, retries={"mode": "standard"})
    table = Table(boto3.client("dynamodb", config=config), settings.log_table_name)
    now = partial(datetime.now, UTC)
    machine = StateMachine(boto3.client("stepfunctions"), settings.job_state_machine_arn)
    return Sweeper(
        log=LogStore(table),
        retry_queue=Queue(boto3.client("sqs", config=config), settings.retry_queue_url),
        restart_jobs=JobRecovery(JobStore(table), JobExecutions(machine), now).restarted_ids,
        pool=ThreadPoolExecutor(CALLS_AT_ONCE),
        now=now,
    )


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any] | None:
    """Wake the deliveries due from `from` to `to`, as the state machine asks; otherwise sweep."""
    if "from" in event:
        woken = sweeper().wake(event["from"], event["to"])
        logger.info("woken", cell=event["to"], queued=woken.queued, more=woken.more)
        return {"from": woken.continue_from, "to": event["to"], "more": woken.more}
    swept = sweeper().sweep()
    metrics.add_metric("OverdueDeliveries", MetricUnit.Count, swept.requeued)
    metrics.add_metric("RestartedJobs", MetricUnit.Count, len(swept.restarted))
    metrics.flush_metrics()
    logger.info(
        "swept", requeued=swept.requeued, more=swept.more, restarted_jobs=list(swept.restarted)
    )
    return None
