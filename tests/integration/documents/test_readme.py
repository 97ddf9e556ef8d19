"""The commands of README and docs/operations.md work."""

import json
import re
import shlex
from itertools import pairwise
from string import Template
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from local import receiver
from tests.integration.documents.documents import DOCUMENTS, README
from tests.support.http_client import Answer, Client


def curls(document: str, *, about: str, **variables: str) -> list[list[str]]:
    """The words of each curl command about such a path, as a shell would split them."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)
    commands = [part for block in blocks for part in re.split(r"^curl ", block, flags=re.M)[1:]]
    words = [shlex.split(Template(each).safe_substitute(variables)) for each in commands]
    return [each for each in words if re.search(about, " ".join(each[:4]))]


def ask(words: list[str]) -> Answer:
    """Make the request of a curl command by the handlers of the template's routes."""
    (url,) = (word for word in words if word.startswith("http"))
    options = dict(pairwise(words))
    headers = dict(
        value.lower().split(": ", 1)
        for option, value in pairwise(words)
        if option == "-H" and not value.startswith("Authorization")
    )
    (key,) = (word.removeprefix("Authorization: Bearer ") for word in words if "Bearer" in word)
    body = options.get("-d")
    method = options.get("-X", "POST" if body else "GET")
    query: dict[str, Any] = dict(parse_qsl(urlsplit(url).query))
    return Client(key).call(method, urlsplit(url).path, body=body, query=query, headers=headers)


@pytest.mark.parametrize("name", ["README.md", "docs/operations.md"])
def test_an_admin_makes_a_tenant_and_its_key_as_described(admin: Client, name: str) -> None:
    tenant, key, *again = curls(
        DOCUMENTS[name], about="tenants|api-keys", API="http://api", ADMIN=admin.key or ""
    )

    assert ask(tenant).status == 200
    assert ask(key).status == 201
    assert [ask(each).status for each in again] == [200] * len(again)


def test_the_receiver_answers_as_described() -> None:
    (sentence,) = re.findall(r"The receiver answers by URL:[^.]+\.", README, re.DOTALL)
    answers = {
        path: receiver.answer(path, earlier=0) for path in re.findall(r"`(/[^`]+)`", sentence)
    }

    assert {path: answer.status for path, answer in answers.items()} == {
        "/ok": 200,
        "/fail/2": 500,
        "/always/503": 503,
        "/busy/3": 429,
        "/slow/4": 200,
        "/gone": 410,
        "/redirect/ok": 307,
    }
    assert json.dumps(answers["/busy/3"].headers) == '{"retry-after": "3"}'
