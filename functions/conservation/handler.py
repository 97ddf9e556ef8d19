"""Every hour: whether the log has every delivery that an event wanted, and none is stuck."""

from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from posthorn import wiring
from posthorn.reconcile_cli import told

MOST_TOLD = 20  # lines about single deliveries: the metric has their number

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Check the hours that have just closed, or from `since` to `until` of the event."""
    asked = [datetime.fromisoformat(event[name]) for name in ("since", "until") if name in event]
    findings = wiring.conservation().run(*asked)
    for report in findings.reports:
        if not report.is_balanced:
            logger.error("not conserved", tenant=report.tenant, told=list(told(report))[:MOST_TOLD])
    for overdue in findings.unexplained[:MOST_TOLD]:
        logger.error("overdue without a reason", **overdue.model_dump(mode="json"))
    metrics.add_metric("UnaccountedDeliveries", MetricUnit.Count, findings.unaccounted)
    metrics.add_metric("UnexplainedOverdueDeliveries", MetricUnit.Count, len(findings.unexplained))
    logger.info(
        "conservation checked",
        tenants=len(findings.reports),
        wanted=sum(each.wanted for each in findings.reports),
        found=sum(each.found for each in findings.reports),
        unaccounted=findings.unaccounted,
        overdue=len(findings.overdue),
        unexplained=len(findings.unexplained),
    )
