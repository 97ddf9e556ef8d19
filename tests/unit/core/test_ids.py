"""Ids have a prefix, sort by time, and can be derived."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthorn.core import ids

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
chances = st.binary(min_size=ids.RANDOM_BYTES, max_size=ids.RANDOM_BYTES)
moments = st.datetimes(datetime(1970, 1, 2), datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
names = st.text(max_size=40)


@settings(max_examples=50)
@given(st.sampled_from(["ep", "evt", "phk"]), moments, chances)
def test_a_new_id_is_one_of_its_kind_and_of_no_other(
    prefix: str, now: datetime, random_bytes: bytes
) -> None:
    made = ids.new(prefix, now, random_bytes)

    assert [each for each in ("ep", "evt", "phk") if ids.is_id(each, made)] == [prefix]


@settings(max_examples=50)
@given(chances, chances, st.integers(1, 10**9))
def test_later_ids_sort_after_earlier_ones_for_any_random_bytes(
    first: bytes, second: bytes, milliseconds: int
) -> None:
    later = NOW + timedelta(milliseconds=milliseconds)

    assert ids.new("ep", NOW, first) < ids.new("ep", later, second)


@settings(max_examples=50)
@given(names, names, names, names)
def test_the_same_published_id_is_the_same_event_for_its_tenant_only(
    tenant: str, published: str, other_tenant: str, other_published: str
) -> None:
    made = ids.derived_event(tenant, published)

    assert made == ids.derived_event(tenant, published)
    assert ids.is_id("evt", made)
    if "\0" not in tenant + other_tenant and (tenant, published) != (other_tenant, other_published):
        assert made != ids.derived_event(other_tenant, other_published)


@settings(max_examples=50)
@given(chances, chances)
def test_a_delivery_is_found_by_its_id(event_chance: bytes, endpoint_chance: bytes) -> None:
    event_id, endpoint_id = ids.new("evt", NOW, event_chance), ids.new("ep", NOW, endpoint_chance)

    assert ids.parts_of_delivery(ids.delivery(event_id, endpoint_id)) == (event_id, endpoint_id)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dlv_",
        "dlv_x",
        "evt_01KAR7XJ80000000000000000A",
        "dlv_01KAR7XJ80000000000000000A",
        "dlv_01KAR7XJ80000000000000000A_01KAR7XJ80000000000000000B ",
        "dlv_01KAR7XJ80000000000000000A_01KAR7XJ80000000000000000B\n",
        "dlv_01KAR7XJ80000000000000000A_01KAR7XJ80000000000000000U",
        "dlv_01kar7xj80000000000000000a_01kar7xj80000000000000000b",
        "dlv_01KAR7XJ80000000000000000A#01KAR7XJ80000000000000000B",
        "dlv_" + "0" * 5000,
    ],
)
def test_text_that_only_looks_like_a_delivery_id_is_refused(text: str) -> None:
    assert ids.parts_of_delivery(text) is None


@pytest.mark.parametrize(
    "text",
    ["", "ep_", "ep_x", "ep_01KAR7XJ80000000000000000A\n", "ep_01KAR7XJ80000000000000000A#x"],
)
def test_text_that_only_looks_like_an_id_is_refused(text: str) -> None:
    assert not ids.is_id("ep", text)
