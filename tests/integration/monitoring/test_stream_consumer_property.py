"""Statistics equal the deliveries for every split, repeat and crash of a stream's batches."""

import base64
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import count, pairwise
from typing import Any

from boto3.dynamodb.types import TypeSerializer
from hypothesis import given, settings
from hypothesis import strategies as st

from posthorn.deliveries import items
from posthorn.deliveries.stream import StreamChange
from posthorn.models import Delivery, DeliveryStatus, Outcome
from posthorn.monitoring.counters import Counts, StatsKey, hour_of
from tests.support.faults import Died, dying_at
from tests.support.world import START, World

SHARDS = ("one", "two")
_tenants = count(1)

statuses = st.sampled_from(list(DeliveryStatus))
histories = st.lists(st.tuples(statuses, st.booleans()), min_size=1, max_size=4)
deliveries = st.tuples(
    st.sampled_from(SHARDS), st.integers(0, 2), st.sampled_from(["A", "B"]), histories
)
# A batch of a shard: how many records it has, and at which of its calls the function dies.
batches = st.tuples(st.sampled_from(SHARDS), st.integers(1, 6), st.none() | st.integers(1, 5))


def states(tenant: str, number: int, endpoint: int, kind: str, history: Any) -> Iterator[Delivery]:
    """A delivery as it was after each of the steps: a status, and whether an attempt was made."""
    attempts = 0
    for status, attempted in history:
        attempts += attempted
        yield Delivery(
            id=f"dlv_{number}",
            tenant=tenant,
            event_id=f"evt_{number}",
            event_type=kind,
            endpoint_id=f"ep_{endpoint}",
            endpoint_version=1,
            status=status,
            attempt_count=attempts,
            created_at=START + timedelta(minutes=25 * number),
            expires_at=START + timedelta(days=30),
            last_outcome=Outcome.HTTP_ERROR if attempts else None,
            last_duration_ms=10 if attempts else None,
        )


def image(delivery: Delivery) -> dict[str, Any]:
    serialize = TypeSerializer().serialize
    return {
        name: {"B": base64.b64encode(value).decode()} if isinstance(value, bytes) else typed
        for name, value in items.delivery_item(delivery).items()
        for typed in [serialize(value)]
    }


def as_they_are(finals: list[Delivery]) -> dict[StatsKey, Counts]:
    """The counts computed from the deliveries themselves."""
    seen: defaultdict[StatsKey, Counts] = defaultdict(Counts)
    for each in finals:
        cell = StatsKey(each.tenant, hour_of(each.created_at), each.endpoint_id, each.event_type)
        seen[cell].update(["created", f"status.{each.status}"])
        seen[cell]["attempts"] += each.attempt_count
        seen[cell]["tried"] += each.attempt_count > 0
    return seen


@settings(max_examples=40)
@given(made=st.lists(deliveries, min_size=1, max_size=6), plan=st.lists(batches, max_size=12))
def test_batches_in_any_order_cut_and_repeated_anyhow_count_each_delivery_once(
    shared: World, made: Any, plan: Any
) -> None:
    tenant = f"any-{next(_tenants)}"
    streams: dict[str, list[StreamChange]] = {shard: [] for shard in SHARDS}
    finals: list[Delivery] = []
    for number, (shard, *facts) in enumerate(made):
        steps = list(states(tenant, number, *facts))
        finals.append(steps[-1])
        for before, after in pairwise([None, *steps]):
            number_in_shard = len(streams[shard]) * 7
            was = image(before) if before else None
            streams[shard].append(StreamChange(number_in_shard, was, image(after)))  # type: ignore[arg-type] # pairwise

    done = dict.fromkeys(SHARDS, 0)
    rest = [(shard, len(streams[shard]) + 1, None) for shard in SHARDS]
    for shard, size, dies_at in [*plan, *rest]:
        batch = streams[shard][done[shard] : done[shard] + size]
        if dies_at:
            with suppress(Died), dying_at(shared, dies_at, after=True):
                shared.counting.count(shard, batch)
        else:
            shared.counting.count(shard, batch)
            done[shard] += len(batch)

    hour = hour_of(START)
    counted = dict(shared.stats.rows(tenant, hour, hour + timedelta(hours=24)))
    told = {"created", "attempts", "tried", *(f"status.{each}" for each in DeliveryStatus)}
    assert {
        cell: Counts({name: n for name, n in counts.items() if name in told})
        for cell, counts in counted.items()
        if counts["created"]
    } == {cell: +counts for cell, counts in as_they_are(finals).items()}
