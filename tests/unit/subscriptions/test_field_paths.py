"""Paths of include and exclude: every key can be written, and other text is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorn.subscriptions.field_paths import (
    EACH,
    PathError,
    drop,
    exists,
    parse_path,
    pick,
    split_paths,
    tree,
)

DATA: dict[str, Any] = {
    "customer.email": "a@example.com",
    "customer": {"email": "b@example.com", 'the "best"': 1},
    "Lines": [{"Sku": "a", "Count": 1}, {"Sku": "b", "Parts": [{"No": 1, "Note": "x"}]}],
    "tags": ["x", "y"],
    "*": "star",
}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a", ("a",)),
        ("a.b-c.d_1", ("a", "b-c", "d_1")),
        ("Größe.名前", ("Größe", "名前")),
        ('"customer.email"', ("customer.email",)),
        (r'a."\"x\" \u00e5\\"', ("a", '"x" å\\')),
        ("Lines.*.Sku", ("Lines", EACH, "Sku")),
        ("*.Sku", (EACH, "Sku")),
        ('"*"', ("*",)),
        ('""', ("",)),
    ],
)
def test_a_path_is_read(text: str, path: tuple[Any, ...]) -> None:
    assert parse_path(text) == path


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_key_can_be_written(name: str) -> None:
    path = json.dumps(name, ensure_ascii=False)
    assert drop({name: 1, "other" + name: 2}, tree([path])) == {"other" + name: 2}


@pytest.mark.parametrize(
    "text",
    [
        *("", ".", ".a", "a.", "a..b", " a", "a ", "a b", "a[0]", "a[*].b", "$.a", "/a/b", "a,b"),
        *("a.'b'", '"a', 'a"b"', '"a"b', r'"\x"', r'"\ud800"', '"a\nb"', "a.**", "a*", "\ud800"),
    ],
)
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(PathError) as caught:
        parse_path(text)
    str(caught.value).encode()


@pytest.mark.parametrize(
    ("exclude", "left"),
    [
        (['"customer.email"'], {name: DATA[name] for name in DATA if name != "customer.email"}),
        (["customer.email"], {**DATA, "customer": {'the "best"': 1}}),
        (["tags.*"], {**DATA, "tags": []}),
        (['"*"'], {name: DATA[name] for name in DATA if name != "*"}),
        (
            ["Lines.*.Sku", "Lines.Count", "Lines.*.Parts.*.Note"],
            {**DATA, "Lines": [{}, {"Parts": [{"No": 1}]}]},
        ),
    ],
)
def test_excluded_paths_are_left_out(exclude: list[str], left: Any) -> None:
    assert drop(DATA, tree(exclude)) == left


@pytest.mark.parametrize(
    ("include", "kept"),
    [
        (['"customer.email"'], {"customer.email": "a@example.com"}),
        (["tags.*"], {"tags": ["x", "y"]}),
        (["Lines.*.Sku"], {"Lines": [{"Sku": "a"}, {"Sku": "b"}]}),
        (["Lines.Sku", "Lines.*.Count"], {"Lines": [{"Sku": "a", "Count": 1}, {"Sku": "b"}]}),
        (["Lines.*", "Lines.Sku"], {"Lines": DATA["Lines"]}),
        (["customer.*"], {"customer": {}}),
    ],
)
def test_included_paths_are_kept(include: list[str], kept: Any) -> None:
    assert pick(DATA, tree(include)) == kept


@pytest.mark.parametrize("text", ["Lines.Sku", "Lines.*.Parts.No", "tags.*", '"customer.email"'])
def test_a_path_exists_in_data(text: str) -> None:
    assert exists(DATA, parse_path(text))


@pytest.mark.parametrize("text", ["lines", "Lines.Sku.a", "tags.*.a", "customer.*", '"Lines.Sku"'])
def test_a_path_does_not_exist_in_data(text: str) -> None:
    assert not exists(DATA, parse_path(text))


def test_paths_are_separated_outside_quotes() -> None:
    text = 'a, b.c\n"x,y".z\n\n"say \\"a,b\\""'
    assert split_paths(text) == ["a", "b.c", '"x,y".z', '"say \\"a,b\\""']
