"""Statistics from LogTable's stream are exact when batches are repeated."""

from collections import Counter
from typing import Any

import pytest

from posthorn.core.errors import UnavailableError
from posthorn.deliveries.stream import StreamChange
from posthorn.models import Endpoint
from posthorn.monitoring.counters import Counts, StatsKey, hour_of
from tests.support.faults import Died, dying_at
from tests.support.world import START, TENANT, World, answered

ORDER_TYPE = "OrderReceivedEvent"


def counts(world: World) -> dict[StatsKey, Counts]:
    hour = hour_of(START)
    return dict(world.stats.rows(TENANT, hour, hour.replace(hour=hour.hour + 1)))


def counts_of(world: World, endpoint: Endpoint) -> Counts:
    cell = StatsKey(TENANT, hour_of(START), endpoint.id, ORDER_TYPE)
    return counts(world)[cell]


def test_a_first_success_counts_as_event_delivery_and_attempt_in_one_row(world: World) -> None:
    endpoint = world.endpoint()
    world.publish()
    world.take_events()

    world.count()

    assert set(counts(world)) == {StatsKey(TENANT, hour_of(START), endpoint.id, ORDER_TYPE)}
    latency = {name for name in counts_of(world, endpoint) if name.startswith("latency.")}
    assert counts_of(world, endpoint) == {
        "events": 1,
        "wanted": 1,
        "created": 1,
        "status.succeeded": 1,
        "tried": 1,
        "attempts": 1,
        "first_successes": 1,
        "outcome.succeeded": 1,
        **dict.fromkeys(latency, 1),
    }
    assert len(latency) == 1


def test_an_event_counts_once_however_many_want_it(world: World) -> None:
    endpoints = [world.endpoint(name) for name in ("erp", "crm", "lake")]
    world.publish()
    world.take_events()

    world.count()

    rows = [counts_of(world, each) for each in endpoints]
    assert [row["wanted"] for row in rows] == [1, 1, 1]
    assert sum(row["events"] for row in rows) == 1


def test_an_event_that_no_endpoint_wants_is_counted(world: World) -> None:
    world.publish()
    world.take_events()

    world.count()

    assert list(counts(world).values()) == [{"events": 1}]


def test_a_delivery_that_moves_on_leaves_its_old_status(world: World) -> None:
    endpoint = world.endpoint()
    world.answers[endpoint.url] = lambda _: answered(503)
    world.publish()
    world.take_events()
    world.count()
    assert counts_of(world, endpoint)["status.retrying"] == 1

    world.answers[endpoint.url] = lambda _: answered(200)
    world.later(hours=2)
    world.wake()
    world.count()

    row = counts_of(world, endpoint)
    assert row["status.succeeded"] == row["created"] == row["tried"] == 1
    assert row["attempts"] == 2
    assert row["first_successes"] == row["status.retrying"] == 0


def test_an_erasure_counts_nothing(world: World) -> None:
    endpoint = world.endpoint()
    (event,) = world.publish()
    world.take_events()
    world.count()
    before = counts_of(world, endpoint)

    world.erasing.erase(event.tenant, event.id, by="phk_ops")
    world.count()

    assert counts_of(world, endpoint) == before


def test_a_delivery_begun_after_a_crash_belongs_to_the_hour_of_its_event(world: World) -> None:
    world.endpoint()
    world.publish()
    (message,) = world.receive(world.settings.event_queue_url)
    with pytest.raises(Died), dying_at(world, 3, after=True) as calls:
        world.take_message(message)
    assert calls[-1] == "PutItem"  # of the event

    world.later(hours=3)
    world.take_message(message)
    world.count()

    (delivery,) = world.deliveries()
    assert delivery.created_at == START
    (row,) = counts(world).values()
    assert (row["wanted"], row["created"]) == (1, 1)


def changes(world: World) -> list[StreamChange]:
    return [StreamChange.of(record) for record in world.stream.new()]


def some_traffic(world: World) -> list[Endpoint]:
    endpoints = [world.endpoint("erp"), world.endpoint("crm")]
    world.answers[endpoints[1].url] = lambda _: answered(503)
    for _ in range(3):
        world.publish()
    world.take_events()
    return endpoints


def test_a_batch_that_died_halfway_is_counted_once_when_it_comes_again(world: World) -> None:
    endpoints = some_traffic(world)
    batch = changes(world)
    with pytest.raises(Died), dying_at(world, 2, after=True):
        world.counting.count("one", batch)

    world.counting.count("one", batch)

    assert [counts_of(world, each)["created"] for each in endpoints] == [3, 3]


def test_a_batch_that_comes_again_in_other_pieces_is_counted_once(world: World) -> None:
    endpoints = some_traffic(world)
    batch = changes(world)
    world.counting.count("one", batch[:4])

    for piece in (batch[:2], batch[2:7], batch[5:]):
        world.counting.count("one", piece)

    assert [counts_of(world, each)["created"] for each in endpoints] == [3, 3]


def test_a_row_that_another_shard_wrote_meanwhile_is_read_again(world: World) -> None:
    (erp, _) = some_traffic(world)
    batch = changes(world)
    reads = Counter[str]()

    def another_shard_writes(**_: Any) -> None:
        reads["batches"] += 1
        if reads["batches"] == 1:
            world.counting.count("two", batch)

    world.dynamodb.meta.events.register("after-call.dynamodb.BatchGetItem", another_shard_writes)
    world.counting.count("one", batch)

    assert counts_of(world, erp)["created"] == 6


def test_a_row_that_cannot_be_written_brings_the_batch_back(world: World) -> None:
    some_traffic(world)
    batch = changes(world)

    def refused(**_: Any) -> Any:
        raise UnavailableError("the table did not answer")

    world.dynamodb.meta.events.register("before-call.dynamodb.PutItem", refused)
    with pytest.raises(UnavailableError):
        world.counting.count("one", batch)
