"""/docs: the whole API on one public page, without external resources and script."""

import base64
import hashlib
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from api import docs
from api.handler import description
from posthorn.core import problem_details as problems
from tests.support.http_client import Answer, Client


class Parsed(HTMLParser):
    """The parts of a page that the tests examine."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, attribute: str) -> Iterator[str]:
        return (value for _, each in self.tags if (value := each.get(attribute)) is not None)


@pytest.fixture(scope="module")
def answer() -> Answer:
    return Client().get("/docs")


@pytest.fixture(scope="module")
def page(answer: Answer) -> Parsed:
    return Parsed(answer.body)


def test_anyone_may_read_it(answer: Answer) -> None:
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_its_policy_allows_only_its_own_style(answer: Answer, page: Parsed) -> None:
    (style,) = re.findall(r"<style>(.*?)</style>", answer.body, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert {"script", "link", "img", "iframe"}.isdisjoint(tag for tag, _ in page.tags)
    assert not [name for _, each in page.tags for name in each if name.startswith("on")]
    assert not list(page.all("style"))


def test_every_link_leads_to_a_place_of_the_page_or_to_the_document(page: Parsed) -> None:
    places = list(page.all("id"))

    assert len(places) == len(set(places))
    assert set(page.all("href")) <= {f"#{place}" for place in places} | {"/openapi.json"}


def test_it_has_every_part_of_every_operation(page: Parsed) -> None:
    for path, methods in description()["paths"].items():
        for operation in methods.values():
            assert operation["operationId"] in page.all("id")
            assert operation["summary"].replace("`", "") in page.text
            assert operation["security"][0]["apiKey"][0] in page.text
        assert path in page.text
        assert f"$API{path.partition('{')[0]}" in page.text


def test_it_explains_every_code(page: Parsed) -> None:
    assert [code for code in problems.CODES if code not in page.text] == []


def test_every_model_has_a_table(page: Parsed) -> None:
    places = set(page.all("id"))

    assert {f"model-{name}" for name in description()["components"]["schemas"]} <= places


def test_text_of_the_document_is_never_markup() -> None:
    document: dict[str, Any] = {
        **description(),
        "info": {**description()["info"], "summary": "<script>alert(1)</script>`<b>`"},
    }

    body = str(docs.answer(document).body)

    assert "<script>" not in body
    assert "&lt;script&gt;" in body
