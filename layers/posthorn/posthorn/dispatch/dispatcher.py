"""Process a queue message: match an event or take a task, attempt deliveries, record them.

The endpoint's behaviour is a value and is recorded. Our own failures raise, so SQS delivers the
message again; recorded steps are then found and only the missing ones are done.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import Executor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from posthorn.aws.config_table import ConfigStore
from posthorn.aws.eventbridge import Announcement, Announcer
from posthorn.aws.sqs import Queue
from posthorn.deliveries import state
from posthorn.deliveries.items import DELIVERED_VERDICTS
from posthorn.deliveries.store import Claim, LogStore, Record, StoredBody
from posthorn.dispatch.attempt import Attempter, CompletedAttempt
from posthorn.dispatch.concurrency import ConcurrencyLimiter
from posthorn.dispatch.endpoint_health import EndpointHealth
from posthorn.dispatch.retry_timer import RetryTimer
from posthorn.models import (
    Attempt,
    Delivery,
    DeliveryStatus,
    EffectiveLimits,
    Endpoint,
    EndpointStatus,
    Event,
    Task,
)
from posthorn.subscriptions.matching import Decision, Verdict, decide

# A claim outlasts the function (60 s) and expires before SQS delivers the message again (360 s).
LEASE = timedelta(seconds=90)
# Reserved for recording the result after an endpoint has used up its timeout.
MARGIN_SECONDS = 5.0
# When no slot of a slow endpoint is free: its running requests have ended by then.
NO_SLOT_DELAY_SECONDS = 20


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
    is called for each attempt. `endpoints` and `limits` read those of a tenant, once per batch.
    """

    message_id: str
    endpoints: Callable[[str], list[Endpoint]]
    limits: Callable[[str], EffectiveLimits]
    seconds_left: Callable[[], float]
    report: Callable[[AttemptReport], None]

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
        """Match an event with all endpoints, attempt its deliveries, record and schedule them."""
        endpoints = {each.id: each for each in context.endpoints(event.tenant)}
        decisions = tuple(decide(endpoint, event) for endpoint in endpoints.values())
        claim = self._claim(context)
        recorded_at, expires_at = claim.now, claim.now + context.limits(event.tenant).retention
        known: dict[str, Record] = {}
        if not self.log.claim_event(event, decisions, claim, expires_at=expires_at):
            if not self.log.reclaim_event(event.tenant, event.id, claim):
                return  # another message of the same event holds the claim
            history = self.log.history(event.tenant, event.id)
            if history is None:
                return  # the log of the event has expired
            event, decisions, known = history.event, history.decisions, history.records
            recorded_at, expires_at = history.recorded_at, history.expires_at
        for record in known.values():
            self._follow_up(record.delivery)
        self._in_parallel(
            partial(
                self._begin,
                event,
                decision,
                endpoints.get(decision.endpoint_id),
                context,
                created_at=recorded_at,
                expires_at=expires_at,
            )
            for decision in decisions
            if decision.verdict in DELIVERED_VERDICTS and decision.endpoint_id not in known
        )

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
        event: Event,
        decision: Decision,
        endpoint: Endpoint | None,
        context: MessageContext,
        *,
        created_at: datetime,
        expires_at: datetime,
    ) -> None:
        """Begin a delivery: attempt it, hold it, or queue it when the remaining time is short.

        Its `created_at` is the time its event was recorded, even when it begins after a crash, so
        that events and their deliveries are counted in the same hour.
        """
        new = state.begun(
            event,
            decision.endpoint_id,
            decision.endpoint_version,
            created_at=created_at,
            expires_at=expires_at,
        )
        stopped = (
            state.held(new, decision.reason or "the endpoint is paused")
            if decision.verdict is Verdict.HELD and event.erasure is None
            else _stopped(event, new, endpoint)
        )
        if endpoint is None or stopped:
            self.log.put_delivery(stopped or new, StoredBody())
        elif endpoint.health.slow or not context.has_time_for(endpoint):
            # New events must not wait behind a hanging endpoint: RetryQueue takes these.
            waiting = state.queued(new, self.now())
            self.log.put_delivery(waiting, StoredBody())
            self.retry_queue.send(state.task(waiting))
        else:
            task = state.task(new)
            completed = self.attempter.attempt(event, endpoint, Record(new, StoredBody()), task)
            delivery = self._after(new, completed, endpoint)
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

    def _in_parallel(self, jobs: Iterable[Callable[[], None]]) -> None:
        """Run every job to its end, then raise the first exception."""
        futures = [self.pool.submit(job) for job in jobs]
        wait(futures)
        for future in futures:
            future.result()


def _stopped(event: Event, delivery: Delivery, endpoint: Endpoint | None) -> Delivery | None:
    """The delivery cancelled or held if it cannot be sent; None if it can."""
    if event.erasure is not None:
        return state.cancelled(delivery, state.ERASED)
    if endpoint is None:
        return state.cancelled(delivery, "the endpoint was deleted")
    if endpoint.status is EndpointStatus.ENABLED:
        return None
    return state.held(delivery, f"the endpoint is {endpoint.status}")


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
