"""LogTable's stream: counts events and deliveries, and completes jobs."""

import os
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from posthorn.aws.dynamodb import Table
from posthorn.aws.stream_counters import StreamCounters
from posthorn.core.settings import Settings
from posthorn.deliveries.stream import StreamChange
from posthorn.jobs.store import JobStore
from posthorn.jobs.tracker import JobTracker
from posthorn.monitoring.stats_store import StatsStore
from posthorn.monitoring.stream_consumer import StreamConsumer

logger = Logger()
metrics = Metrics()


@cache
def stream_consumer() -> StreamConsumer:
    table = Table(boto3.client("dynamodb"), Settings.from_env(os.environ).log_table_name)
    tracker = JobTracker(JobStore(table), StreamCounters(table), partial(datetime.now, UTC))
    return StreamConsumer(StatsStore(table), tracker)


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    # Lambda names the shard because the mapping has a window. A stream of one shard needs no name.
    shard = event.get("shardId", "")
    counted = stream_consumer().count(shard, map(StreamChange.of, event["Records"]))
    for number in counted.unreadable:
        logger.error("record unreadable", shard=shard, sequence_number=str(number))
    metrics.add_metric("UnreadableRecords", MetricUnit.Count, len(counted.unreadable))
    logger.info("counted", shard=shard, facts=counted.facts, rows=counted.rows)
    return {"state": {}}  # the window needs a state, which is not used
