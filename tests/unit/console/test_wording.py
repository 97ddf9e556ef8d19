"""The wording of the console."""

import pytest

from console.pages import wording


@pytest.mark.parametrize(
    ("share", "words"),
    [(1, "100 %"), (0.9999, "99.9 %"), (0.5, "50 %"), (0.0001, "0.1 %"), (0, "0 %")],
)
def test_a_share_is_never_rounded_to_all_or_to_none(share: float, words: str) -> None:
    assert wording.percent(share) == words


def test_a_row_of_a_form_is_counted_from_one() -> None:
    assert wording.field("rules/0/on_update") == "rules 1 on update"
    assert wording.field("/metadata/1", numbered=False) == "metadata 1"
