"""Every five minutes: what is overdue goes back on RetryQueue."""

import os
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from posthorn.aws.dynamodb import Table
from posthorn.aws.sqs import Queue
from posthorn.aws.step_functions import StateMachine
from posthorn.core.settings import Settings
from posthorn.deliveries.store import LogStore
from posthorn.dispatch.sweeper import Sweeper
from posthorn.jobs.runner import JobExecutions, JobRecovery
from posthorn.jobs.store import JobStore

logger = Logger()
metrics = Metrics()


@cache
def sweeper() -> Sweeper:
    settings = Settings.from_env(os.environ)
    table = Table(boto3.client("dynamodb"), settings.log_table_name)
    machine = StateMachine(boto3.client("stepfunctions"), settings.job_state_machine_arn)
    return Sweeper(
        log=LogStore(table),
        retry_queue=Queue(boto3.client("sqs"), settings.retry_queue_url),
        restart_jobs=JobRecovery(JobStore(table), JobExecutions(machine), _now).restarted_ids,
        now=_now,
    )


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    swept = sweeper().sweep()
    metrics.add_metric("OverdueDeliveries", MetricUnit.Count, swept.requeued)
    metrics.add_metric("RestartedJobs", MetricUnit.Count, len(swept.restarted))
    logger.info(
        "swept", requeued=swept.requeued, more=swept.more, restarted_jobs=list(swept.restarted)
    )


def _now() -> datetime:
    return datetime.now(UTC)
