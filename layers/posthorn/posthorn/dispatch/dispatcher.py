"""Process a queue message: match an event or take a task, attempt deliveries, record them.

The endpoint's behaviour is a value and is recorded. Our own failures raise, so SQS delivers the
message again; recorded steps are then found and only the missing ones are done.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from posthorn.aws.config_table import ConfigStore
from posthorn.aws.eventbridge import Announcement, Announcer
from posthorn.aws.sqs import Queue
from posthorn.core.errors import UnavailableError
from posthorn.deliveries import state
from posthorn.deliveries.items import DELIVERED_VERDICTS
from posthorn.deliveries.store import Claim, EventHistory, LogStore, Record, StoredBody
from posthorn.dispatch.attempt import Attempter, CompletedAttempt
from posthorn.dispatch.concurrency import ConcurrencyLimiter
from posthorn.dispatch.endpoint_health import EndpointHealth
from posthorn.dispatch.retry_timer import RetryTimer
from posthorn.dispatch.tenant_cache import TenantConfig
from posthorn.models import (
    Attempt,
    Delivery,
    DeliveryStatus,
    Endpoint,
    EndpointStatus,
    Event,
    FanOut,
    Task,
    iso,
)
from posthorn.subscriptions.matching import Decision, Verdict, decisions

# A claim outlasts the function (60 s) and expires before SQS delivers the message again (360 s).
LEASE = timedelta(seconds=90)
# Reserved for recording the result after an endpoint has used up its timeout.
MARGIN_SECONDS = 5.0
# Deliveries of one event that its own message attempts; beyond, each is a task of its own, so that
# no event outlasts the function.
MOST_AT_ONCE = 25
FAN_OUT_CHUNK = 100  # deliveries: one write each, and ten calls of SQS
FAN_OUT_MARGIN_SECONDS = 15.0  # ten events of a batch share the processor: a chunk may take seconds
# When no slot of a slow endpoint is free: its running requests have ended by then.
NO_SLOT_DELAY_SECONDS = 20

T = TypeVar("T")


@dataclass(frozen=True)
class AttemptReport:
    """One attempt and its delivery afterwards; the dispatcher function logs one line for each."""

    delivery: Delivery
    endpoint_name: str
    attempt: Attempt


@dataclass(frozen=True)
class MessageContext:
    """The context of one SQS message.

    Its id is the claim holder, `seconds_left()` the remaining time of the invocation, and `report`
    is called for each attempt, `report_refusal` for each refused publication with the number of
    those of its event. `tenant` reads a tenant's limits and endpoints, once per batch.
    """

    message_id: str
    tenant: Callable[[str], TenantConfig]
    seconds_left: Callable[[], float]
    report: Callable[[AttemptReport], None]
    report_refusal: Callable[[Event, int], None] = lambda event, count: None

    def has_time_for(self, endpoint: Endpoint) -> bool:
        return self.seconds_left() > endpoint.timeout_seconds + MARGIN_SECONDS


@dataclass(frozen=True)
class Dispatcher:
    config: ConfigStore
    log: LogStore
    retry_queue: Queue
    timer: RetryTimer
    attempter: Attempter
    endpoint_health: EndpointHealth
    announcer: Announcer
    limiter: ConcurrencyLimiter
    pool: Executor
    now: Callable[[], datetime]
    jitter: Callable[[], float]

    def take_event(self, event: Event, context: MessageContext) -> None:
        """Match an event, attempt its deliveries, record the results and schedule retries."""
        config = context.tenant(event.tenant)
        decided = decisions(config.endpoints, event)
        claim = self._claim(context)
        expires_at = claim.now + config.limits.retention
        if self.log.claim_event(event, decided, claim, expires_at=expires_at):
            history = EventHistory(event, claim.now, decided, expires_at, records={})
            self._complete(history, claim, context)
        else:
            self._compare(event, context)
            self._continue(event.tenant, event.id, claim, context)

    def _compare(self, again: Event, context: MessageContext) -> None:
        """Record and announce a publication with a recorded event's id and other content."""
        if again.published_id is None:
            return  # a redelivered message
        if refusals := self.log.refuse(again):
            context.report_refusal(again, refusals.count)
            announced = _refused_publication(again, refusals.count)
            self.announcer.announce(Announcement.PUBLICATION_REFUSED, announced)

    def take_fan_out(self, fan_out: FanOut, context: MessageContext) -> None:
        """Continue with the deliveries of an event that an earlier message had no time for."""
        claim = self._claim(context)
        self._continue(fan_out.tenant, fan_out.fan_out_event_id, claim, context)

    def _continue(self, tenant: str, event_id: str, claim: Claim, context: MessageContext) -> None:
        """Take over a recorded event, unless another message of it is being processed."""
        if not self.log.reclaim_event(tenant, event_id, claim):
            return
        history = self.log.history(tenant, event_id)
        if history is None:
            return  # expired
        self._complete(history, claim, context)
        self._in_parallel(
            partial(self._follow_up, record.delivery)
            for record in history.records.values()
            if context.seconds_left() > MARGIN_SECONDS  # the sweeper finds what is due
        )

    def _complete(self, history: EventHistory, claim: Claim, context: MessageContext) -> None:
        """Begin the deliveries that the event must have and the log has not."""
        missing = [
            decision
            for decision in history.decisions
            if decision.verdict in DELIVERED_VERDICTS
            and decision.endpoint_id not in history.records
        ]
        endpoints = {each.id: each for each in context.tenant(history.event.tenant).endpoints}
        if len(missing) > MOST_AT_ONCE:
            self._fan_out(history, missing, endpoints, claim, context)
            return
        self._in_parallel(
            partial(self._begin, history, each, endpoints.get(each.endpoint_id), context)
            for each in missing
        )

    def _fan_out(
        self,
        history: EventHistory,
        missing: list[Decision],
        endpoints: Mapping[str, Endpoint],
        claim: Claim,
        context: MessageContext,
    ) -> None:
        """Record and queue the deliveries in chunks; leave the rest to a message of its own."""
        for start in range(0, len(missing), FAN_OUT_CHUNK):
            if context.seconds_left() < FAN_OUT_MARGIN_SECONDS:
                event = history.event
                self.log.release_event(event.tenant, event.id, claim)
                self.retry_queue.send(FanOut(tenant=event.tenant, fan_out_event_id=event.id))
                return
            recorded = self._in_parallel(
                partial(self._record_pending, history, each, endpoints.get(each.endpoint_id))
                for each in missing[start : start + FAN_OUT_CHUNK]
            )
            tasks = [state.task(each) for each in recorded if each.status is DeliveryStatus.PENDING]
            if self.retry_queue.send_all(tasks, pool=self.pool):
                raise UnavailableError("the queue did not accept all deliveries of the event")

    def _record_pending(
        self, history: EventHistory, decision: Decision, endpoint: Endpoint | None
    ) -> Delivery:
        """Record a new delivery as due now, or as ended if nothing is to be sent."""
        fresh, ended = _new_delivery(history, decision, endpoint)
        delivery = ended or state.queued(fresh, self.now())
        self.log.put_delivery(delivery, StoredBody())
        return delivery

    def take_task(self, task: Task, context: MessageContext) -> None:
        """Make one attempt of one delivery, unless it was made or the delivery no longer waits."""
        found = self.log.record(task.tenant, task.event_id, task.endpoint_id)
        if found is None:
            return  # the log of the event has expired
        event, record = found
        delivery = record.delivery
        if delivery.attempt_count >= task.attempt:
            self._follow_up(delivery)
            return
        if delivery.status not in state.WAITING or delivery.attempt_count + 1 != task.attempt:
            return
        endpoint = self.config.endpoint(task.tenant, task.endpoint_id)
        stopped = _stopped(event, delivery, endpoint)
        if endpoint is None or stopped:
            self.log.move_delivery(delivery, stopped or delivery, now=self.now())
        elif not context.has_time_for(endpoint):
            self.retry_queue.send(task)
        else:
            with self.limiter.slot(endpoint) as has_slot:
                if has_slot:
                    self._retry(event, record, endpoint, task, context)
                else:
                    self.retry_queue.send(task, delay_seconds=NO_SLOT_DELAY_SECONDS)

    def _begin(
        self,
        history: EventHistory,
        decision: Decision,
        endpoint: Endpoint | None,
        context: MessageContext,
    ) -> None:
        """Begin a delivery: attempt it, hold it, or queue it if the remaining time is short."""
        fresh, ended = _new_delivery(history, decision, endpoint)
        if endpoint is None or ended:
            self.log.put_delivery(ended or fresh, StoredBody())
        elif endpoint.health.slow or not context.has_time_for(endpoint):
            # A slow endpoint is served from RetryQueue, so that fresh events do not wait for it.
            waiting = state.queued(fresh, self.now())
            self.log.put_delivery(waiting, StoredBody())
            self.retry_queue.send(state.task(waiting))
        else:
            task = state.task(fresh)
            record = Record(fresh, StoredBody())
            completed = self.attempter.attempt(history.event, endpoint, record, task)
            delivery = self._after(fresh, completed, endpoint)
            if self.log.put_delivery(delivery, completed.body, attempt=completed.attempt):
                self._settle(delivery, endpoint, completed.attempt, context)

    def _retry(
        self, event: Event, record: Record, endpoint: Endpoint, task: Task, context: MessageContext
    ) -> None:
        claim = self._claim(context)
        if not self.log.claim_delivery(record.delivery, claim):
            return  # claimed by a concurrent retry or resend
        asked = state.as_asked(task, record.delivery)
        completed = self.attempter.attempt(event, endpoint, record, asked)
        delivery = self._after(record.delivery, completed, endpoint)
        if self.log.move_delivery(
            record.delivery,
            delivery,
            now=self.now(),
            holder=claim.holder,
            attempt=completed.attempt,
            body=completed.body,
        ):
            self._settle(delivery, endpoint, completed.attempt, context)

    def _after(
        self, delivery: Delivery, completed: CompletedAttempt, endpoint: Endpoint
    ) -> Delivery:
        fixed = delivery.model_copy(update={"body_sha256": completed.body_sha256})
        return state.after(fixed, completed.attempt, endpoint.retry, jitter=self.jitter())

    def _settle(
        self, delivery: Delivery, endpoint: Endpoint, attempt: Attempt, context: MessageContext
    ) -> None:
        context.report(AttemptReport(delivery, endpoint.name, attempt))
        self._follow_up(delivery)
        self.endpoint_health.record_attempt(endpoint, attempt)

    def _follow_up(self, delivery: Delivery) -> None:
        """Schedule, queue or announce the recorded delivery; repeating it is harmless."""
        if delivery.status is DeliveryStatus.RETRYING:
            self.timer.schedule(delivery)
        elif delivery.status is DeliveryStatus.PENDING:
            self.retry_queue.send(state.task(delivery))
        elif delivery.status is DeliveryStatus.DEAD:
            self.announcer.announce(Announcement.DELIVERY_DEAD, _dead_delivery(delivery))

    def _claim(self, context: MessageContext) -> Claim:
        now = self.now()
        return Claim(context.message_id, now, now + LEASE)

    def _in_parallel(self, jobs: Iterable[Callable[[], T]]) -> list[T]:
        """Run every job to its end; then raise the first exception, if any."""
        futures = [self.pool.submit(job) for job in jobs]
        wait(futures)
        return [future.result() for future in futures]


def _new_delivery(
    history: EventHistory, decision: Decision, endpoint: Endpoint | None
) -> tuple[Delivery, Delivery | None]:
    """The new delivery, and its final form if nothing is to be sent.

    Its creation time is the event's, also when it is begun after a crash, so that an event and its
    deliveries fall into the same hour of the statistics.
    """
    event = history.event
    fresh = state.begun(
        event,
        decision.endpoint_id,
        decision.endpoint_version,
        created_at=history.recorded_at,
        expires_at=history.expires_at,
    )
    if decision.verdict is Verdict.HELD and event.erasure is None:
        return fresh, state.held(fresh, decision.reason or "the endpoint is paused")
    return fresh, _stopped(event, fresh, endpoint)


def _stopped(event: Event, delivery: Delivery, endpoint: Endpoint | None) -> Delivery | None:
    """The delivery cancelled or held if it cannot be sent; None if it can."""
    if event.erasure is not None:
        return state.cancelled(delivery, state.ERASED)
    if endpoint is None:
        return state.cancelled(delivery, "the endpoint was deleted")
    if endpoint.status is EndpointStatus.ENABLED:
        return None
    return state.held(delivery, f"the endpoint is {endpoint.status}")


def _refused_publication(event: Event, count: int) -> dict[str, Any]:
    return {
        "tenant": event.tenant,
        "event_id": event.id,
        "published_id": event.published_id,
        "event_type": event.type,
        "accepted_at": iso(event.accepted_at),
        "count": count,
    }


def _dead_delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "tenant": delivery.tenant,
        "delivery_id": delivery.id,
        "event_id": delivery.event_id,
        "event_type": delivery.event_type,
        "endpoint_id": delivery.endpoint_id,
        "attempts": delivery.attempt_count,
        "last_outcome": delivery.last_outcome,
        "last_status_code": delivery.last_status_code,
    }
