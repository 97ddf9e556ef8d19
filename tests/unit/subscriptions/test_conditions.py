from typing import Any

import jmespath
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from posthorn.subscriptions.conditions import MAX_STEPS, check_condition, evaluate
from posthorn.subscriptions.jmespath_expressions import document
from tests.bench.conditions import HOSTILE, USUAL, measured
from tests.unit.samples import changes, event, expressions, objects, stored

STOCK: dict[str, Any] = {
    "OnHandValue": 12,
    "MinimumValue": 5,
    "WarehouseCode": "SE1",
    "Active": True,
    "Note": "",
    "Lines": [{"Sku": "a", "Count": 1}, {"Sku": "b", "Count": 5}],
    "Weight": 1.5,
}


def outcome(condition: str, data: dict[str, Any] = STOCK) -> tuple[bool, str | None]:
    evaluation = evaluate(condition, document(event(data)))
    return evaluation.matched, evaluation.reason


@pytest.mark.parametrize(
    "condition",
    [
        "data.OnHandValue > data.MinimumValue && data.WarehouseCode == 'SE1'",
        "(data.OnHandValue > data.MinimumValue) && (data.WarehouseCode == 'SE1')",
        "data.WarehouseCode == 'NO1' || data.OnHandValue == `12`",
        "data.Active",
        "!(data.Note)",
        "data.Active && data.WarehouseCode && data.OnHandValue >= `12`",
        "contains(['SE1', 'SE2'], data.WarehouseCode)",
        "starts_with(type, 'Sku') && tenant == 'acme' && change == `null`",
        "length(data.Lines[?Count > `3`]) == `1`",
        "time > '2026-11-23' && time < '2026-11-24'",
        'data.Lines == `[{"Sku": "a", "Count": 1}, {"Sku": "b", "Count": 5}]`',
    ],
)
def test_a_true_condition_matches(condition: str) -> None:
    assert check_condition(condition, "/condition") == []
    assert outcome(condition) == (True, None)


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        (
            "data.OnHandValue < data.MinimumValue && data.WarehouseCode == 'SE1'",
            "data.OnHandValue < data.MinimumValue is false: 12 < 5",
        ),
        (
            "data.Active && (data.WarehouseCode == 'NO1') && data.Note",
            '(data.WarehouseCode == \'NO1\') is false: "SE1" == "NO1"',
        ),
        (
            "data.WarehouseCode > `5`",
            'data.WarehouseCode > `5` is not met: "SE1" > 5 needs two numbers or two strings',
        ),
        (
            "data.Weight > data.Missing",
            "data.Weight > data.Missing is not met: 1.5 > null needs two numbers or two strings",
        ),
        ("data.Missing", "data.Missing is null"),
        ("data.Note && data.Active", 'data.Note is ""'),
        ("!(data.Active)", "!(data.Active) is false"),
        (
            "data.Note == 'a && b' && data.Active",
            'data.Note == \'a && b\' is false: "" == "a && b"',
        ),
        (
            "data.Lines[?Count > `1` && Sku == 'z'] && data.Active",
            "data.Lines[?Count > `1` && Sku == 'z'] is []",
        ),
        (
            "data.Missing || data.Note && data.Active",
            'data.Missing || data.Note && data.Active is ""',
        ),
        ("data.WarehouseCode", 'the condition gives "SE1", not true or false'),
        ("data.Active && data.OnHandValue", "the condition gives 12, not true or false"),
        ("data.Lines", "the condition gives an array of 2, not true or false"),
        ("data.Lines == data.Active", "data.Lines == data.Active is false: an array of 2 == true"),
        (
            "length(data.OnHandValue) > `1`",
            "the condition calls length() with number instead of string or array or object",
        ),
    ],
)
def test_a_condition_that_is_not_true_does_not_match_and_says_which_part(
    condition: str, reason: str
) -> None:
    assert check_condition(condition, "/condition") == []
    assert outcome(condition) == (False, reason)


@pytest.mark.parametrize(
    "condition",
    ["contains('a', `1`)", "ceil(to_number('1e999'))", "data.Lines[::0]", "join('', data.Lines)"],
)
def test_a_failure_at_run_time_is_a_reason_not_to_match(condition: str) -> None:
    assert check_condition(condition, "/condition") == []
    matched, reason = outcome(condition)
    assert not matched
    assert reason is not None
    assert reason.startswith("the condition ")


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("data.a &&", "ends too early (column 10)"),
        ("", "ends too early (column 1)"),
        ("data.a & data.b", "has an unexpected '&' (column 8)"),
        ("data.a = 'x'", "has an error: Unknown token '=' (column 8)"),
        ("data.a > 5", "has an unexpected 5; a number is written `5` (column 10)"),
        ("data.'a'", "has an unexpected 'a' (column 6)"),
        ("data.a == 'x", "has an error: Unclosed ' delimiter (column 11)"),
        (
            "data.a == `x`",
            "has a literal that is not JSON; a string is written as 'text' (column 11)",
        ),
        ("length(data.a) > `1` && size(data.b)", "calls size(), which does not exist (column 25)"),
        ("x[?size(a)].length(b)", "calls size(), which does not exist (column 4)"),
        ("length(a, b)", "calls length() with 2 arguments instead of 1 (column 1)"),
        ("not_null()", "calls not_null() with 0 arguments instead of at least 1 (column 1)"),
        (
            "not_null(&a)",
            "has an `&` outside the arguments of map, sort_by, min_by, max_by (column 10)",
        ),
        ("!data.Active", "negates a name before a dot: write `!(a.b)` instead of `!a.b`"),
        ("(" * 65 + "a" + ")" * 65, "is nested deeper than 64 (column 66)"),
        ("!" * 2000 + "a", "is nested deeper than 64"),
        (" || ".join(["a"] * 80), "is nested deeper than 64"),
        ("`" + "[" * 1500 + "`", "is nested deeper than 64"),
        ("a" * 5000, "is longer than 4096 characters"),
    ],
)
def test_a_bad_condition_is_refused_with_the_place_of_the_error(
    condition: str, message: str
) -> None:
    (violation,) = check_condition(condition, "/rules/2/filter")
    assert (violation.field, violation.message) == ("/rules/2/filter", message)


@pytest.mark.parametrize(
    "condition",
    [
        "data.many" + " | [@, @][]" * 30,
        "data.many | [" + ", ".join("@" * 400) + "][]",
        "data" + " | [@, @]" * 30 + " | to_string(@) == 'a'",
        "[data" + " | [@, @]" * 29 + ", data" + " | [@, @]" * 29 + "] | [0] == [1]",
        "join(data.long, data.texts) == 'a'",
        "data.many" + " | [*]" * 30,
        "data.many" + " | map(&[@, @], @)[]" * 20,
    ],
)
def test_a_condition_that_would_double_without_end_is_stopped(condition: str) -> None:
    data = {"many": list(range(5000)), "long": "x" * 100_000, "texts": ["y"] * 5000}
    assert check_condition(condition, "/condition") == []
    assert outcome(condition, data) == (
        False,
        "the condition takes too many steps on this event",
    )


@given(condition=stored, data=objects, change=st.none() | changes)
def test_no_condition_and_no_event_make_an_evaluation_raise(
    condition: str, data: dict[str, Any], change: Any
) -> None:
    evaluation = evaluate(condition, document(event(data, change=change)))
    assert evaluation.matched is (evaluation.reason is None)
    assert evaluation.reason is None or evaluation.reason.encode()


@given(condition=expressions, data=objects)
def test_evaluating_part_by_part_agrees_with_jmespath(condition: str, data: dict[str, Any]) -> None:
    whole = document(event(data))
    try:
        expected = jmespath.search(condition, whole) is True
    except (ArithmeticError, TypeError, ValueError):
        assume(False)
    assert evaluate(condition, whole).matched is expected


def test_the_cost_grows_linearly_with_endpoints_and_each_stays_below_the_bound() -> None:
    few, many, worst = measured(USUAL, 10), measured(USUAL, 1000), measured(HOSTILE, 1)

    assert many.steps == 100 * few.steps
    assert many.evaluations == 1000
    assert worst.most_steps == MAX_STEPS
