"""The body of an event in each payload mode."""

import json
from contextlib import suppress
from typing import Any

import pytest
from cloudevents.core.bindings.http import (
    HTTPMessage,
    from_structured_event,
)
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from posthorn.core.errors import InvalidError
from posthorn.models import DataPayload, Payload
from posthorn.subscriptions.payloads import (
    MAX_BYTES,
    PayloadError,
    check_payload,
    content_type,
    is_plain,
    plain,
    render,
)
from tests.unit.samples import NOW, event, expressions, json_objects, objects

ORDER = {"OrderNo": "SO-1", "Amount": 1299.5, "Name": "Åsa", "Lines": [{"Sku": "a", "Count": 2}]}


def payload(**fields: Any) -> Payload:
    made: Payload = TypeAdapter(Payload).validate_python(fields)
    return made


def selected(data: dict[str, Any], **fields: Any) -> Any:
    return json.loads(render(payload(mode="data", **fields), event(data)))


# --- bytes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        (
            {"mode": "envelope"},
            '{"type":"OrderReceivedEvent","timestamp":"2026-11-23T10:00:00.000Z","data":'
            '{"OrderNo":"SO-1","Amount":1299.5,"Name":"Åsa","Lines":[{"Sku":"a","Count":2}]}}',
        ),
        (
            {"mode": "data"},
            '{"OrderNo":"SO-1","Amount":1299.5,"Name":"Åsa","Lines":[{"Sku":"a","Count":2}]}',
        ),
        (
            {"mode": "data", "include": ["Lines.Sku", "OrderNo"]},
            '{"OrderNo":"SO-1","Lines":[{"Sku":"a"}]}',
        ),
        (
            {"mode": "cloudevents"},
            '{"specversion":"1.0","id":"evt_01KAR7XJ80000000000000000A",'
            '"source":"urn:posthorn:tenant:acme","type":"OrderReceivedEvent",'
            '"time":"2026-11-23T10:00:00.000Z","datacontenttype":"application/json","data":'
            '{"OrderNo":"SO-1","Amount":1299.5,"Name":"Åsa","Lines":[{"Sku":"a","Count":2}]}}',
        ),
        (
            {
                "mode": "custom",
                "expression": "{no: data.OrderNo, skus: data.Lines[].Sku, at: time}",
            },
            '{"no":"SO-1","skus":["a"],"at":"2026-11-23T10:00:00.000Z"}',
        ),
    ],
)
def test_the_bytes_of_each_mode_are_fixed(fields: dict[str, Any], body: str) -> None:
    assert render(payload(**fields), event(ORDER, type="OrderReceivedEvent")) == body.encode()


@given(json_objects)
def test_a_rendered_payload_parses_to_the_published_data(data: dict[str, Any]) -> None:
    published = event(data)
    assert json.loads(render(payload(mode="data"), published)) == data
    for mode in ("envelope", "cloudevents"):
        assert json.loads(render(payload(mode=mode), published))["data"] == data


def test_half_a_character_is_sent_as_its_escape() -> None:
    data = {"Name": "a\ud800\\", "Other": "\\\udfff"}
    body = render(payload(mode="data"), event(data))
    assert body.decode() == r'{"Name":"a\ud800\\","Other":"\\\udfff"}'
    assert json.loads(body) == data


@given(
    data=objects,
    shaped=st.sampled_from(["envelope", "data", "cloudevents"]).map(plain)
    | expressions.map(lambda text: payload(mode="custom", expression=text)),
)
def test_an_event_gives_a_body_or_a_payload_error(data: dict[str, Any], shaped: Payload) -> None:
    with suppress(PayloadError):
        assert json.loads(render(shaped, event(data))) is not None


# --- custom ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "body"),
    [("data.Amount", b"1299.5"), ("data.Lines", b'[{"Sku":"a","Count":2}]'), ("type", b'"X"')],
)
def test_an_expression_may_make_any_json_but_null(expression: str, body: bytes) -> None:
    assert render(payload(mode="custom", expression=expression), event(ORDER, type="X")) == body


@pytest.mark.parametrize(
    ("expression", "detail"),
    [
        ("data.Nothing", "the payload expression gives null on this event"),
        ("sum(data.Lines)", "the payload expression calls sum() with object instead of"),
        ("data.Lines[::0]", "the payload expression fails on this event: slice step"),
        ("to_number('1e999')", "the payload cannot be written as JSON"),
        ("[" + ", ".join(["data.Text"] * 9) + "]", "the payload is larger than 256 KiB"),
        ("data" + " | [@, @]" * 40, "the payload is larger than 256 KiB"),
        ("data.Many" + " | [@, @][]" * 30, "the payload expression takes too many steps"),
    ],
)
def test_an_expression_that_makes_no_payload_is_explained(expression: str, detail: str) -> None:
    shaped = payload(mode="custom", expression=expression)
    check_payload(shaped)
    with pytest.raises(PayloadError) as caught:
        render(shaped, event({**ORDER, "Text": "x" * 30_000, "Many": list(range(5000))}))
    assert caught.value.detail.startswith(detail)


def test_an_accepted_event_is_delivered_though_its_envelope_exceeds_the_limit() -> None:
    body = render(payload(mode="envelope"), event({"Text": "x" * MAX_BYTES}))
    assert len(body) > MAX_BYTES


# --- choosing fields ------------------------------------------------------------------------------

CUSTOMER = {
    "Id": 7,
    "Name": "Astrid",
    "Address": {"City": "Umeå", "Geo": {"Lat": 63.8, "Lon": 20.2}},
    "Orders": [{"No": 1, "Total": 5}, {"No": 2}, "none"],
}


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        (["Id", "Missing"], {"Id": 7}),
        ([], {}),
        (["Address.City"], {"Address": {"City": "Umeå"}}),
        (["Address.Geo.Lat", "Address"], {"Address": CUSTOMER["Address"]}),
        (["Address", "Address.City"], {"Address": CUSTOMER["Address"]}),
        (["Orders.No"], {"Orders": [{"No": 1}, {"No": 2}]}),
        (["Name.First", "Id"], {"Id": 7}),
    ],
)
def test_included_fields_are_kept_and_no_others(include: list[str], expected: Any) -> None:
    assert selected(CUSTOMER, include=include) == expected


@pytest.mark.parametrize(
    ("exclude", "expected"),
    [
        (["Address", "Orders", "Missing"], {"Id": 7, "Name": "Astrid"}),
        (
            ["Address.Geo", "Orders.Total", "Name"],
            {"Id": 7, "Address": {"City": "Umeå"}, "Orders": [{"No": 1}, {"No": 2}, "none"]},
        ),
        (
            ["Address.Geo", "Address", "Orders"],
            {"Id": 7, "Name": "Astrid"},
        ),
        (["Name.First"], CUSTOMER),
    ],
)
def test_excluded_fields_are_left_out_and_no_others(exclude: list[str], expected: Any) -> None:
    assert selected(CUSTOMER, exclude=exclude) == expected


def test_a_field_both_included_and_excluded_is_left_out() -> None:
    chosen = selected(CUSTOMER, include=["Id", "Address"], exclude=["Address.Geo"])
    assert chosen == {"Id": 7, "Address": {"City": "Umeå"}}


paths = st.lists(st.sampled_from(["a", "b", "Lines", "Lines.Sku", "a.b", "a.b.Sku", "é"]))


def leaves(value: Any, at: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str]]:
    """Every scalar with its path; arrays do not count as a step."""
    if isinstance(value, dict):
        return [leaf for name, field in value.items() for leaf in leaves(field, (*at, name))]
    if isinstance(value, list):
        return [leaf for each in value for leaf in leaves(each, at)]
    return [(at, repr(value))]


@given(data=json_objects, chosen=paths)
def test_including_and_excluding_the_same_paths_share_out_the_fields(
    data: dict[str, Any], chosen: list[str]
) -> None:
    kept, left = selected(data, include=chosen), selected(data, exclude=chosen)
    assert sorted(leaves(kept) + leaves(left)) == sorted(leaves(data))
    named = [tuple(path.split(".")) for path in chosen]
    assert all(any(at[: len(path)] == path for path in named) for at, _ in leaves(kept))


@given(data=json_objects, chosen=paths)
def test_choosing_twice_changes_nothing_more(data: dict[str, Any], chosen: list[str]) -> None:
    once = selected(data, include=chosen)
    assert selected(once, include=chosen) == once
    assert selected(data, include=[name for name in data if name and "." not in name]) == {
        name: field for name, field in data.items() if name and "." not in name
    }


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"mode": "custom", "expression": "{a: }"}, "/payload/expression"),
        ({"mode": "data", "include": ["a", "b..c"]}, "/payload/include/1"),
        ({"mode": "data", "exclude": [""]}, "/payload/exclude/0"),
        ({"mode": "data", "exclude": [".a"]}, "/payload/exclude/0"),
        ({"mode": "data", "exclude": ["a" * 300]}, "/payload/exclude/0"),
        ({"mode": "data", "exclude": ["Id", "Lines[0].Sku"]}, "/payload/exclude/1"),
    ],
)
def test_a_payload_that_cannot_work_is_refused_when_it_is_saved(
    fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidError) as caught:
        check_payload(payload(**fields))
    assert [violation.field for violation in caught.value.violations] == [field]


@pytest.mark.parametrize("mode", ["envelope", "data", "cloudevents"])
def test_the_mode_alone_defines_a_plain_payload(mode: str) -> None:
    assert plain(mode) == payload(mode=mode)
    assert is_plain(payload(mode=mode))
    check_payload(payload(mode=mode))


def test_a_payload_with_choices_of_its_own_is_not_plain() -> None:
    assert not is_plain(payload(mode="data", include=["Id"]))
    assert not is_plain(payload(mode="custom", expression="data"))
    assert is_plain(DataPayload(mode="data", include=None, exclude=()))


# --- content types --------------------------------------------------------------------------------


def test_the_official_sdk_reads_our_cloud_events() -> None:
    shaped = payload(mode="cloudevents")
    sent = HTTPMessage({"content-type": content_type(shaped)}, render(shaped, event(ORDER)))
    received = from_structured_event(sent)
    assert received.get_specversion() == "1.0"
    assert received.get_id() == event().id
    assert received.get_source() == "urn:posthorn:tenant:acme"
    assert received.get_type() == event().type
    assert received.get_time() == NOW
    assert received.get_datacontenttype() == "application/json"
    assert received.get_data() == ORDER


@pytest.mark.parametrize("mode", ["envelope", "data", "custom"])
def test_the_other_modes_are_plain_json(mode: str) -> None:
    expression = {"expression": "data"} if mode == "custom" else {}
    assert content_type(payload(mode=mode, **expression)) == "application/json"
