"""The transitions of a delivery's state."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthorn.deliveries import state
from posthorn.models import (
    Attempt,
    Delivery,
    DeliveryStatus,
    Outcome,
    Response,
    ScheduleRetry,
    SentRequest,
    Trigger,
)
from tests.unit.samples import NOW

EXPIRY = NOW + timedelta(days=30)
TWICE = ScheduleRetry(delays_seconds=(10, 20))
FAILURES = [outcome for outcome in Outcome if outcome is not Outcome.SUCCEEDED]


def delivery(**fields: Any) -> Delivery:
    given_fields = {
        "id": "dlv_1",
        "tenant": "acme",
        "event_id": "evt_1",
        "event_type": "OrderReceivedEvent",
        "endpoint_id": "ep_1",
        "endpoint_version": 1,
        "status": "pending",
        "created_at": NOW,
        "expires_at": EXPIRY,
    }
    return Delivery.model_validate({**given_fields, **fields})


def attempt(number: int = 1, outcome: Outcome = Outcome.HTTP_ERROR, **fields: Any) -> Attempt:
    return Attempt(
        number=number,
        trigger=Trigger.FIRST if number == 1 else Trigger.RETRY,
        endpoint_version=fields.pop("endpoint_version", 1),
        started_at=NOW,
        duration_ms=2_000,
        outcome=outcome,
        advice="",
        request=SentRequest(method="POST", url="https://a.example.com", headers={}),
        **fields,
    )


def answered(status_code: int) -> Response:
    return Response(status_code=status_code, headers={}, body="")


def test_a_success_ends_the_delivery() -> None:
    before = delivery(status="retrying", attempt_count=1, next_attempt_at=NOW)

    success = attempt(2, Outcome.SUCCEEDED, response=answered(204))
    done = state.after(before, success, TWICE, jitter=0)

    assert done.status is DeliveryStatus.SUCCEEDED
    assert (done.attempt_count, done.last_status_code, done.next_attempt_at) == (2, 204, None)


@pytest.mark.parametrize("outcome", FAILURES)
def test_after_any_failure_the_delay_begins_at_the_end_of_the_attempt(outcome: Outcome) -> None:
    after = state.after(delivery(), attempt(outcome=outcome), TWICE, jitter=0)

    assert after.status is DeliveryStatus.RETRYING
    assert after.next_attempt_at == NOW + timedelta(seconds=2 + 10)
    assert (after.attempt_count, after.last_attempt_at) == (1, NOW)
    assert (after.last_outcome, after.last_status_code) == (outcome, None)


def test_the_last_failure_makes_the_delivery_dead() -> None:
    before = delivery(status="retrying", attempt_count=2)

    dead = state.after(before, attempt(3), TWICE, jitter=0)

    assert dead.status is DeliveryStatus.DEAD
    assert dead.status_reason == "all retries are used up"
    assert dead.next_attempt_at is None


def test_the_endpoint_may_ask_for_more_patience() -> None:
    after = state.after(delivery(), attempt(retry_after_seconds=300), TWICE, jitter=-1)

    assert after.next_attempt_at == NOW + timedelta(seconds=2 + 300)


def test_an_endpoint_that_is_gone_holds_its_delivery_instead_of_retrying() -> None:
    after = state.after(delivery(), attempt(response=answered(410)), TWICE, jitter=0)

    assert after.status is DeliveryStatus.HELD
    assert after.next_attempt_at is None
    assert "410" in (after.status_reason or "")


def test_a_delivery_names_the_version_of_the_endpoint_that_was_used_last() -> None:
    after = state.after(delivery(), attempt(endpoint_version=7), TWICE, jitter=0)

    assert after.endpoint_version == 7


def test_a_delivery_begun_again_has_its_whole_policy_before_it() -> None:
    dead = delivery(status="dead", status_reason="all retries are used up", attempt_count=3)

    again = state.begun_again(dead, NOW, Trigger.RESEND, by="phk_ops")

    assert (again.status, again.status_reason) == (DeliveryStatus.PENDING, None)
    assert again.next_attempt_at == NOW
    fourth = state.after(again, attempt(4), TWICE, jitter=0)
    fifth = state.after(fourth, attempt(5), TWICE, jitter=0)
    sixth = state.after(fifth, attempt(6), TWICE, jitter=0)
    assert [each.status for each in (fourth, fifth, sixth)] == ["retrying", "retrying", "dead"]


def test_a_resend_or_replay_keeps_its_trigger_for_any_wake_up() -> None:
    dead = delivery(status="dead", attempt_count=3)
    again = state.begun_again(dead, NOW, Trigger.REPLAY, by="job_1")
    swept = state.task(dead).model_copy(update={"trigger": Trigger.SWEEPER})

    asked = state.as_asked(swept, again)

    assert (asked.attempt, asked.trigger, asked.by) == (4, Trigger.REPLAY, "job_1")


def test_the_retries_of_a_replay_are_retries() -> None:
    dead = delivery(status="dead", attempt_count=3)
    again = state.begun_again(dead, NOW, Trigger.REPLAY, by="job_1")
    failed = state.after(again, attempt(4), TWICE, jitter=0)

    task = state.task(failed)

    assert (task.attempt, task.trigger, task.by) == (5, Trigger.RETRY, None)
    assert state.as_asked(task, failed) == task


def test_a_delivery_belongs_to_a_job_until_it_is_resent_otherwise() -> None:
    replayed = state.begun_again(delivery(), NOW, Trigger.REPLAY, by="job_1")
    resent = state.begun_again(replayed, NOW, Trigger.RESEND, by="phk_ops")

    assert (replayed.job_id, resent.job_id) == ("job_1", None)


@pytest.mark.parametrize("stop", [state.held, state.cancelled])
def test_a_stopped_delivery_has_a_reason_and_no_next_attempt(stop: Any) -> None:
    stopped = stop(delivery(status="retrying", next_attempt_at=NOW), "asked to")

    assert (stopped.status_reason, stopped.next_attempt_at) == ("asked to", None)
    assert stopped.status in ("held", "cancelled")


@settings(max_examples=50)
@given(
    st.lists(st.sampled_from([Outcome.SUCCEEDED, *FAILURES]), min_size=1, max_size=8),
    st.lists(st.floats(0.1, 1000), max_size=6),
    st.floats(-1, 1),
)
def test_only_a_delivery_that_is_retrying_has_a_next_attempt(
    outcomes: list[Outcome], delays: list[float], jitter: float
) -> None:
    policy = ScheduleRetry(delays_seconds=tuple(delays))
    now = delivery()

    for number, outcome in enumerate(outcomes, start=1):
        now = state.after(now, attempt(number, outcome), policy, jitter=jitter)

        assert (now.next_attempt_at is not None) == (now.status is DeliveryStatus.RETRYING)
        assert now.attempt_count == number
        if now.status is not DeliveryStatus.RETRYING:
            break
    assert now.attempt_count <= len(delays) + 1


def test_a_delivery_dies_before_its_log_expires_and_says_so() -> None:
    asks_for_a_day = attempt(retry_after_seconds=86_400)

    short = delivery(expires_at=NOW + timedelta(days=1))
    late = state.after(short, asks_for_a_day, TWICE, jitter=0)

    assert late.status is DeliveryStatus.DEAD
    assert late.next_attempt_at is None
    assert late.status_reason == "the log expires before the next attempt"
