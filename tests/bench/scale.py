"""Calls, read units and executions that must not grow with endpoints, deliveries or an outage.

Pages are counted against moto, an outage is simulated with the real rules of delays and cells.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from heapq import heapify, heappop, heappush

from posthorn.deliveries.filters import DeliveryFilter, EventFilter
from posthorn.dispatch.retry_timer import JOIN_MARGIN, Cell
from posthorn.egress.http_client import AttemptResult, Request
from posthorn.events import event_types
from posthorn.models import DeliveryStatus
from posthorn.models.retry_schedule import ScheduleRetry, delay_seconds
from posthorn.monitoring.event_type_overview import EventTypeOverview, Filters
from posthorn.monitoring.warnings import WarningSigns
from tests.support.capacity_units import metered
from tests.support.world import ORDER, START, World, answered, world

ENDPOINTS = (1, 100, 1000)
ROWS = 50
OUTAGE = timedelta(hours=22)
DELIVERIES = 10_000


def rows() -> Iterator[str]:
    yield "First pages of a tenant with 60 events for one endpoint, by the number of its endpoints:"
    yield f"  {'':38}{'endpoints':>10}{'calls':>8}{'read units':>12}{'rows':>6}"
    for number in ENDPOINTS:
        yield from pages(number, deleted=0)
    yield from pages(1, deleted=200)
    yield ""
    yield f"An outage of {OUTAGE} with {DELIVERIES:,} deliveries that fail within its first hour:"
    outage = simulate(DELIVERIES, random.Random(1))  # noqa: S311 - a simulation
    yield f"  {outage.retries:,} retries, {len(outage.cells):,} executions"
    yield f"  {outage.direct / outage.retries:.1%} sent to the queue at once"
    late = sorted(outage.late_seconds)
    yield f"  late by {late[len(late) // 2]:.1f} s at the median, {late[-1]:.1f} s at most"


@dataclass
class Outage:
    retries: int = 0
    direct: int = 0
    cells: set[str] = field(default_factory=set)
    late_seconds: list[float] = field(default_factory=list)


def simulate(deliveries: int, chance: random.Random) -> Outage:
    """Every attempt fails until the outage ends; retries follow the default policy."""
    policy, outage = ScheduleRetry(), Outage()
    attempts: list[tuple[datetime, int, int]] = [
        (START + timedelta(seconds=chance.uniform(0, 3600)), number, 1)
        for number in range(deliveries)
    ]
    heapify(attempts)
    while attempts:
        now, number, made = heappop(attempts)
        delay = delay_seconds(policy, made, jitter=chance.uniform(-1, 1))
        if delay is None or now > START + OUTAGE:
            continue
        due = now + timedelta(seconds=delay)
        cell = Cell.of(due, now)
        outage.retries += 1
        if cell.start < now + JOIN_MARGIN:
            outage.direct += 1
        else:
            outage.cells.add(cell.name)
        # SQS takes whole seconds; the task is sent when the cell begins, or now.
        sent = max(cell.start, now)
        arrives = sent + timedelta(seconds=-((sent - due) // timedelta(seconds=1)))
        outage.late_seconds.append((arrives - due).total_seconds())
        heappush(attempts, (arrives, number, made + 1))
    return outage


def pages(endpoints: int, *, deleted: int) -> Iterator[str]:
    with with_endpoints(endpoints, deleted=deleted) as one:
        name = f"{endpoints:,}" + (f" + {deleted} deleted" if deleted else "")
        for view, read in views(one).items():
            with metered(one) as meter:
                shown = read()
            yield (f"  {view:38}{name:>10}{len(meter.reads):>8}{meter.read_units:>12g}{shown:>6}")


@contextmanager
def with_endpoints(endpoints: int, *, deleted: int) -> Iterator[World]:
    """A tenant with 60 events, for one of its endpoints."""
    with world() as one:
        wanting = one.endpoint("wanting", event_types=["OrderReceivedEvent"])
        for number in range(endpoints - 1):
            one.endpoint(f"other-{number}", event_types=["JobCompletedEvent"])
        for number in range(deleted):
            gone = one.endpoint(f"gone-{number}", event_types=["JobCompletedEvent"])
            one.configuration.delete(gone.tenant, gone.id, by="phk_bench")
        for number in range(ROWS + 10):
            code = 503 if number % 4 == 0 else 200
            one.answers[wanting.url] = partial(_answer, code)
            one.publish({"type": "OrderReceivedEvent", "data": ORDER})
            one.take_events()
            one.later(seconds=1)
        one.count()
        yield one


def _answer(code: int, _: Request) -> AttemptResult:
    return answered(code)


def views(one: World) -> dict[str, Callable[[], int]]:
    tenant = "acme"
    endpoints = lambda tenant: one.tenant_cache.for_batch()(tenant).endpoints  # noqa: E731
    endpoints(tenant)  # a warm environment
    signs = WarningSigns(endpoints, one.log, one.reader.lists, one.stats, one.clock)
    overview = EventTypeOverview(
        endpoints, one.reader.lists, one.stats, signs, event_types.builtin, one.clock
    )

    def deliveries(filters: DeliveryFilter) -> Callable[[], int]:
        return lambda: len(one.reader.deliveries(tenant, filters, limit=ROWS).items)

    retrying = DeliveryFilter(status=DeliveryStatus.RETRYING)
    return {
        "log": deliveries(DeliveryFilter()),
        "log, status retrying": deliveries(retrying),
        "log, event type": deliveries(DeliveryFilter(event_type="OrderReceivedEvent")),
        "events": lambda: len(one.reader.events(tenant, EventFilter(), limit=ROWS).items),
        "warnings": lambda: len(signs.of(tenant)),
        "event types": lambda: len(overview.page(tenant, Filters(), limit=ROWS).items),
    }
