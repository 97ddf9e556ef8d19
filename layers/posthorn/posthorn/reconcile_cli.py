"""Check that no delivery is lost: `python -m posthorn.reconcile_cli --stack-name …`.

Prints the expected and the existing deliveries of each tenant; exits with 1 when they differ.
"""

import argparse
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import boto3

from posthorn.monitoring.counters import hour_of
from posthorn.monitoring.reconciliation import Reconciliation, reconciliation
from posthorn.monitoring.reconciliation_report import Report

DEFAULT_HOURS = 24


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack-name", required=True)
    parser.add_argument("--tenant", help="one tenant; by default each that had events")
    parser.add_argument("--since", type=_time, help=f"by default {DEFAULT_HOURS} hours before")
    parser.add_argument("--until", type=_time, help="by default the last settled hour")
    parser.add_argument(
        "--each-event",
        action="store_true",
        help="with --tenant: read the whole table, and name each missing delivery",
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
        sys.stdout.writelines(f"{line}\n" for line in report.lines())
    sys.exit(not is_balanced)


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _of_stack(stack_name: str) -> Reconciliation:
    cloudformation = boto3.client("cloudformation")

    def physical_id(logical_id: str) -> str:
        answer = cloudformation.describe_stack_resource(
            StackName=stack_name, LogicalResourceId=logical_id
        )
        return answer["StackResourceDetail"].get("PhysicalResourceId", "")

    return reconciliation(
        boto3.client("dynamodb"),
        boto3.client("sqs"),
        config_table=physical_id("ConfigTable"),
        log_table=physical_id("LogTable"),
        retry_queue_url=physical_id("RetryQueue"),
    )


if __name__ == "__main__":
    main()
