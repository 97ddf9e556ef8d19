"""Texts cut to the size limit of a page."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from console.log import excerpts


@given(text=st.text(max_size=300), most=st.integers(0, 400))
def test_an_excerpt_is_the_longest_beginning_that_fits_once_it_is_html(
    text: str, most: int
) -> None:
    told = excerpts.excerpt(text, most)

    def size(of: str) -> int:
        return len(str(escape(of)).encode())

    assert text.startswith(told.text)
    assert size(told.text) <= most
    assert told.is_cut == (told.text != text)
    assert not told.is_cut or size(text[: len(told.text) + 1]) > most
    assert told.size == len(text.encode())


def test_json_is_shown_formatted_and_raw_and_other_text_raw() -> None:
    told = excerpts.body('{"a":[1,"ä"]}', 1000)
    assert told.raw.text == '{"a":[1,"ä"]}'
    assert told.pretty
    assert told.pretty.text == json.dumps({"a": [1, "ä"]}, indent=2, ensure_ascii=False)
    assert excerpts.body("<b>no</b>", 1000).pretty is None


@pytest.mark.parametrize("text", ["[" * 100_000, '"\\ud800"', "NaN", "", "9" * 5000])
def test_text_that_only_looks_like_json_is_cut_to_the_limit(text: str) -> None:
    told = excerpts.body(text, 200)

    for each in (told.raw, told.pretty):
        assert each is None or len(each.text.encode()) <= 200
