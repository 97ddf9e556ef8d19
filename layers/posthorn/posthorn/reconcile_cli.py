"""Check conservation from the command line: `python -m posthorn.conservation_check …`.

Prints what each tenant's events wanted, and what the log has; ends with 1 where they differ.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import boto3

from posthorn.aws.config_table import ConfigStore
from posthorn.aws.dynamodb import Table
from posthorn.aws.sqs import Queue
from posthorn.deliveries.store import LogStore
from posthorn.models import iso
from posthorn.monitoring.counters import hour_of
from posthorn.monitoring.inventory import Inventory
from posthorn.monitoring.reconciliation import Reconciliation, Report
from posthorn.monitoring.stats_store import StatsStore

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

DEFAULT_HOURS = 24


def conservation(
    dynamodb: "DynamoDBClient",
    sqs: "SQSClient",
    *,
    config_table: str,
    log_table: str,
    retry_queue_url: str,
) -> Reconciliation:
    """The check of a stack, reached with these clients."""
    table = Table(dynamodb, log_table)
    return Reconciliation(
        config=ConfigStore(Table(dynamodb, config_table)),
        log=LogStore(table),
        census=Inventory(table),
        stats=StatsStore(table),
        retry_queue=Queue(sqs, retry_queue_url),
        now=lambda: datetime.now(UTC),
    )


def told(report: Report) -> Iterator[str]:
    """The report in lines for people."""
    states = ", ".join(f"{count} {status}" for status, count in report.statuses.items() if count)
    verdict = "conserved" if report.is_balanced else "NOT CONSERVED"
    yield (
        f"{report.tenant}  {iso(report.since)} to {iso(report.until)}  {report.events} events "
        f"wanted {report.wanted} deliveries; the log has {report.found}"
        f"{f' ({states})' if states else ''}: {verdict}"
    )
    for each in report.differences:
        yield (
            f"  {iso(each.hour)} {each.endpoint_id} {each.event_type}: wanted {each.wanted}, "
            f"begun {each.begun}, found {each.found}"
        )
    for delivery_id in report.missing or ():
        yield f"  missing: {delivery_id}"
    for delivery_id in report.in_two_states:
        yield f"  in two states: {delivery_id}"
    for overdue in report.overdue:
        due = iso(overdue.due_at) if overdue.due_at else "never due"
        yield f"  overdue: {overdue.delivery_id} ({due}): {overdue.explanation or 'UNEXPLAINED'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack-name", required=True)
    parser.add_argument("--tenant", help="one tenant; otherwise each that had events")
    parser.add_argument("--since", type=_moment, help=f"otherwise {DEFAULT_HOURS} hours before")
    parser.add_argument("--until", type=_moment, help="otherwise the last hour that has settled")
    parser.add_argument(
        "--each-event",
        action="store_true",
        help="with a tenant: read the whole table, and name each missing delivery",
    )
    arguments = parser.parse_args()
    check = _of_stack(arguments.stack_name)
    until = arguments.until or check.closed_hours(1)[1]
    since = hour_of(arguments.since or until - timedelta(hours=DEFAULT_HOURS))
    reports: Iterable[Report] = (
        [check.check(arguments.tenant, since, until, each_event=arguments.each_event)]
        if arguments.tenant
        else check.check_all(since, until)
    )
    is_balanced = True
    for report in reports:
        is_balanced &= report.is_balanced
        sys.stdout.writelines(f"{line}\n" for line in told(report))
    sys.exit(not is_balanced)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _of_stack(stack_name: str) -> Reconciliation:
    cloudformation = boto3.client("cloudformation")

    def physical_id(logical_id: str) -> str:
        answer = cloudformation.describe_stack_resource(
            StackName=stack_name, LogicalResourceId=logical_id
        )
        return answer["StackResourceDetail"].get("PhysicalResourceId", "")

    return conservation(
        boto3.client("dynamodb"),
        boto3.client("sqs"),
        config_table=physical_id("ConfigTable"),
        log_table=physical_id("LogTable"),
        retry_queue_url=physical_id("RetryQueue"),
    )


if __name__ == "__main__":
    main()
