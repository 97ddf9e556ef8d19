"""The states of a delivery and the transitions between them: pure functions."""

from datetime import datetime, timedelta

from posthorn.core import ids
from posthorn.models import (
    Attempt,
    Delivery,
    DeliveryStatus,
    Event,
    Outcome,
    RetryPolicy,
    Task,
    Trigger,
)
from posthorn.models.retry_schedule import delay_seconds

WAITING = frozenset({DeliveryStatus.PENDING, DeliveryStatus.RETRYING})  # for an attempt
TO_COME = WAITING | {DeliveryStatus.HELD}
ERASED = "the payload was erased"
GONE = 410  # RFC 9110 §15.5.11: permanent


def begun(
    event: Event,
    endpoint_id: str,
    endpoint_version: int,
    *,
    created_at: datetime,
    expires_at: datetime,
    test: bool = False,
) -> Delivery:
    """The delivery of an event to an endpoint, before its first attempt."""
    return Delivery(
        id=ids.delivery(event.id, endpoint_id),
        tenant=event.tenant,
        event_id=event.id,
        event_type=event.type,
        endpoint_id=endpoint_id,
        endpoint_version=endpoint_version,
        status=DeliveryStatus.PENDING,
        created_at=created_at,
        expires_at=expires_at,
        test=test,
    )


def asks_to_stop(attempt: Attempt) -> bool:
    return attempt.response is not None and attempt.response.status_code == GONE


def after(delivery: Delivery, attempt: Attempt, policy: RetryPolicy, *, jitter: float) -> Delivery:
    """The delivery after this attempt.

    It becomes dead if its log would expire before the next attempt: a long `Retry-After` or a late
    resend must not make it disappear unfinished.
    """
    ended_at = attempt.started_at + timedelta(milliseconds=attempt.duration_ms)
    attempted = _with(delivery, attempt)
    if attempt.outcome is Outcome.SUCCEEDED:
        return attempted.model_copy(update={"status": DeliveryStatus.SUCCEEDED})
    if asks_to_stop(attempt):
        return held(attempted, "the endpoint answered 410 Gone and was disabled")
    delay = delay_seconds(
        policy,
        attempt.number - delivery.round_start,
        jitter=jitter,
        retry_after=attempt.retry_after_seconds,
    )
    if delay is None:
        return _stopped(attempted, DeliveryStatus.DEAD, "all retries are used up")
    next_attempt_at = ended_at + timedelta(seconds=delay)
    if next_attempt_at >= delivery.expires_at:
        return _stopped(attempted, DeliveryStatus.DEAD, "the log expires before the next attempt")
    return attempted.model_copy(
        update={"status": DeliveryStatus.RETRYING, "next_attempt_at": next_attempt_at}
    )


def tested(delivery: Delivery, attempt: Attempt) -> Delivery:
    """The delivery of a test after its only attempt."""
    attempted = _with(delivery, attempt)
    if attempt.outcome is Outcome.SUCCEEDED:
        return attempted.model_copy(update={"status": DeliveryStatus.SUCCEEDED})
    return _stopped(attempted, DeliveryStatus.DEAD, "a failed test is not retried")


def held(delivery: Delivery, reason: str) -> Delivery:
    return _stopped(delivery, DeliveryStatus.HELD, reason)


def cancelled(delivery: Delivery, reason: str) -> Delivery:
    return _stopped(delivery, DeliveryStatus.CANCELLED, reason)


def discarded(delivery: Delivery, reason: str, *, by: str) -> Delivery:
    """The delivery cancelled by a job, whose id it carries."""
    return cancelled(delivery, reason).model_copy(update={"asked": None, "asked_by": by})


def queued(delivery: Delivery, now: datetime) -> Delivery:
    """The delivery as due now, to be sent to RetryQueue."""
    return delivery.model_copy(
        update={
            "status": DeliveryStatus.PENDING,
            "status_reason": None,
            "next_attempt_at": now,
        }
    )


def begun_again(delivery: Delivery, due_at: datetime, asked: Trigger, *, by: str) -> Delivery:
    """The delivery as due at `due_at`, with its full retry policy from there."""
    return queued(delivery, due_at).model_copy(
        update={"round_start": delivery.attempt_count, "asked": asked, "asked_by": by}
    )


def task(delivery: Delivery) -> Task:
    """The next attempt of this delivery as a message of RetryQueue."""
    begins = delivery.attempt_count == delivery.round_start
    return Task(
        tenant=delivery.tenant,
        event_id=delivery.event_id,
        endpoint_id=delivery.endpoint_id,
        attempt=delivery.attempt_count + 1,
        trigger=(delivery.asked or Trigger.FIRST) if begins else Trigger.RETRY,
        by=delivery.asked_by if begins else None,
    )


def as_asked(message: Task, delivery: Delivery) -> Task:
    """The task with the trigger of its attempt, where another message caused it.

    The sweeper, or the wake-up of an earlier retry, may carry a resend or a replay.
    """
    begins = delivery.attempt_count == delivery.round_start
    return task(delivery) if delivery.asked and begins else message


def _with(delivery: Delivery, attempt: Attempt) -> Delivery:
    return delivery.model_copy(
        update={
            "attempt_count": attempt.number,
            "endpoint_version": attempt.endpoint_version,
            "last_attempt_at": attempt.started_at,
            "last_outcome": attempt.outcome,
            "last_duration_ms": attempt.duration_ms,
            "last_status_code": attempt.response.status_code if attempt.response else None,
            "next_attempt_at": None,
            "status_reason": None,
        }
    )


def _stopped(delivery: Delivery, status: DeliveryStatus, reason: str) -> Delivery:
    return delivery.model_copy(
        update={"status": status, "status_reason": reason, "next_attempt_at": None}
    )
