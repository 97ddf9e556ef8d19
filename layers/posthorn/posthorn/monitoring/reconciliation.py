"""Reconciliation: the deliveries that events must have, compared with those in the log.

The expected deliveries are counted from LogTable's stream as events are recorded; the existing ones
come from the indexes of the log. The two sources are independent.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from posthorn.aws.config_table import ConfigStore
from posthorn.aws.dynamodb import Table
from posthorn.aws.sqs import Queue
from posthorn.core import ids
from posthorn.deliveries import items
from posthorn.deliveries.store import LogStore
from posthorn.dispatch.sweeper import GRACE
from posthorn.models import Delivery, DeliveryStatus, Endpoint
from posthorn.monitoring.counters import NO_ENDPOINT, Counts, StatsKey, hour_of
from posthorn.monitoring.inventory import DeliverySnapshot, Inventory
from posthorn.monitoring.overdue import Overdue, explained, is_overdue
from posthorn.monitoring.reconciliation_report import CountDifference, Findings, Report
from posthorn.monitoring.stats_store import StatsStore

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

# By then all events of an hour are recorded, their deliveries begun despite a crash, and counted.
SETTLED_AFTER = timedelta(hours=1)
MAX_OVERDUE = 1000  # examined in one run


@dataclass
class _LogCounts:
    """The deliveries of a tenant and range in the log."""

    by_key: Counter[StatsKey] = field(default_factory=Counter)
    by_status: Counter[DeliveryStatus] = field(default_factory=Counter)
    overdue: list[Delivery] = field(default_factory=list)
    inconsistent: list[Delivery] = field(default_factory=list)  # the two indexes differ


@dataclass(frozen=True)
class Reconciliation:
    config: ConfigStore
    log: LogStore
    inventory: Inventory
    stats: StatsStore
    retry_queue: Queue
    now: Callable[[], datetime]

    def closed_hours(self, count: int) -> tuple[datetime, datetime]:
        """The range of the last `count` settled hours."""
        until = hour_of(self.now() - SETTLED_AFTER)
        return until - timedelta(hours=count), until

    def run(self, since: datetime | None = None, until: datetime | None = None) -> Findings:
        """Check all tenants for these whole hours; by default the last two that are settled.

        Two, so that a run makes up for the one before it when that was lost.
        """
        if since is None or until is None:
            since, until = self.closed_hours(2)
        return Findings(tuple(self.check_all(since, until)), tuple(self.overdue()))

    def check_all(self, since: datetime, until: datetime) -> Iterator[Report]:
        """Check each tenant that had events in the range."""
        for tenant in self.config.tenants():
            if next(self.stats.rows(tenant.id, since, until), None):
                yield self.check(tenant.id, since, until)

    def check(
        self, tenant: str, since: datetime, until: datetime, *, each_event: bool = False
    ) -> Report:
        """Check whole hours. `each_event` reads the whole table to name missing deliveries."""
        counted = dict(self.stats.rows(tenant, since, until))
        endpoints = {each.id: each for each in self.config.endpoints(tenant)}
        deleted = self.config.deleted_endpoints(tenant, since=since)
        known = {*endpoints, *deleted, *(key.endpoint_id for key in counted)} - {NO_ENDPOINT}
        found = _LogCounts()
        for endpoint_id in sorted(known):
            self._count(tenant, endpoint_id, since, until, found)
        inconsistent = self._snapshots(found.inconsistent)
        return Report(
            tenant=tenant,
            since=since,
            until=until,
            events=sum(counts["events"] for counts in counted.values()),
            expected=sum(counts["wanted"] for counts in counted.values()),
            statuses={each: found.by_status[each] for each in DeliveryStatus},
            differences=tuple(_differences(counted, found.by_key)),
            in_two_states=tuple(each.delivery.id for each in inconsistent if len(each.states) > 1),
            overdue=tuple(self._explained(self._snapshots(found.overdue), endpoints)),
            missing=tuple(self._missing(tenant, since, until)) if each_event else None,
        )

    def overdue(self) -> list[Overdue]:
        """Explain the overdue deliveries of all tenants, of any age."""
        tasks = list(islice(self.log.due_before(self.now() - GRACE), MAX_OVERDUE))
        keys = (items.delivery_key(each.tenant, each.event_id, each.endpoint_id) for each in tasks)
        endpoints = {
            each.id: each
            for tenant in {task.tenant for task in tasks}
            for each in self.config.endpoints(tenant)
        }
        return self._explained(self.inventory.snapshots(keys), endpoints)

    def _count(
        self, tenant: str, endpoint_id: str, since: datetime, until: datetime, found: _LogCounts
    ) -> None:
        now = self.now()
        listed: dict[str, set[DeliveryStatus]] = {}
        for status in items.ATTENTION:
            for each in self.inventory.with_status(tenant, endpoint_id, status, since, until):
                listed.setdefault(each.id, set()).add(status)
        for each in self.inventory.deliveries(tenant, endpoint_id, since, until):
            hour = hour_of(each.created_at)
            found.by_key[StatsKey(tenant, hour, endpoint_id, each.event_type)] += 1
            found.by_status[each.status] += 1
            if listed.get(each.id, {DeliveryStatus.SUCCEEDED}) != {each.status}:
                found.inconsistent.append(each)
            if is_overdue(each, now):
                found.overdue.append(each)

    def _snapshots(self, deliveries: Iterable[Delivery]) -> Iterator[DeliverySnapshot]:
        """The current state of these deliveries, which indexes show with a delay."""
        return self.inventory.snapshots(
            items.delivery_key(each.tenant, each.event_id, each.endpoint_id) for each in deliveries
        )

    def _explained(
        self, snapshots: Iterator[DeliverySnapshot], endpoints: dict[str, Endpoint]
    ) -> list[Overdue]:
        found = list(snapshots)
        backlog = self.retry_queue.depth() if found else 0
        return explained(found, endpoints, backlog=backlog, now=self.now())

    def _missing(self, tenant: str, since: datetime, until: datetime) -> Iterator[str]:
        expected = {
            ids.delivery(event_id, endpoint_id): items.delivery_key(tenant, event_id, endpoint_id)
            for event_id, endpoint_ids in self.inventory.expected(tenant, since, until)
            for endpoint_id in endpoint_ids
        }
        found = {each.delivery.id for each in self.inventory.snapshots(expected.values())}
        yield from sorted(expected.keys() - found)


def _differences(
    counted: dict[StatsKey, Counts], found: Counter[StatsKey]
) -> Iterator[CountDifference]:
    for key in sorted({*counted, *found}, key=lambda each: (each.hour, each.endpoint_id)):
        counts = counted.get(key, Counts())
        if counts["wanted"] != found[key] and key.endpoint_id != NO_ENDPOINT:
            yield CountDifference(
                endpoint_id=key.endpoint_id,
                event_type=key.event_type,
                hour=key.hour,
                expected=counts["wanted"],
                begun=counts["created"],
                found=found[key],
            )


def reconciliation(
    dynamodb: "DynamoDBClient",
    sqs: "SQSClient",
    *,
    config_table: str,
    log_table: str,
    retry_queue_url: str,
) -> Reconciliation:
    """Assemble the check of a stack."""
    table = Table(dynamodb, log_table)
    return Reconciliation(
        config=ConfigStore(Table(dynamodb, config_table)),
        log=LogStore(table),
        inventory=Inventory(table),
        stats=StatsStore(table),
        retry_queue=Queue(sqs, retry_queue_url),
        now=partial(datetime.now, UTC),
    )
