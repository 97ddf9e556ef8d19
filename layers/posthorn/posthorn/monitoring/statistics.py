"""Statistics of a tenant's deliveries: over time, and by status, endpoint, type or outcome.

A delivery belongs to the hour in which its event was recorded, and counts with its current status.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from posthorn.aws.config_table import ConfigStore
from posthorn.core import ids
from posthorn.core.errors import InvalidError, Violation
from posthorn.models import DeliveryStatus, Outcome
from posthorn.monitoring.counters import NO_ENDPOINT, Counts, StatsKey, hour_of
from posthorn.monitoring.stats_store import StatsStore
from posthorn.monitoring.stats_views import (
    MAX_GROUPS,
    Bucket,
    By,
    Group,
    StatsNumbers,
    StatsView,
    TimeBucket,
    numbers_of,
)

DEFAULT_RANGE = timedelta(hours=24)
LONGEST_RANGE = timedelta(days=31)
LONGEST_BY_HOUR = timedelta(days=7)
# A row is one hour of one endpoint and type, about 400 bytes: these are read in a few seconds.
MAX_ROWS = 30_000


@dataclass(frozen=True)
class StatsQuery:
    by: By = By.STATUS
    since: datetime | None = None
    until: datetime | None = None
    bucket: Bucket | None = None  # by hour up to LONGEST_BY_HOUR, else by day
    endpoint_id: str | None = None
    event_type: str | None = None


@dataclass(frozen=True)
class Range:
    since: datetime
    until: datetime
    bucket: Bucket

    @property
    def starts(self) -> list[datetime]:
        first = self.bucket.start_of(self.since)
        count = -(-(self.until - first) // self.bucket.width)
        return [first + place * self.bucket.width for place in range(count)]


@dataclass(frozen=True)
class Statistics:
    config: ConfigStore
    stats: StatsStore
    now: Callable[[], datetime]

    def view(self, tenant: str, asked: StatsQuery) -> StatsView:
        """The answer to a query; InvalidError when its range is too long or has too many rows."""
        return self.views(tenant, asked, asked.by)[asked.by]

    def views(self, tenant: str, asked: StatsQuery, *groupings: By) -> dict[By, StatsView]:
        """The statistics for a query by each of these groupings, from one read of the rows."""
        if asked.endpoint_id is not None and not ids.is_id("ep", asked.endpoint_id):
            raise _invalid("endpoint", "is not the id of an endpoint")
        over = _range(asked, self.now())
        rows = [
            (key, counts)
            for key, counts in self._rows(tenant, asked, over)
            if asked.event_type in (None, key.event_type)
        ]
        with_events = asked.endpoint_id is None
        totals = numbers_of(_sum(rows), with_events=with_events)
        buckets = _summed(rows, over.bucket.start_of)
        times = [
            TimeBucket(start=start, **vars(numbers_of(buckets[start], with_events=with_events)))
            for start in over.starts
        ]
        views = {}
        for by in groupings:
            groups = sorted(self._groups(tenant, by, rows, over), key=_largest_first)
            views[by] = StatsView(
                since=over.since,
                until=over.until,
                bucket=over.bucket,
                by=by,
                totals=totals,
                buckets=times,
                groups=groups[:MAX_GROUPS],
                groups_left_off=max(0, len(groups) - MAX_GROUPS),
            )
        return views

    def _rows(self, tenant: str, asked: StatsQuery, over: Range) -> list[tuple[StatsKey, Counts]]:
        found = self.stats.rows(tenant, over.since, over.until, endpoint_id=asked.endpoint_id)
        rows = list(islice(found, MAX_ROWS + 1))
        if len(rows) > MAX_ROWS:
            raise _invalid(
                "since", "too many statistics in this range: use a shorter one, or one endpoint"
            )
        return rows

    def _groups(
        self, tenant: str, by: By, rows: list[tuple[StatsKey, Counts]], over: Range
    ) -> Iterator[Group]:
        if by in (By.STATUS, By.OUTCOME):
            total = _sum(rows)
            for status_or_outcome in DeliveryStatus if by is By.STATUS else Outcome:
                counter = f"{by}.{status_or_outcome}"
                if total[counter]:
                    yield _group(status_or_outcome, rows, over, counter=counter)
            return
        names = {}
        if by is By.ENDPOINT:
            names = {each.id: each.name for each in self.config.endpoints(tenant)}
            rows = [(key, counts) for key, counts in rows if key.endpoint_id != NO_ENDPOINT]
        grouped: defaultdict[str, list[tuple[StatsKey, Counts]]] = defaultdict(list)
        for key, counts in rows:
            grouped[key.endpoint_id if by is By.ENDPOINT else key.event_type].append((key, counts))
        for group, own in grouped.items():
            numbers = numbers_of(_sum(own), with_events=by is By.EVENT_TYPE)
            name = names.get(group)
            yield _group(group, own, over, counter="created", name=name, numbers=numbers)


def _group(
    key: str,
    rows: list[tuple[StatsKey, Counts]],
    over: Range,
    *,
    counter: str,
    name: str | None = None,
    numbers: StatsNumbers | None = None,
) -> Group:
    buckets = _summed(rows, over.bucket.start_of)
    counts = [buckets[start][counter] for start in over.starts]
    return Group(key=key, name=name, count=sum(counts), counts=counts, numbers=numbers)


def _largest_first(group: Group) -> tuple[int, str]:
    return -group.count, group.key


def _range(asked: StatsQuery, now: datetime) -> Range:
    until = min(asked.until or now, now)
    since = asked.since or until - DEFAULT_RANGE
    if since >= until:
        raise _invalid("since", "must be before until and before the current time")
    if until - since > LONGEST_RANGE:
        raise _invalid("since", f"must be at most {LONGEST_RANGE.days} days before until")
    short = until - since <= LONGEST_BY_HOUR
    bucket = asked.bucket or (Bucket.HOUR if short else Bucket.DAY)
    if bucket is Bucket.HOUR and not short:
        raise _invalid("bucket", f"must be day for more than {LONGEST_BY_HOUR.days} days")
    return Range(hour_of(since), hour_of(until - timedelta.resolution) + Bucket.HOUR.width, bucket)


def _invalid(field: str, message: str) -> InvalidError:
    return InvalidError.of([Violation(field, message)])


def _summed(
    rows: Iterable[tuple[StatsKey, Counts]], start_of: Callable[[datetime], datetime]
) -> defaultdict[datetime, Counts]:
    sums: defaultdict[datetime, Counts] = defaultdict(Counts)
    for key, counts in rows:
        sums[start_of(key.hour)].update(counts)
    return sums


def _sum(rows: Iterable[tuple[StatsKey, Counts]]) -> Counts:
    total = Counts()
    for _, counts in rows:
        total.update(counts)
    return total
