"""The past day of the demo shop, as content for log, lists and charts.

The production dispatcher writes it to the deployed tables, with a clock that is set back. Only the
endpoints' answers are simulated.
"""

import random
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from local.emulation.stack import Stack
from posthorn.aws.config_table import ConfigStore
from posthorn.aws.dynamodb import Table
from posthorn.aws.eventbridge import Announcer
from posthorn.aws.kms import Vault
from posthorn.aws.sqs import Queue
from posthorn.core import ids
from posthorn.deliveries.store import LogStore
from posthorn.dispatch.attempt import Attempter
from posthorn.dispatch.concurrency import ConcurrencyLimiter
from posthorn.dispatch.dispatcher import AttemptReport, Dispatcher, MessageContext
from posthorn.dispatch.endpoint_health import EndpointHealth
from posthorn.dispatch.retry_timer import RetryTimer
from posthorn.dispatch.tenant_cache import TenantConfig
from posthorn.egress import advice
from posthorn.egress.http_client import AttemptResult, Request
from posthorn.egress.oauth2 import TokenCache
from posthorn.events import event_types
from posthorn.models import (
    Delivery,
    EffectiveLimits,
    Endpoint,
    Event,
    Outcome,
    Response,
    Task,
    Trigger,
)

# Events per hour from midnight: few at night, many in the evening.
BY_HOUR = (1, 1, 0, 1, 1, 2, 3, 4, 5, 6, 6, 7, 8, 6, 6, 6, 7, 8, 9, 11, 10, 7, 4, 2)
# The relative frequency of each type.
WEIGHTS = {
    "OrderReceivedEvent": 8,
    "OrderPaymentReceivedEvent": 6,
    "OrderConfirmedEvent": 6,
    "OrderDeliveredEvent": 4,
    "OrderReadyForPickupEvent": 2,
    "OrderPartlyDeliveredEvent": 1,
    "OrderCancelledEvent": 1,
    "SkuPriceChangedNotification": 4,
    "SkuOnHandBreakPointNotification": 3,
    "SkuChangedNotification": 2,
    "JobCompletedEvent": 1,
}
LEFT_OUT = "Old CRM"  # which answers 410


@dataclass(frozen=True)
class PastRoute:
    """The simulated answers of an endpoint: share of failures, their status, and the duration."""

    failures: float
    status: int
    median_ms: int


WAYS = {
    "ERP": PastRoute(0.03, 502, 60),
    "Mail service": PastRoute(0.4, 503, 140),
    "Price feed": PastRoute(0.12, 429, 35),
    "Warehouse": PastRoute(0.8, 500, 90),
    "Data lake": PastRoute(0.0, 200, 900),
}


class _NoTimer(RetryTimer):
    """`_Yesterday` makes the retries of the past itself, without waiting."""

    def __init__(self) -> None:
        pass

    def schedule(self, delivery: Delivery) -> None:
        pass


@dataclass
class _Yesterday:
    random_bytes: random.Random
    endpoints: list[Endpoint]
    retention_days: int
    now: datetime
    attempts: list[AttemptReport] = field(default_factory=list)

    def clock(self) -> datetime:
        return self.now

    def send(self, request: Request) -> AttemptResult:
        way = next(
            (WAYS[each.name] for each in self.endpoints if each.url == request.url), WAYS["ERP"]
        )
        failed = self.random_bytes.random() < way.failures
        status = way.status if failed else 200
        duration = max(2, round(self.random_bytes.lognormvariate(0, 0.5) * way.median_ms))
        return AttemptResult(
            outcome=Outcome.HTTP_ERROR if failed else Outcome.SUCCEEDED,
            advice=advice.response_advice(status, {}, sent={}) if failed else "delivered",
            duration_ms=duration,
            timings_ms={"dns": 1, "connect": 2, "first_byte": max(0, duration - 3)},
            response=Response(
                status_code=status,
                headers={"content-type": "text/plain"},
                body="the database is busy" if failed else "",
            ),
            url=request.url,
        )

    def context(self) -> MessageContext:
        return MessageContext(
            message_id="yesterday",
            tenant=lambda _: TenantConfig(
                EffectiveLimits(self.retention_days), tuple(self.endpoints)
            ),
            seconds_left=lambda: 60.0,
            report=self.attempts.append,
        )


def write(stack: Stack, tenant: str) -> int:
    """Write the past day into the log; return the number of its events."""
    random_bytes = random.Random(4711)  # noqa: S311 - the same day every time, and guards nothing
    config = ConfigStore(Table(stack.client("dynamodb"), stack.resources["ConfigTable"]))
    endpoints = [each for each in config.endpoints(tenant) if each.name != LEFT_OUT]
    moments = sorted(_moments(random_bytes, datetime.now(UTC)))
    day = _Yesterday(random_bytes, endpoints, int(stack.setting("RETENTION_DAYS")), moments[0])
    with ThreadPoolExecutor(len(endpoints)) as pool:
        dispatcher = _dispatcher(stack, config, day, pool)
        for day.now in moments:
            _live_through(dispatcher, _event(tenant, random_bytes, day.now), day)
    return len(moments)


def _moments(random_bytes: random.Random, now: datetime) -> Iterable[datetime]:
    for hours_ago in range(1, 25):
        hour = now - timedelta(hours=hours_ago)
        for _ in range(BY_HOUR[hour.hour]):
            yield hour + timedelta(seconds=random_bytes.uniform(0, 3500))


def _event(tenant: str, random_bytes: random.Random, moment: datetime) -> Event:
    (name,) = random_bytes.choices(list(WEIGHTS), list(WEIGHTS.values()))
    return Event(
        id=ids.new("evt", moment, random_bytes.randbytes(ids.RANDOM_BYTES)),
        tenant=tenant,
        type=name,
        time=moment,
        data=event_types.builtin()[name].example,
        accepted_at=moment,
    )


def _live_through(dispatcher: Dispatcher, event: Event, day: _Yesterday) -> None:
    """Deliver the event, and make each retry at its time, until none is due."""
    dispatcher.take_event(event, day.context())
    while day.attempts:
        delivery = day.attempts.pop(0).delivery
        if delivery.next_attempt_at:
            day.now = max(day.now, delivery.next_attempt_at)
            dispatcher.take_task(
                Task(
                    tenant=delivery.tenant,
                    event_id=delivery.event_id,
                    endpoint_id=delivery.endpoint_id,
                    attempt=delivery.attempt_count + 1,
                    trigger=Trigger.RETRY,
                ),
                day.context(),
            )


def _dispatcher(
    stack: Stack, config: ConfigStore, day: _Yesterday, pool: ThreadPoolExecutor
) -> Dispatcher:
    announcer = Announcer(stack.client("events"), "")  # announces nothing
    return Dispatcher(
        config=config,
        log=LogStore(Table(stack.client("dynamodb"), stack.resources["LogTable"])),
        retry_queue=Queue(stack.client("sqs"), stack.resources["RetryQueue"]),
        timer=_NoTimer(),
        attempter=Attempter(
            vault=Vault(stack.client("kms"), stack.resources["SecretsKey"]),
            tokens=TokenCache(day.send, day.clock),
            send=day.send,
            now=day.clock,
        ),
        endpoint_health=EndpointHealth(config, announcer, day.clock),
        announcer=announcer,
        limiter=ConcurrencyLimiter(),
        pool=pool,
        now=day.clock,
        jitter=lambda: 0.0,
    )
