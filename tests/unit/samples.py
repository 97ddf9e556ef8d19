"""Events and endpoints for tests of pure rules, and strategies that make odd ones."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from posthorn.models import Change, Endpoint, Event

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def event(data: dict[str, Any] | None = None, **fields: Any) -> Event:
    return Event.model_validate(
        {
            "id": "evt_01KAR7XJ80000000000000000A",
            "tenant": "acme",
            "type": "SkuOnHandBreakPointNotification",
            "time": NOW,
            "accepted_at": NOW,
            "data": {"OnHandValue": 4, "MinimumValue": 5} if data is None else data,
            **fields,
        }
    )


def endpoint(**fields: Any) -> Endpoint:
    return Endpoint.model_validate(
        {
            "id": "ep_01KAR7XJ80000000000000000B",
            "tenant": "acme",
            "name": "ERP",
            "url": "https://erp.example.com/hook",
            "event_types": ["*"],
            "version": 3,
            "created_at": NOW,
            "updated_at": NOW,
            "updated_by": "phk_1",
            "sealed": "",
            **fields,
        }
    )


names = st.sampled_from(["a", "b", "Lines", "Sku", "type", "", "é", "x.y"])
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "a", "1", "inf", "nan", "2026-11-23T10:00:00Z", "\ud800", "x" * 500])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(names, values, max_size=4)
# Valid JSON text: without infinities and lone surrogates.
json_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
json_objects = st.dictionaries(
    names,
    st.recursive(
        json_scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
        max_leaves=12,
    ),
    max_size=4,
)
changes = st.builds(
    Change,
    entity=st.sampled_from(["tOrder", "tClientCustomer"]),
    operation=st.sampled_from(["insert", "update", "delete"]),
    fields=st.lists(st.sampled_from(["Email", "City", "Name"]), max_size=3).map(tuple),
)

_ATOMS = [
    *("data", "data.a", "data.Lines", "data.Lines[0]", "data.Lines[*].Sku", "data.Lines[]", "@"),
    *("change.entity", "time", "type", "`1`", "`0`", "'a'", "`null`", "`[1, 2]`", "`{}`", "data.*"),
    *("data.Lines[::-1]", "data.Lines[::0]", "data.Lines[?Sku == 'a']", "`true`", "missing.x"),
]
_CALLS = [
    *("length({0})", "contains({0}, {1})", "ceil(to_number({0}))", "sum({0})", "avg({0})"),
    *("max({0})", "sort({0})", "sort_by({0}, &{1})", "max_by({0}, &a)", "map(&{1}, {0})"),
    *("join({0}, {1})", "to_string({0})", "keys({0})", "merge({0}, {1})", "reverse({0})"),
    *("starts_with({0}, {1})", "not_null({0}, {1})", "abs({0})", "type({0})", "to_array({0})"),
]
_OPERATORS = [
    *("{0} == {1}", "{0} != {1}", "{0} < {1}", "{0} >= {1}", "{0} && {1}", "{0} || {1}"),
    *("!({0})", "({0})", "{0} | {1}", "[{0}, {1}]", "[{0}, {1}][]", "{{x: {0}, y: {1}}}"),
]
expressions = st.recursive(
    st.sampled_from(_ATOMS),
    lambda inner: st.builds(str.format, st.sampled_from(_CALLS + _OPERATORS), inner, inner),
    max_leaves=8,
)
# Stored endpoints may be older than a rule, so not every expression compiles.
stored = expressions | st.text("da.[]()*&|!<=>'`\"{}:,@?01-é", min_size=1, max_size=40)
