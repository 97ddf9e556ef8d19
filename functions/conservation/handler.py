"""Every hour: checks that the log has every expected delivery, and that none is stuck."""

import os
from datetime import datetime
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from posthorn.core.settings import Settings
from posthorn.monitoring.reconciliation import Reconciliation, reconciliation

MAX_LOGGED = 20  # lines about single deliveries; the metrics have their number

logger = Logger()
metrics = Metrics()


@cache
def check() -> Reconciliation:
    settings = Settings.from_env(os.environ)
    return reconciliation(
        boto3.client("dynamodb"),
        boto3.client("sqs"),
        config_table=settings.config_table_name,
        log_table=settings.log_table_name,
        retry_queue_url=settings.retry_queue_url,
    )


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Check the hours that have just settled, or those from `since` to `until` of the event."""
    asked = [datetime.fromisoformat(event[name]) for name in ("since", "until") if name in event]
    findings = check().run(*asked)
    for report in findings.reports:
        if not report.is_balanced:
            lines = list(report.lines())[:MAX_LOGGED]
            logger.error("deliveries unaccounted for", tenant=report.tenant, lines=lines)
    for overdue in findings.unexplained[:MAX_LOGGED]:
        logger.error("overdue without a reason", **overdue.model_dump(mode="json"))
    metrics.add_metric("UnaccountedDeliveries", MetricUnit.Count, findings.unaccounted)
    metrics.add_metric("UnexplainedOverdueDeliveries", MetricUnit.Count, len(findings.unexplained))
    logger.info(
        "conservation checked",
        tenants=len(findings.reports),
        expected=sum(each.expected for each in findings.reports),
        found=sum(each.found for each in findings.reports),
        unaccounted=findings.unaccounted,
        overdue=len(findings.overdue),
        unexplained=len(findings.unexplained),
    )
