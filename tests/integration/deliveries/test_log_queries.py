"""Pages of the log: no gap, no repeat, and a cost that does not grow with the log behind them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthorn.core import ids
from posthorn.deliveries.filters import DeliveryFilter, Order, StatusClass, WithTests
from posthorn.deliveries.page_walk import ROWS_READ_PER_ROW, Position
from posthorn.deliveries.queries import LogLists
from posthorn.deliveries.store import StoredBody
from posthorn.models import Delivery, DeliveryStatus, Outcome, iso
from tests.support.world import START, AtOnce, World

ENDPOINTS = tuple(ids.new("ep", START, bytes([n] * 10)) for n in range(2))
TYPES = ("OrderReceivedEvent", "JobCompletedEvent")
_numbers = count(1)

# The possible outcomes and codes of the last attempt of a failed delivery.
FAILURES = (
    (None, None),  # not tried yet
    (Outcome.HTTP_ERROR, 503),
    (Outcome.HTTP_ERROR, 404),
    (Outcome.REDIRECT, 301),
    (Outcome.TIMEOUT_READ, None),
)

deliveries = st.lists(
    st.fixed_dictionaries(
        {
            "at": st.integers(0, 20).map(lambda ms: START + timedelta(milliseconds=ms)),
            "number": st.integers(0, 5),  # the event, some for several endpoints
            "endpoint_id": st.sampled_from(ENDPOINTS),
            "event_type": st.sampled_from(TYPES),
            "status": st.sampled_from(DeliveryStatus),
            "failure": st.sampled_from(FAILURES),
            "test": st.booleans(),
        }
    ),
    max_size=12,
    unique_by=lambda each: (each["number"], each["endpoint_id"]),
)
moments = st.integers(0, 21).map(lambda ms: START + timedelta(milliseconds=ms))
filters = st.fixed_dictionaries(
    {"order": st.sampled_from(Order), "test": st.sampled_from(WithTests)},
    optional={
        "event_type": st.sampled_from(TYPES),
        "event_id": st.integers(0, 5).map(lambda number: event_id_of(number)),
        "status": st.sampled_from(DeliveryStatus),
        "outcome": st.sampled_from(Outcome),
        "status_class": st.sampled_from(StatusClass),
        "since": moments,
        "until": moments,
    },
)


def event_id_of(number: int) -> str:
    return ids.new("evt", START, number.to_bytes(10, "big"))


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
    failure: tuple[Outcome | None, int | None] = FAILURES[1],
    test: bool = False,
) -> Delivery:
    event_id = event_id_of(number)
    has_succeeded = status is DeliveryStatus.SUCCEEDED
    outcome, status_code = (Outcome.SUCCEEDED, 200) if has_succeeded else failure
    delivery = Delivery(
        id=ids.delivery(event_id, endpoint_id),
        tenant=tenant,
        event_id=event_id,
        event_type=event_type,
        endpoint_id=endpoint_id,
        endpoint_version=1,
        status=status,
        created_at=at,
        last_outcome=outcome,
        last_status_code=status_code,
        test=test,
        expires_at=START + timedelta(days=30),
    )
    assert world.log.put_delivery(delivery, StoredBody())
    return delivery


@contextmanager
def rows_read(world: World) -> Iterator[list[int]]:
    """The number of rows that each Query reads within the block."""
    read: list[int] = []

    def after(parsed: Any, **_: Any) -> None:
        read.append(parsed["ScannedCount"])

    world.dynamodb.meta.events.register("after-call.dynamodb.Query", after)
    try:
        yield read
    finally:
        world.dynamodb.meta.events.unregister("after-call.dynamodb.Query", after)


@settings(max_examples=25, deadline=None)
@given(deliveries, filters, st.integers(1, 5), st.booleans())
def test_pages_are_a_whole_list_cut_up_while_new_deliveries_arrive(
    shared: World, rows: list[Any], wanted: dict[str, Any], limit: int, arriving: bool
) -> None:
    lists, tenant = LogLists(shared.log_table, AtOnce()), fresh_tenant()
    made = [put(shared, tenant, **row) for row in rows]
    want = DeliveryFilter(endpoint_ids=ENDPOINTS, **wanted)
    is_newest_first = want.order is Order.NEWEST
    later, more = START + timedelta(days=1 if is_newest_first else -1), count(100)

    seen: list[str] = []
    after = None
    while True:
        page, position = lists.page(tenant, want, limit=limit, after=after)
        assert len(page) <= limit
        seen.extend(each.id for each in page)
        if position is None:
            break
        assert position != after
        after = Position.of(position.cursor("0a1b2c3d"), "0a1b2c3d")
        if arriving:
            put(shared, tenant, later, number=next(more))

    ordered = sorted(made, key=lambda each: (iso(each.created_at), each.event_id, each.endpoint_id))
    if want.event_id:  # one event's deliveries are in the order of its endpoints
        ordered.sort(key=lambda each: each.endpoint_id)
    if is_newest_first:
        ordered.reverse()
    assert seen == [each.id for each in ordered if want.matches(each)]


@given(deliveries, filters)
def test_a_filter_is_the_conjunction_of_its_parts(rows: list[Any], wanted: dict[str, Any]) -> None:
    whole = DeliveryFilter(**wanted)
    parts = [DeliveryFilter(**{"test": WithTests.INCLUDE, name: wanted[name]}) for name in wanted]
    for row in rows:
        delivery = Delivery(
            id=ids.delivery(event_id_of(row["number"]), row["endpoint_id"]),
            tenant="acme",
            event_id=event_id_of(row["number"]),
            event_type=row["event_type"],
            endpoint_id=row["endpoint_id"],
            endpoint_version=1,
            status=row["status"],
            created_at=row["at"],
            expires_at=START + timedelta(days=30),
            last_outcome=row["failure"][0],
            last_status_code=row["failure"][1],
            test=row["test"],
        )
        assert whole.matches(delivery) == all(part.matches(delivery) for part in parts)


def test_a_filter_is_kept_as_json() -> None:
    wanted = DeliveryFilter(
        endpoint_ids=ENDPOINTS,
        status=DeliveryStatus.DEAD,
        status_class=StatusClass.SERVER_ERROR,
        since=START,
        order=Order.OLDEST,
    )

    assert DeliveryFilter.model_validate_json(wanted.model_dump_json()) == wanted


def test_a_page_reads_at_most_three_rows_for_each_one_shown(shared: World) -> None:
    lists, tenant = LogLists(shared.log_table, AtOnce()), fresh_tenant()
    for number in range(120):
        put(shared, tenant, START + timedelta(seconds=number), number=number)
    one = DeliveryFilter(endpoint_ids=ENDPOINTS[:1])

    with rows_read(shared) as first:
        page, position = lists.page(tenant, one, limit=20)
    with rows_read(shared) as second:
        lists.page(tenant, one, limit=20, after=position)

    assert [each.event_type for each in page] == [TYPES[0]] * 20
    assert sum(first) <= 60
    assert sum(second) <= 60


def test_a_rare_thing_in_a_long_log_is_found_over_pages_that_may_be_empty(shared: World) -> None:
    lists, tenant = LogLists(shared.log_table, AtOnce()), fresh_tenant()
    rare = put(shared, tenant, START, number=0, event_type=TYPES[1])
    for number in range(1, 50):
        put(shared, tenant, START + timedelta(seconds=number), number=number)
    wanted = DeliveryFilter(endpoint_ids=ENDPOINTS[:1], event_type=TYPES[1])

    page, position = lists.page(tenant, wanted, limit=1)
    pages = [page]
    while position:
        page, position = lists.page(tenant, wanted, limit=1, after=position)
        pages.append(page)

    assert pages[0] == []
    assert [each.id for page in pages for each in page] == [rare.id]


def test_a_page_that_finds_nothing_stops_at_three_rows_for_each_one_asked_for(
    shared: World,
) -> None:
    lists, tenant = LogLists(shared.log_table, AtOnce()), fresh_tenant()
    for number in range(100):
        put(shared, tenant, START + timedelta(seconds=number), number=number)

    with rows_read(shared) as read:
        page, position = lists.page(
            tenant, DeliveryFilter(endpoint_ids=ENDPOINTS, event_type=TYPES[1]), limit=10
        )

    assert page == []
    assert position is not None
    assert sum(read) <= 10 * ROWS_READ_PER_ROW


@pytest.mark.parametrize(
    "wanted",
    [
        {"status": DeliveryStatus.DEAD},
        {"status": DeliveryStatus.DEAD, "event_type": TYPES[0]},
        {"outcome": Outcome.HTTP_ERROR},
        {"status_class": StatusClass.SERVER_ERROR},
    ],
)
def test_failures_are_found_without_reading_successes(
    shared: World, wanted: dict[str, Any]
) -> None:
    lists, tenant = LogLists(shared.log_table, AtOnce()), fresh_tenant()
    dead = put(shared, tenant, START, number=0, status=DeliveryStatus.DEAD)
    for number in range(1, 30):
        put(shared, tenant, START + timedelta(seconds=number), number=number)

    with rows_read(shared) as read:
        page, position = lists.page(
            tenant, DeliveryFilter(endpoint_ids=ENDPOINTS, **wanted), limit=10
        )

    assert ([each.id for each in page], position) == ([dead.id], None)
    assert sum(read) == 1


def test_an_impossible_filter_reads_nothing(shared: World) -> None:
    nonsense = DeliveryFilter(
        endpoint_ids=ENDPOINTS, status=DeliveryStatus.SUCCEEDED, outcome=Outcome.TIMEOUT_READ
    )

    with rows_read(shared) as read:
        assert LogLists(shared.log_table, AtOnce()).page("acme", nonsense, limit=10) == ([], None)

    assert read == []


def test_a_page_after_a_time_that_has_moved_on_is_the_end(shared: World) -> None:
    lists, tenant = LogLists(shared.log_table, AtOnce()), fresh_tenant()
    for number in range(3):
        put(shared, tenant, START + timedelta(seconds=number), number=number)
    wanted = DeliveryFilter(endpoint_ids=ENDPOINTS[:1])
    _, position = lists.page(tenant, wanted, limit=1)
    later = DeliveryFilter(endpoint_ids=ENDPOINTS[:1], since=START + timedelta(days=1))

    assert lists.page(tenant, later, limit=1, after=position) == ([], None)
