"""LogTable's stream: what happened to events and deliveries is counted."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from posthorn import wiring
from posthorn.deliveries.stream import StreamChange

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    # Lambda names the shard because the mapping has a window. A stream of one shard needs no name.
    shard = event.get("shardId", "")
    counted = wiring.counting().count(shard, map(StreamChange.of, event["Records"]))
    for number in counted.unreadable:
        logger.error("record unreadable", shard=shard, sequence_number=str(number))
    metrics.add_metric("UnreadableRecords", MetricUnit.Count, len(counted.unreadable))
    logger.info("counted", shard=shard, facts=counted.facts, rows=counted.rows)
    return {"state": {}}  # of the window; nothing is kept there, but Lambda wants it
