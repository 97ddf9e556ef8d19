"""Reconciliation of the local stack, as `make conservation` does it for a deployed one."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from local.emulation.emulator import Emulator
from local.screen import say
from posthorn.deliveries.state import WAITING
from posthorn.monitoring.counters import hour_of
from posthorn.monitoring.reconciliation import reconciliation
from posthorn.monitoring.reconciliation_report import Report

WAIT_SECONDS = 30
POLL_SECONDS = 0.5
LOOKED_BACK = timedelta(hours=28)  # includes the demo's past day (past.py)


def conserved(stack: Mapping[str, Any], tenant: str, *, events: int) -> bool:
    """Wait until so many events are counted and delivered, then print the result of the check.

    `stack` is the content of stack.json. After WAIT_SECONDS the result is printed anyway.
    """
    emulator = Emulator.at(stack["emulator_url"])
    check = reconciliation(
        emulator.client("dynamodb"),
        emulator.client("sqs"),
        config_table=stack["config_table"],
        log_table=stack["log_table"],
        retry_queue_url=stack["retry_queue_url"],
    )
    until = hour_of(datetime.now(UTC)) + timedelta(hours=2)
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        report = check.check(tenant, until - LOOKED_BACK, until)
        if _is_settled(report, events) or time.monotonic() > deadline:
            break
        time.sleep(POLL_SECONDS)
    for line in report.lines():
        say(line)
    return report.is_balanced and report.events == events


def _is_settled(report: Report, events: int) -> bool:
    unfinished = sum(report.statuses[each] for each in WAITING)
    return report.is_balanced and report.events == events and not unfinished
