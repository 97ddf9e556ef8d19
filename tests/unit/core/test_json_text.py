"""JSON of a client is kept as it was written, or the value that cannot be is named."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorn.core.json_text import read
from tests.unit.samples import json_objects


@given(json_objects)
def test_json_that_can_be_kept_is_read_without_flaws(data: dict[str, Any]) -> None:
    for ascii_only in (True, False):
        assert read(json.dumps(data, ensure_ascii=ascii_only)) == (data, [])


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ('{"a": [1, 1e400]}', ["/a/1"]),
        ('{"a": {"b/c": 0.12345678901234567891}}', ["/a/b~1c"]),
        ("[1e-400, -1e-400, 0e-400, 0.0]", ["/1", "/0"]),
        ('{"a": 1, "b": {"x": 1, "x": 1}}', ["/b/x"]),
        ('[{"a": 1, "a": 2}, {"a": 1}]', ["/0/a"]),
        (r'{"a": "\ud83d", "b": "\ud83d\ude00", "c": "\\ud83d"}', ["/a"]),
        (r'{"\uDC00": 1}', [""]),
        ("9" * 4301, [""]),
    ],
)
def test_a_value_that_would_change_is_named(text: str, fields: list[str]) -> None:
    _, flaws = read(text)
    assert [each.field for each in flaws] == fields


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=2, min_value=-(10**12), max_value=10**12
    )
)
def test_amounts_are_kept(amount: Any) -> None:
    assert read(str(amount))[1] == []


def test_a_rounded_number_is_shown_as_it_would_be() -> None:
    (flaw,) = read("123456789012345678.95")[1]
    assert flaw.message == (
        "would be rounded to 1.2345678901234568e+17: write at most 15 significant digits, or the"
        " number as a string"
    )


def test_at_most_fifty_flaws_are_named() -> None:
    assert len(read("[" + ",".join(["1e400"] * 200) + "]")[1]) == 50


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "{", "'a'", "01", '{"a": 1,}'])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"JSON|Expecting|Extra|Illegal"):
        read(text)
