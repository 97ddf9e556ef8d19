"""From a queue's message to recorded attempts: the heart of design.md §§3-4.

What an endpoint did is a value and is recorded. What we failed to do raises, and the message comes
back: whatever was recorded by then is found, and only the rest is done.
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
from posthorn.deliveries import state as progress
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

# A claim outlives the function (60 s) and lapses before SQS shows the message again (360 s).
LEASE = timedelta(seconds=90)
# Left for recording what came back, once an endpoint has used up its timeout.
MARGIN_SECONDS = 5.0
# A slow endpoint's turn comes again when those of its requests that run now have ended.
CROWDED_DELAY_SECONDS = 20


@dataclass(frozen=True)
class AttemptReport:
    """One attempt and what became of its delivery: the fact behind one log line."""

    delivery: Delivery
    endpoint_name: str
    attempt: Attempt


@dataclass(frozen=True)
class MessageContext:
    """One message in hand: its id claims, `seconds_left` bounds, `report` hears of each attempt.

    `endpoints` and `terms` read those of a tenant; the messages of a batch may share what was read.
    """

    message_id: str
    endpoints: Callable[[str], list[Endpoint]]
    terms: Callable[[str], EffectiveLimits]
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
    caretaker: EndpointHealth
    announcer: Announcer
    crowd: ConcurrencyLimiter
    pool: Executor
    now: Callable[[], datetime]
    jitter: Callable[[], float]

    def take_event(self, event: Event, turn: MessageContext) -> None:
        """Match an event, attempt its deliveries at once, record and schedule what comes of it."""
        endpoints = {each.id: each for each in turn.endpoints(event.tenant)}
        decisions = tuple(decide(endpoint, event) for endpoint in endpoints.values())
        claim = self._claim(turn)
        recorded_at, expires_at = claim.now, claim.now + turn.terms(event.tenant).retention
        known: dict[str, Record] = {}
        if not self.log.claim_event(event, decisions, claim, expires_at=expires_at):
            if not self.log.reclaim_event(event.tenant, event.id, claim):
                return  # another message of the same event is being worked on, and owns it
            story = self.log.story(event.tenant, event.id)
            if story is None:
                return  # expired by now
            event, decisions, known = story.event, story.decisions, story.records
            recorded_at, expires_at = story.recorded_at, story.expires_at
        for record in known.values():
            self._follow_up(record.delivery)
        self._in_parallel(
            partial(
                self._open,
                event,
                decision,
                endpoints.get(decision.endpoint_id),
                turn,
                created_at=recorded_at,
                expires_at=expires_at,
            )
            for decision in decisions
            if decision.verdict in DELIVERED_VERDICTS and decision.endpoint_id not in known
        )

    def take_task(self, task: Task, turn: MessageContext) -> None:
        """Make one attempt of one delivery, unless it was made, or is no longer wanted."""
        found = self.log.record(task.tenant, task.event_id, task.endpoint_id)
        if found is None:
            return  # expired by now
        event, record = found
        delivery = record.delivery
        if delivery.attempt_count >= task.attempt:
            self._follow_up(delivery)
            return
        if delivery.status not in progress.WAITING or delivery.attempt_count + 1 != task.attempt:
            return
        endpoint = self.config.endpoint(task.tenant, task.endpoint_id)
        stopped = _stopped(event, delivery, endpoint)
        if endpoint is None or stopped:
            self.log.move_delivery(delivery, stopped or delivery, now=self.now())
        elif not turn.has_time_for(endpoint):
            self.retry_queue.send(task)
        else:
            with self.crowd.slot(endpoint) as has_place:
                if has_place:
                    self._try_again(event, record, endpoint, task, turn)
                else:
                    self.retry_queue.send(task, delay_seconds=CROWDED_DELAY_SECONDS)

    def _open(
        self,
        event: Event,
        decision: Decision,
        endpoint: Endpoint | None,
        turn: MessageContext,
        *,
        created_at: datetime,
        expires_at: datetime,
    ) -> None:
        """Begin a delivery: try it, hold it, or put it on RetryQueue when time is short.

        It was created when its event was recorded, also when it is begun after a crash: so events
        and their deliveries fall into the same hours.
        """
        fresh = progress.begun(
            event,
            decision.endpoint_id,
            decision.endpoint_version,
            created_at=created_at,
            expires_at=expires_at,
        )
        stopped = (
            progress.held(fresh, decision.reason or "the endpoint is paused")
            if decision.verdict is Verdict.HELD and event.erasure is None
            else _stopped(event, fresh, endpoint)
        )
        if endpoint is None or stopped:
            self.log.put_delivery(stopped or fresh, StoredBody())
        elif endpoint.health.slow or not turn.has_time_for(endpoint):
            # Fresh events do not wait behind an endpoint that hangs: RetryQueue is its lane.
            waiting = progress.queued(fresh, self.now())
            self.log.put_delivery(waiting, StoredBody())
            self.retry_queue.send(progress.task(waiting))
        else:
            task = progress.task(fresh)
            made = self.attempter.attempt(event, endpoint, Record(fresh, StoredBody()), task)
            delivery = self._after(fresh, made, endpoint)
            if self.log.put_delivery(delivery, made.body, attempt=made.attempt):
                self._settle(delivery, endpoint, made.attempt, turn)

    def _try_again(
        self, event: Event, record: Record, endpoint: Endpoint, task: Task, turn: MessageContext
    ) -> None:
        claim = self._claim(turn)
        if not self.log.claim_delivery(record.delivery, claim):
            return  # a retry and a resend never run at once: the other one has it
        asked = progress.as_asked(task, record.delivery)
        made = self.attempter.attempt(event, endpoint, record, asked)
        delivery = self._after(record.delivery, made, endpoint)
        if self.log.move_delivery(
            record.delivery,
            delivery,
            now=self.now(),
            holder=claim.holder,
            attempt=made.attempt,
            body=made.body,
        ):
            self._settle(delivery, endpoint, made.attempt, turn)

    def _after(self, delivery: Delivery, made: CompletedAttempt, endpoint: Endpoint) -> Delivery:
        fixed = delivery.model_copy(update={"body_sha256": made.body_sha256})
        return progress.after(fixed, made.attempt, endpoint.retry, jitter=self.jitter())

    def _settle(
        self, delivery: Delivery, endpoint: Endpoint, attempt: Attempt, turn: MessageContext
    ) -> None:
        turn.report(AttemptReport(delivery, endpoint.name, attempt))
        self._follow_up(delivery)
        self.caretaker.learn(endpoint, attempt)

    def _follow_up(self, delivery: Delivery) -> None:
        """See that a recorded delivery goes on; doing it twice is harmless."""
        if delivery.status is DeliveryStatus.RETRYING:
            self.timer.start(delivery)
        elif delivery.status is DeliveryStatus.PENDING:
            self.retry_queue.send(progress.task(delivery))
        elif delivery.status is DeliveryStatus.DEAD:
            self.announcer.announce(Announcement.DELIVERY_DEAD, _obituary(delivery))

    def _claim(self, turn: MessageContext) -> Claim:
        now = self.now()
        return Claim(turn.message_id, now, now + LEASE)

    def _in_parallel(self, jobs: Iterable[Callable[[], None]]) -> None:
        """Run every job to its end, then raise what the first failed one raised."""
        futures = [self.pool.submit(job) for job in jobs]
        wait(futures)
        for future in futures:
            future.result()


def _stopped(event: Event, delivery: Delivery, endpoint: Endpoint | None) -> Delivery | None:
    """The delivery as it stands where there is nothing to send, or nobody to take it; or None."""
    if event.erasure is not None:
        return progress.cancelled(delivery, progress.ERASED)
    if endpoint is None:
        return progress.cancelled(delivery, "the endpoint was deleted")
    if endpoint.status is EndpointStatus.ENABLED:
        return None
    return progress.held(delivery, f"the endpoint is {endpoint.status}")


def _obituary(delivery: Delivery) -> dict[str, Any]:
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
