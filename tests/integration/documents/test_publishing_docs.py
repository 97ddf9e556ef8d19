"""The examples of docs/publishing.md work."""

import json
import re
from typing import Any

import pytest

from tests.integration.conftest import Tenant
from tests.integration.documents.documents import DOCUMENTS
from tests.integration.documents.test_readme import ask, curls

PAGE = DOCUMENTS["docs/publishing.md"]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_curl_command_publishes(tenant: Tenant) -> None:
    (words,) = curls(PAGE, about="/v1/events", API="http://api", KEY=tenant.client.key or "")
    assert ask(words).status == 202


@pytest.mark.parametrize("text", blocks("json"))
def test_the_bodies_are_accepted(tenant: Tenant, text: str) -> None:
    answer = tenant.client.post("/v1/events", text)
    assert answer.status == 202
    assert all("id" in each for each in answer.json.get("results", [answer.json]))


def test_the_program_publishes(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []

    class Opened:
        def __init__(self, request: Any, timeout: float) -> None:
            sent.append(tenant.client.post("/v1/events", request.data))

        def __enter__(self) -> "Opened":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def read(self) -> str:
            return str(sent[-1].body)

    program, _ = blocks("python")
    names: dict[str, Any] = {}
    exec(program, names)  # noqa: S102 - the documented program
    monkeypatch.setattr(names["urllib"].request, "urlopen", Opened)
    event = {"type": "JobCompletedEvent", "data": {"ClientId": 1, "JobId": 5, "StatusId": 2}}

    assert names["publish"]("https://api.example.com", "phk", event) == sent[0].json["id"]


def test_the_cloud_event_of_the_sdk_is_accepted(tenant: Tenant) -> None:
    _, program = blocks("python")
    names: dict[str, Any] = {}
    exec(program, names)  # noqa: S102 - the documented program
    message = names["message"]
    assert tenant.client.post("/v1/events", message.body, **message.headers).status == 202


@pytest.mark.parametrize(
    "value", ["123456789012345678.95", "1e-400", '{"a": 1, "a": 2}', r'"\ud800"', "9" * 4301]
)
def test_values_that_would_change_are_refused(common: Tenant, value: str) -> None:
    body = f'{{"type": "JobCompletedEvent", "data": {{"JobId": {value}}}}}'
    answer = common.client.post("/v1/events", body)
    assert (answer.status, answer.json["code"]) == (422, "invalid_field")
    assert answer.fields[0].startswith("/data/JobId")


def test_the_described_change_is_stored(tenant: Tenant) -> None:
    change = json.loads(blocks("json")[0])
    event_id = tenant.client.post("/v1/events", change).json["id"]
    tenant.world.take_events()
    assert tenant.client.get(f"/v1/events/{event_id}").json["change"] == change["change"]
