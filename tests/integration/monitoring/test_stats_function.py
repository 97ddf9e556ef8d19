"""StatsFunction as Lambda calls it."""

import pytest

from posthorn.monitoring.counters import Counts, hour_of
from tests.integration.conftest import Tenant
from tests.support.invocations import invoke
from tests.support.world import START, World


def counts(tenant: Tenant) -> list[Counts]:
    hour = hour_of(START)
    rows = tenant.world.stats.rows(tenant.id, hour, hour.replace(hour=hour.hour + 1))
    return [row for _, row in rows]


def test_a_test_is_not_counted(tenant: Tenant) -> None:
    endpoint = tenant.world.endpoint(tenant=tenant.id, status="disabled")
    answer = tenant.client.post(f"/v1/endpoints/{endpoint.id}/test", {})
    assert answer.status == 200

    tenant.world.count()

    assert counts(tenant) == []


def test_the_function_counts_a_batch_of_lambda(shared: World, tenant: Tenant) -> None:
    shared.count()
    shared.endpoint(tenant=tenant.id)
    shared.publish(tenant=tenant.id)
    shared.take_events()
    event = shared.stream.event(shared.stream.new())

    answers = [invoke("StatsFunction", event), invoke("StatsFunction", event)]

    assert answers == [{"state": {}}, {"state": {}}]
    (row,) = counts(tenant)
    assert (row["events"], row["created"]) == (1, 1)


def test_the_last_call_of_a_window_counts_nothing(shared: World) -> None:
    last = {**shared.stream.event([]), "isFinalInvokeForWindow": True}

    assert invoke("StatsFunction", last) == {"state": {}}


def test_an_unreadable_record_is_reported_and_blocks_no_other(
    shared: World,
    tenant: Tenant,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    shared.count()
    shared.endpoint(tenant=tenant.id)
    shared.publish(tenant=tenant.id)
    shared.take_events()
    records = shared.stream.new()
    torn = {"pk": {"S": "evt"}, "sk": {"S": "event"}, "wanted": {"N": "1"}}
    poison = {**records[0], "dynamodb": {"SequenceNumber": "17", "NewImage": torn}}

    invoke("StatsFunction", shared.stream.event([poison, *records]))

    (row,) = counts(tenant)
    assert row["created"] == 1
    assert '"UnreadableRecords":[1.0]' in capsys.readouterr().out
    assert [
        each.sequence_number for each in caplog.records if hasattr(each, "sequence_number")
    ] == ["17"]
