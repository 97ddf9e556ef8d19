"""Pages of the log: no gap, no repeat, and a cost that does not grow with the log behind them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from posthorn import ids
from posthorn.log_lists import LogLists, Position, Wanted
from posthorn.log_store import Body
from posthorn.models import Delivery, DeliveryStatus, iso
from tests.world import START, World

ENDPOINTS = tuple(ids.new("ep", START, bytes([n] * 10)) for n in range(2))
TYPES = ("OrderReceivedEvent", "JobCompletedEvent")
_numbers = count(1)

deliveries = st.lists(
    st.tuples(
        st.integers(0, 20),  # milliseconds: many at the same time
        st.integers(0, 5),  # the event, some for several endpoints
        st.sampled_from(ENDPOINTS),
        st.sampled_from(TYPES),
        st.sampled_from(DeliveryStatus),
    ),
    max_size=12,
    unique_by=lambda each: (each[1], each[2]),
)
filters = st.fixed_dictionaries(
    {},
    optional={
        "event_type": st.sampled_from(TYPES),
        "status": st.sampled_from(DeliveryStatus),
        "since": st.integers(0, 21).map(lambda ms: START + timedelta(milliseconds=ms)),
        "until": st.integers(0, 21).map(lambda ms: START + timedelta(milliseconds=ms)),
    },
)


def fresh_tenant() -> str:
    return f"lists-{next(_numbers)}"


def put(
    world: World,
    tenant: str,
    at: datetime,
    *,
    number: int,
    endpoint_id: str = ENDPOINTS[0],
    event_type: str = TYPES[0],
    status: DeliveryStatus = DeliveryStatus.SUCCEEDED,
) -> Delivery:
    event_id = ids.new("evt", START, number.to_bytes(10, "big"))
    delivery = Delivery(
        id=ids.delivery(event_id, endpoint_id),
        tenant=tenant,
        event_id=event_id,
        event_type=event_type,
        endpoint_id=endpoint_id,
        endpoint_version=1,
        status=status,
        created_at=at,
    )
    assert world.log.put_delivery(delivery, Body())
    return delivery


@contextmanager
def rows_read(world: World) -> Iterator[list[int]]:
    """How many rows each Query read meanwhile."""
    read: list[int] = []

    def after(parsed: Any, **_: Any) -> None:
        read.append(parsed["ScannedCount"])

    world.dynamodb.meta.events.register("after-call.dynamodb.Query", after)
    try:
        yield read
    finally:
        world.dynamodb.meta.events.unregister("after-call.dynamodb.Query", after)


@settings(max_examples=12, deadline=None)
@given(deliveries, filters, st.integers(1, 5), st.booleans())
def test_pages_are_a_whole_list_cut_up_while_new_deliveries_arrive(
    shared: World, rows: list[Any], wanted: dict[str, Any], limit: int, arriving: bool
) -> None:
    lists, tenant = LogLists(shared.log_table), fresh_tenant()
    made = [
        put(
            shared,
            tenant,
            START + timedelta(milliseconds=at),
            number=number,
            endpoint_id=endpoint_id,
            event_type=event_type,
            status=status,
        )
        for at, number, endpoint_id, event_type, status in rows
    ]
    want = Wanted(endpoint_ids=ENDPOINTS, **wanted)

    seen: list[str] = []
    after, newer = None, count(100)
    while True:
        page, position = lists.page(tenant, want, limit=limit, after=after)
        assert len(page) <= limit
        seen.extend(each.id for each in page)
        if position is None:
            break
        after = Position.of(position.cursor)
        if arriving:
            number = next(newer)
            put(shared, tenant, START + timedelta(seconds=number), number=number)

    newest_first = sorted(
        made, key=lambda each: (iso(each.created_at), each.event_id, each.endpoint_id), reverse=True
    )
    assert seen == [
        each.id
        for each in newest_first
        if want.takes(each)
        and (want.since is None or each.created_at >= want.since)
        and (want.until is None or each.created_at < want.until)
    ]


def test_a_page_reads_at_most_three_times_what_it_shows(shared: World) -> None:
    lists, tenant = LogLists(shared.log_table), fresh_tenant()
    for number in range(120):
        put(shared, tenant, START + timedelta(seconds=number), number=number)
    one = Wanted(endpoint_ids=ENDPOINTS[:1])

    with rows_read(shared) as first:
        page, position = lists.page(tenant, one, limit=20)
    with rows_read(shared) as second:
        lists.page(tenant, one, limit=20, after=position)

    assert [each.event_type for each in page] == [TYPES[0]] * 20
    assert sum(first) <= 60
    assert sum(second) <= 60 + 4  # in each partition, the row that the page before ended with


def test_a_rare_thing_in_a_long_log_is_found_over_pages_that_may_be_empty(shared: World) -> None:
    lists, tenant = LogLists(shared.log_table), fresh_tenant()
    rare = put(shared, tenant, START, number=0, event_type=TYPES[1])
    for number in range(1, 50):
        put(shared, tenant, START + timedelta(seconds=number), number=number)
    wanted = Wanted(endpoint_ids=ENDPOINTS[:1], event_type=TYPES[1])

    page, position = lists.page(tenant, wanted, limit=1)
    pages = [page]
    while position:
        page, position = lists.page(tenant, wanted, limit=1, after=position)
        pages.append(page)

    assert pages[0] == []
    assert [each.id for page in pages for each in page] == [rare.id]


def test_what_needs_attention_is_found_without_reading_what_does_not(shared: World) -> None:
    lists, tenant = LogLists(shared.log_table), fresh_tenant()
    dead = put(shared, tenant, START, number=0, status=DeliveryStatus.DEAD)
    for number in range(1, 30):
        put(shared, tenant, START + timedelta(seconds=number), number=number)

    with rows_read(shared) as read:
        page, position = lists.page(
            tenant, Wanted(endpoint_ids=ENDPOINTS, status=DeliveryStatus.DEAD), limit=10
        )

    assert ([each.id for each in page], position) == ([dead.id], None)
    assert sum(read) == 1


def test_a_page_after_a_time_that_has_moved_on_is_the_end(shared: World) -> None:
    lists, tenant = LogLists(shared.log_table), fresh_tenant()
    for number in range(3):
        put(shared, tenant, START + timedelta(seconds=number), number=number)
    wanted = Wanted(endpoint_ids=ENDPOINTS[:1])
    _, position = lists.page(tenant, wanted, limit=1)
    later = Wanted(endpoint_ids=ENDPOINTS[:1], since=START + timedelta(days=1))

    assert lists.page(tenant, later, limit=1, after=position) == ([], None)
