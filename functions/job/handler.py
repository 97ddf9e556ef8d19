"""One step of a job, called by statemachines/job.asl.json; the answer is the next call's input."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from posthorn.aws.config_table import ConfigStore
from posthorn.aws.dynamodb import Table
from posthorn.aws.s3 import CONFIG, ExportBucket
from posthorn.aws.sqs import Queue
from posthorn.aws.step_functions import StateMachine
from posthorn.aws.stream_counters import StreamCounters
from posthorn.core.settings import Settings
from posthorn.deliveries.items import ENDPOINT_SHARDS
from posthorn.deliveries.queries import LogLists
from posthorn.deliveries.reader import DeliveryReader
from posthorn.deliveries.store import LogStore
from posthorn.jobs.export import Exporter, ExportStore
from posthorn.jobs.model import JobKind
from posthorn.jobs.replay import ReplayStep
from posthorn.jobs.runner import JobExecutions, JobRun, JobRunner, StepResult
from posthorn.jobs.store import JobStore
from posthorn.jobs.tracker import JobTracker
from posthorn.models import EffectiveLimits
from posthorn.tenants.tenants import TenantService

logger = Logger()
now = partial(datetime.now, UTC)


@cache
def runner() -> JobRunner:
    settings = Settings.from_env(os.environ)
    dynamodb = boto3.client("dynamodb")
    table = Table(dynamodb, settings.log_table_name)
    config = ConfigStore(Table(dynamodb, settings.config_table_name))
    lists = LogLists(table, ThreadPoolExecutor(ENDPOINT_SHARDS, thread_name_prefix="read"))
    log, jobs = LogStore(table), JobStore(table)
    limits = TenantService(config, EffectiveLimits(settings.retention_days), now).limits
    bucket = ExportBucket(boto3.client("s3", config=CONFIG), settings.export_bucket_name)
    exporter = Exporter(
        reader=DeliveryReader(config=config, log=log, lists=lists, limits=limits, now=now),
        lists=lists,
        jobs=jobs,
        store=ExportStore(table),
        bucket=bucket,
    )
    replay = ReplayStep(
        config=config,
        log=log,
        lists=lists,
        jobs=jobs,
        retry_queue=Queue(boto3.client("sqs"), settings.retry_queue_url),
        now=now,
    )
    machine = StateMachine(boto3.client("stepfunctions"), settings.job_state_machine_arn)
    return JobRunner(
        jobs=jobs,
        executions=JobExecutions(machine),
        tracker=JobTracker(jobs, StreamCounters(table), now),
        kinds=dict.fromkeys(JobKind, replay.step) | {JobKind.EXPORT: exporter.step},
        now=now,
    )


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    result = runner().step(JobRun.model_validate(event))
    _log(result)
    return result.run.model_dump(mode="json")


def _log(result: StepResult) -> None:
    run, job, done = result.run, result.job, result.batch
    logger.info(
        "job stepped",
        tenant=run.tenant,
        job_id=run.job_id,
        run=run.run,
        kind=job and job.kind,
        status=job and job.status,
        started=done.started if done else 0,
        skipped=dict(done.skipped) if done else {},
        started_so_far=job and job.started,
        matched=job and job.matched,
        done=run.done,
        wait_seconds=run.wait_seconds,
    )
