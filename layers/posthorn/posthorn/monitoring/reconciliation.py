"""Conservation, checked: what events wanted is what the log has, each in one state (design.md §4).

What was wanted is counted from LogTable's stream as events are recorded; what there is, from the
indexes of the log as it stands. Two sources that know nothing of each other.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from pydantic import Field

from posthorn.aws.config_table import ConfigStore
from posthorn.aws.sqs import Queue
from posthorn.core import ids
from posthorn.deliveries import items
from posthorn.deliveries.store import LogStore
from posthorn.dispatch.sweeper import GRACE
from posthorn.models import Delivery, DeliveryStatus, Endpoint, Model, Time
from posthorn.monitoring.counters import NOBODY, Counts, StatsKey, hour_of
from posthorn.monitoring.inventory import DeliverySnapshot, Inventory
from posthorn.monitoring.overdue import Overdue, explained, is_overdue
from posthorn.monitoring.stats_store import StatsStore

# Recorded, begun after a crash or two, and counted: after this nothing of an hour is still to come.
SETTLED_AFTER = timedelta(hours=1)
MOST_OVERDUE = 1000  # looked at in one run: more than that is one thing to say


class CountDifference(Model):
    """An hour of an endpoint and type in which the numbers are not the same."""

    endpoint_id: str
    event_type: str
    hour: Time
    wanted: int
    begun: int = Field(description="Deliveries that the statistics have seen begin")
    found: int = Field(description="Deliveries that the log has")


class Report(Model):
    """What a check of one tenant and range has found."""

    tenant: str
    since: Time
    until: Time
    events: int
    wanted: int
    statuses: dict[DeliveryStatus, int]
    differences: tuple[CountDifference, ...]
    in_two_states: tuple[str, ...]  # ids of deliveries
    overdue: tuple[Overdue, ...]
    missing: tuple[str, ...] | None = None  # ids of deliveries, where each event was looked at

    @property
    def found(self) -> int:
        return sum(self.statuses.values())

    @property
    def unaccounted(self) -> int:
        """How many deliveries are missing, too many, or in two states."""
        apart = sum(abs(each.wanted - each.found) for each in self.differences)
        return max(apart, len(self.missing or ())) + len(self.in_two_states)

    @property
    def unexplained(self) -> tuple[Overdue, ...]:
        return tuple(each for each in self.overdue if each.explanation is None)

    @property
    def is_balanced(self) -> bool:
        return not self.unaccounted and not self.unexplained


@dataclass(frozen=True)
class Findings:
    """What a check of all tenants has found; `overdue` are theirs, whenever created."""

    reports: tuple[Report, ...]
    overdue: tuple[Overdue, ...]

    @property
    def unaccounted(self) -> int:
        return sum(each.unaccounted for each in self.reports)

    @property
    def unexplained(self) -> tuple[Overdue, ...]:
        found = (*self.overdue, *(each for report in self.reports for each in report.unexplained))
        return tuple({e.delivery_id: e for e in found if e.explanation is None}.values())


@dataclass
class _Stock:
    """What the log has of a tenant in a range."""

    by_cell: Counter[StatsKey] = field(default_factory=Counter)
    by_status: Counter[DeliveryStatus] = field(default_factory=Counter)
    overdue: list[Delivery] = field(default_factory=list)
    doubtful: list[Delivery] = field(default_factory=list)  # indexes do not agree about these


@dataclass(frozen=True)
class Reconciliation:
    config: ConfigStore
    log: LogStore
    census: Inventory
    stats: StatsStore
    retry_queue: Queue
    now: Callable[[], datetime]

    def closed_hours(self, count: int) -> tuple[datetime, datetime]:
        """The last hours of which nothing is still to come."""
        until = hour_of(self.now() - SETTLED_AFTER)
        return until - timedelta(hours=count), until

    def run(self, since: datetime | None = None, until: datetime | None = None) -> Findings:
        """Check all tenants: of these whole hours, or of those that have just closed.

        A run looks at two, so that the next one makes up for one that was lost.
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
        """Check whole hours. `each_event` reads the whole table, and names what is missing."""
        counted = dict(self.stats.rows(tenant, since, until))
        endpoints = {each.id: each for each in self.config.endpoints(tenant)}
        deleted = self.config.deleted_endpoints(tenant, since=since)
        known = {*endpoints, *deleted, *(cell.endpoint_id for cell in counted)} - {NOBODY}
        stock = _Stock()
        for endpoint_id in sorted(known):
            self._take_stock(tenant, endpoint_id, since, until, stock)
        return Report(
            tenant=tenant,
            since=since,
            until=until,
            events=sum(counts["events"] for counts in counted.values()),
            wanted=sum(counts["wanted"] for counts in counted.values()),
            statuses={each: stock.by_status[each] for each in DeliveryStatus},
            differences=tuple(_differences(counted, stock.by_cell)),
            in_two_states=tuple(
                each.delivery.id for each in self._standing(stock.doubtful) if len(each.states) > 1
            ),
            overdue=tuple(self._explained(self._standing(stock.overdue), endpoints)),
            missing=tuple(self._missing(tenant, since, until)) if each_event else None,
        )

    def overdue(self) -> list[Overdue]:
        """Explain the overdue deliveries of all tenants, whenever they were created."""
        tasks = list(islice(self.log.due_before(self.now() - GRACE), MOST_OVERDUE))
        keys = (items.delivery_key(each.tenant, each.event_id, each.endpoint_id) for each in tasks)
        endpoints = {
            each.id: each
            for tenant in {task.tenant for task in tasks}
            for each in self.config.endpoints(tenant)
        }
        return self._explained(self.census.standings(keys), endpoints)

    def _take_stock(
        self, tenant: str, endpoint_id: str, since: datetime, until: datetime, stock: _Stock
    ) -> None:
        now = self.now()
        listed: dict[str, set[DeliveryStatus]] = {}
        for status in items.ATTENTION:
            for each in self.census.listed(tenant, endpoint_id, status, since, until):
                listed.setdefault(each.id, set()).add(status)
        for each in self.census.deliveries(tenant, endpoint_id, since, until):
            stock.by_cell[
                StatsKey(tenant, hour_of(each.created_at), endpoint_id, each.event_type)
            ] += 1
            stock.by_status[each.status] += 1
            if listed.get(each.id, {DeliveryStatus.SUCCEEDED}) != {each.status}:
                stock.doubtful.append(each)
            if is_overdue(each, now):
                stock.overdue.append(each)

    def _standing(self, deliveries: Iterable[Delivery]) -> Iterator[DeliverySnapshot]:
        """How these stand now: what an index said may be over."""
        return self.census.standings(
            items.delivery_key(each.tenant, each.event_id, each.endpoint_id) for each in deliveries
        )

    def _explained(
        self, standings: Iterator[DeliverySnapshot], endpoints: dict[str, Endpoint]
    ) -> list[Overdue]:
        found = list(standings)
        backlog = self.retry_queue.depth() if found else 0
        return explained(found, endpoints, backlog=backlog, now=self.now())

    def _missing(self, tenant: str, since: datetime, until: datetime) -> Iterator[str]:
        wanted = {
            ids.delivery(event_id, endpoint_id): items.delivery_key(tenant, event_id, endpoint_id)
            for event_id, wanting in self.census.wanted(tenant, since, until)
            for endpoint_id in wanting
        }
        there = {each.delivery.id for each in self.census.standings(wanted.values())}
        yield from sorted(wanted.keys() - there)


def _differences(
    counted: dict[StatsKey, Counts], found: Counter[StatsKey]
) -> Iterator[CountDifference]:
    for cell in sorted({*counted, *found}, key=lambda each: (each.hour, each.endpoint_id)):
        counts = counted.get(cell, Counts())
        if counts["wanted"] != found[cell] and cell.endpoint_id != NOBODY:
            yield CountDifference(
                endpoint_id=cell.endpoint_id,
                event_type=cell.event_type,
                hour=cell.hour,
                wanted=counts["wanted"],
                begun=counts["created"],
                found=found[cell],
            )
