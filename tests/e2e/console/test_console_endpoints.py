"""An endpoint's life in the console on the deployed stack, by plain HTTP."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests

from local import seed
from local.api import Api
from tests.e2e.flow import Flow
from tests.e2e.stack import Running, eventually
from tests.support.page_forms import form

TIMEOUT_SECONDS = 35
NEW = "/console/endpoints/new"
Send = Callable[..., requests.Response]


@pytest.fixture
def tenant(stack: Running) -> Api:
    return stack.new_tenant()


@pytest.fixture
def visitor(stack: Running, tenant: Api) -> requests.Session:
    """A signed-in browser of the tenant."""
    session = requests.Session()
    session.trust_env = False
    session.post(f"{stack.url}/console/sign-in", data={"key": tenant.key}, timeout=TIMEOUT_SECONDS)
    return session


@pytest.fixture
def send(stack: Running, visitor: requests.Session) -> Send:
    """Open a page, and send one of its forms with other values here and there."""

    def sent(page: str, action: str = "", **changes: Any) -> requests.Response:
        opened = visitor.get(stack.url + page, timeout=TIMEOUT_SECONDS)
        path = action or page
        filled = form(opened.text, path).filled(**changes)
        return visitor.post(stack.url + path, data=filled, timeout=TIMEOUT_SECONDS)

    return sent


def test_an_endpoint_is_made_tried_switched_and_deleted(
    stack: Running, tenant: Api, send: Send
) -> None:
    told = {"url": f"{stack.receiver.url}/ok/console", "event_types": [seed.JOB["type"]]}
    refused = send(NEW, **{**told, "url": "nope"})
    assert refused.status_code == 422
    assert "It matches: this is sent" in send(NEW, **told, do="preview").text
    made = send(NEW, **told)
    assert "whsec_" in made.text
    (endpoint,) = tenant.items("/v1/endpoints")
    flow = Flow(tenant, stack.receiver, "/ok/console", endpoint)
    path = f"/console/endpoints/{flow.id}"

    assert "The test passed with 200" in send(path, do="test").text
    event_id = flow.publish()
    flow.until(event_id, "succeeded")
    logged = send(path, do="preview", trial__source=f"event {event_id}")
    assert event_id in logged.text
    assert "1 of the last 1 event matches" in send(path, do="dry-run").text
    assert "Saved as version 2." in send(f"{path}/edit", name="Mine").text
    assert "Paused: deliveries" in send(path, f"{path}/status", status="paused").text
    held_id = flow.publish()
    flow.until(held_id, "held")
    enabled = send(path, f"{path}/status", held="drain").text
    assert "What was held is on its way" in enabled
    flow.until(held_id, "succeeded")
    assert "whsec_" in send(path, f"{path}/rotate").text
    restored = send(f"{path}/history/1")
    assert re.search("Version 1 is restored, as version 6", restored.text)
    assert "is deleted" in send(f"{path}/delete").text
    assert list(tenant.items("/v1/endpoints")) == []


def test_the_list_shows_the_last_24_hours(
    stack: Running, tenant: Api, visitor: requests.Session
) -> None:
    asked = {"name": "shop", "url": f"{stack.receiver.url}/ok/day", "event_types": ["*"]}
    endpoint = tenant.call("POST", "/v1/endpoints", body=asked)
    Flow(tenant, stack.receiver, "/ok/day", endpoint).publish()

    def shown() -> bool:
        page = visitor.get(f"{stack.url}/console/endpoints", timeout=TIMEOUT_SECONDS)
        return "100 %" in page.text

    assert eventually(shown)
