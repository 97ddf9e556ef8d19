"""Reconciliation: it passes for every sequence of operations, and finds each broken item."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from posthorn.models import Delivery, DeliveryStatus
from posthorn.monitoring.counters import hour_of
from posthorn.monitoring.reconciliation_report import Report
from tests.integration.conftest import Tenant, new_tenant
from tests.support.invocations import invoke
from tests.support.world import START, World, answered

ORDER = {
    "type": "OrderReceivedEvent",
    "data": {"ClientId": 1, "ApplicationId": 1, "ClientOrderRef": "B-1", "Source": "WEB"},
}
HOUR = timedelta(hours=1)
SINCE = hour_of(START)


@pytest.fixture(autouse=True)
def _start(shared: World) -> None:
    shared.now = START


@pytest.fixture
def busy(shared: World) -> Tenant:
    """A tenant with a delivery of each kind: succeeded, retrying, dead and held."""
    tenant = new_tenant(shared)
    never_again = {"kind": "schedule", "delays_seconds": []}
    for name, status, fields in (
        ("works", 200, {}),
        ("fails", 503, {}),
        ("dies", 500, {"retry": never_again}),
        ("waits", 200, {"status": "paused"}),
    ):
        url = f"http://{name}.{tenant.id}.example.com/"
        shared.endpoint(name, tenant.id, url=url, **fields)
        shared.answers[url] = lambda _, status=status: answered(status)  # type: ignore[misc] # a default
    shared.publish(ORDER, ORDER, tenant=tenant.id)
    shared.take_events()
    shared.count()
    return tenant


def check(tenant: Tenant, **options: Any) -> Report:
    return tenant.world.conservation.check(tenant.id, SINCE, SINCE + HOUR, **options)


def one(tenant: Tenant, status: str) -> Delivery:
    found = tenant.world.deliveries(tenant.id)
    return next(each for each in found if each.status == status)


def change(tenant: Tenant, delivery: Delivery, **attributes: Any) -> None:
    """Change the item as no code of ours would."""
    tenant.world.log_table.update(
        {"pk": f"{tenant.id}#{delivery.event_id}", "sk": f"delivery#{delivery.endpoint_id}"},
        attributes,
        condition="attribute_exists(#pk)",
        values={},
    )


def remove(tenant: Tenant, delivery: Delivery) -> None:
    tenant.world.log_table.delete(
        {"pk": f"{tenant.id}#{delivery.event_id}", "sk": f"delivery#{delivery.endpoint_id}"}
    )


def test_it_holds_for_deliveries_of_every_kind(busy: Tenant) -> None:
    report = check(busy, each_event=True)

    assert report.is_balanced
    assert (report.events, report.expected, report.found) == (2, 8, 8)
    assert {status: n for status, n in report.statuses.items() if n} == {
        DeliveryStatus.SUCCEEDED: 2,
        DeliveryStatus.RETRYING: 2,
        DeliveryStatus.DEAD: 2,
        DeliveryStatus.HELD: 2,
    }
    assert report.missing == ()


def test_it_holds_while_deliveries_move_on(busy: Tenant) -> None:
    busy.world.recovery.cancel(busy.id, one(busy, "held").id, by="me")
    busy.world.recovery.resend(busy.id, one(busy, "dead").id, by="me")

    report = check(busy)

    assert report.is_balanced
    assert report.statuses[DeliveryStatus.CANCELLED] == report.statuses[DeliveryStatus.PENDING] == 1


def test_tests_are_not_checked(busy: Tenant) -> None:
    busy.world.now = datetime.now(UTC)
    endpoint = one(busy, "succeeded").endpoint_id
    assert busy.client.post(f"/v1/endpoints/{endpoint}/test", {}).status == 200
    busy.world.count()

    hour = hour_of(busy.world.now)
    report = busy.world.conservation.check(busy.id, hour, hour + HOUR)

    assert (report.is_balanced, report.expected, report.found) == (True, 0, 0)


def test_a_delivery_that_is_gone_is_missed_and_named(busy: Tenant) -> None:
    gone = one(busy, "succeeded")
    remove(busy, gone)

    report = check(busy, each_event=True)

    assert not report.is_balanced
    assert report.unaccounted == 1
    (difference,) = report.differences
    assert (difference.expected, difference.begun, difference.found) == (2, 2, 1)
    assert difference.endpoint_id == gone.endpoint_id
    assert report.missing == (gone.id,)


def test_one_missing_and_one_too_many_do_not_make_up_for_each_other(busy: Tenant) -> None:
    remove(busy, one(busy, "succeeded"))
    spare = one(busy, "dead")
    busy.world.log_table.put(
        {
            **busy.world.log_table.query(
                "#pk = :pk AND #sk = :sk",
                {
                    "pk": f"{busy.id}#{spare.event_id}",
                    "sk": f"delivery#{spare.endpoint_id}",
                },
            ).__next__(),
            "pk": f"{busy.id}#evt_01KAR7XJ80000000000000000Z",
        }
    )

    report = check(busy)

    assert report.expected == report.found
    assert report.unaccounted == 2


def test_a_delivery_in_two_states_is_named(busy: Tenant) -> None:
    broken = one(busy, "succeeded")
    change(busy, broken, status_pk=f"{busy.id}#{broken.endpoint_id}#dead#0")

    report = check(busy)

    assert report.in_two_states == (broken.id,)
    assert report.unaccounted == 1


def test_a_delivery_that_its_list_does_not_show_is_named(busy: Tenant) -> None:
    broken = one(busy, "dead")
    change(busy, broken, status_pk=None)

    assert check(busy).in_two_states == (broken.id,)


def explanations(report: Report) -> set[str | None]:
    return {each.explanation for each in report.overdue}


def test_a_retry_that_is_late_is_explained_until_the_sweeper_should_have_found_it(
    busy: Tenant,
) -> None:
    busy.world.later(minutes=4)
    assert explanations(check(busy)) == {"the sweeper queues it again"}

    busy.world.later(minutes=20)
    report = check(busy)

    assert explanations(report) == {None}
    retrying = [each for each in busy.world.deliveries(busy.id) if each.status == "retrying"]
    assert {each.delivery_id for each in report.unexplained} == {each.id for each in retrying}
    assert report.unaccounted == 0
    assert not report.is_balanced


def test_a_late_retry_that_is_being_made_is_explained(busy: Tenant) -> None:
    remove(busy, one(busy, "retrying"))
    busy.world.later(minutes=30)
    until = busy.world.now + timedelta(seconds=90)
    change(busy, one(busy, "retrying"), claim="a-message", claim_until=int(until.timestamp()))

    assert explanations(check(busy)) == {"an attempt is being made"}


def test_late_retries_are_explained_by_a_queue_that_holds_as_many(busy: Tenant) -> None:
    busy.world.later(minutes=30)
    busy.world.sweeper.sweep()

    assert explanations(check(busy)) == {"it waits in RetryQueue"}
    busy.world.receive(busy.world.settings.retry_queue_url)


def test_late_retries_of_a_slow_endpoint_are_explained(busy: Tenant) -> None:
    late = one(busy, "retrying")
    endpoint = busy.world.config.endpoint(busy.id, late.endpoint_id)
    assert endpoint
    slow = endpoint.health.model_copy(update={"slow": True})
    busy.world.config.put_health(endpoint, slow)
    busy.world.later(minutes=30)

    assert explanations(check(busy)) == {"its endpoint is slow, and gets few requests at a time"}


def test_a_retry_that_nothing_would_ever_wake_is_named_at_once(busy: Tenant) -> None:
    stuck = one(busy, "retrying")
    item = next(
        busy.world.log_table.query(
            "#pk = :pk AND #sk = :sk",
            {"pk": f"{busy.id}#{stuck.event_id}", "sk": f"delivery#{stuck.endpoint_id}"},
        )
    )
    summary = json.loads(item["summary"])
    del summary["next_attempt_at"]
    change(busy, stuck, summary=json.dumps(summary), due_pk=None, due_sk=None)

    assert [each.delivery_id for each in check(busy).unexplained] == [stuck.id]


def test_the_hourly_check_finds_missing_and_stuck_deliveries(
    shared: World, capsys: pytest.CaptureFixture[str]
) -> None:
    shared.now = hour_of(datetime.now(UTC)) - timedelta(hours=1.5)  # the handler has the real clock
    tenant = new_tenant(shared)
    shared.endpoint("fails", tenant.id, url=f"http://fails.{tenant.id}.example.com/")
    shared.answers[f"http://fails.{tenant.id}.example.com/"] = lambda _: answered(503)
    shared.publish(ORDER, ORDER, tenant=tenant.id)
    shared.take_events()
    shared.count()
    remove(tenant, one(tenant, "retrying"))
    stuck = one(tenant, "retrying")

    invoke("ConservationFunction", {})

    told = capsys.readouterr().out
    assert '"UnaccountedDeliveries":[1.0]' in told
    assert '"UnexplainedOverdueDeliveries":[' in told
    shared.now = datetime.now(UTC)
    findings = shared.conservation.run()
    assert [each.tenant for each in findings.reports if each.unaccounted] == [tenant.id]
    assert stuck.id in {each.delivery_id for each in findings.unexplained}


def test_the_command_prints_totals_in_a_line_and_faults_below(busy: Tenant) -> None:
    gone = one(busy, "held")
    lines = list(check(busy).lines())
    remove(busy, gone)

    broken = list(check(busy, each_event=True).lines())

    assert lines == [
        f"{busy.id}  2026-11-23T10:00:00.000Z to 2026-11-23T11:00:00.000Z  2 events, 8 "
        "deliveries expected, 8 found (2 succeeded, 2 retrying, 2 held, 2 dead): OK"
    ]
    assert broken[0].endswith(": NOT OK")
    assert f"  missing: {gone.id}" in broken
