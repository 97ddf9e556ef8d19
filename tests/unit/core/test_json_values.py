"""Comparisons and numbers in expressions follow JSON, at every level and in every place."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorn.core.json_values import equal, number
from posthorn.models import Rule
from posthorn.subscriptions.conditions import evaluate
from posthorn.subscriptions.jmespath_expressions import document, parse, search
from posthorn.subscriptions.matching import Verdict, decide
from tests.unit.samples import endpoint, event, json_objects

DATA: dict[str, Any] = {"flags": [True], "on": {"a": False}, "n": 1, "f": 1.0, "many": [1, True]}


@pytest.mark.parametrize(
    "expression",
    [
        "data.flags == `[1]`",
        'data.on == `{"a": 0}`',
        '[data.on] == `[{"a": 0}]`',
        "contains(data.flags, `1`)",
        "contains(data.flags, `[1]`)",
        "data.flags[0] == data.n",
        "data.n != `1.0`",
        "data.flags != `[true]`",
        "length(data.many[?@ == `1`]) == `2`",
    ],
)
def test_true_is_no_number_at_any_level(expression: str) -> None:
    assert not evaluate(expression, document(event(DATA))).matched
    assert search(parse(expression), document(event(DATA))) is False


@pytest.mark.parametrize(
    "expression",
    [
        "data.n == data.f",
        "data.flags == `[true]`",
        'data.on == `{"a": false}`',
        "contains(data.many, `1.0`)",
        "length(data.many[?@ == `true`]) == `1`",
        "data.flags != `[1]`",
    ],
)
def test_equal_json_is_equal(expression: str) -> None:
    assert evaluate(expression, document(event(DATA))).matched


def test_a_rule_filter_compares_alike() -> None:
    rule = Rule(entity="Order", on_update=True, filter="data.flags == `[1]`")
    changed = event(DATA, change={"entity": "Order", "operation": "update"})
    assert decide(endpoint(rules=[rule]), changed).verdict is Verdict.RULE_NOT_MET


@given(json_objects)
def test_a_value_equals_itself_only(data: dict[str, Any]) -> None:
    assert equal(data, data)
    assert not equal([data], data)
    assert not equal({"a": data}, {"b": data})


@pytest.mark.parametrize("text", ["0", "-0", "12", "-1.5", "1e3", "1.5E-2", "0.10", "9" * 30])
def test_to_number_takes_numbers_of_json(text: str) -> None:
    assert number(text) == (float(text) if set(text) & set(".eE") else int(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "1_000",
        "+1",
        "01",
        ".5",
        "1.",
        "inf",
        "NaN",
        "0x1",
        "\uff11",
        "1\n",
        "true",
        "--1",
    ],
)
def test_to_number_takes_nothing_else(text: str) -> None:
    assert number(text) is None
    assert search(parse("to_number(@)"), text) is None


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_to_number_keeps_numbers(value: float) -> None:
    assert search(parse("to_number(@)"), value) == value


def test_to_number_of_true_is_null() -> None:
    assert search(parse("to_number(@)"), True) is None
