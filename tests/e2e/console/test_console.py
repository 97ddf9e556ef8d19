"""The console on the deployed stack, by plain HTTP: its pages, its sessions, its redirects."""

import html
import re
from typing import Any

import pytest
import requests

from local import seed
from tests.e2e.flow import new_flow
from tests.e2e.stack import Running

TIMEOUT_SECONDS = 35


@pytest.fixture
def visitor() -> Any:
    """A browser, which follows redirects and keeps cookies."""
    session = requests.Session()
    session.trust_env = False
    return session


def ask(visitor: requests.Session, url: str) -> requests.Response:
    return visitor.get(url, timeout=TIMEOUT_SECONDS)


def send(
    visitor: requests.Session, page: requests.Response, url: str, **fields: str
) -> requests.Response:
    """Send a form of the page."""
    token = re.search(r'name="csrf" value="(\w+)"', page.text)
    form = {**fields, **({"csrf": token[1]} if token else {})}
    return visitor.post(url, data=form, timeout=TIMEOUT_SECONDS)


def test_a_tenant_sees_where_its_events_go(stack: Running, visitor: requests.Session) -> None:
    flow = new_flow(stack, "/ok", name="<b>ERP</b>")
    flow.until(flow.publish(), "succeeded")

    first = ask(visitor, f"{stack.url}/")
    assert first.url.startswith(f"{stack.url}/console/sign-in")
    home = send(visitor, first, f"{stack.url}/console/sign-in", key=flow.api.key)

    assert home.url == f"{stack.url}/console"
    active, _, inactive = home.text.partition('id="inactive"')
    assert seed.JOB["type"] in active
    assert html.escape("<b>ERP</b>") in active
    assert "OrderReceivedEvent" in inactive
    assert ask(visitor, f"{stack.url}/console/types/{seed.JOB['type']}/settings").ok
    gone = send(visitor, home, f"{stack.url}/console/sign-out")
    assert "You have signed out." in gone.text
    assert "/console/sign-in" in ask(visitor, f"{stack.url}/console").url


def test_an_admin_acts_for_one_tenant_at_a_time(stack: Running, visitor: requests.Session) -> None:
    stack.new_tenant()

    sign_in = ask(visitor, f"{stack.url}/console")
    choosing = send(visitor, sign_in, f"{stack.url}/console/sign-in", key=stack.admin.key)
    assert "/console/tenant" in choosing.url
    named = re.findall(r'name="tenant" value="([\w-]+)"', choosing.text)
    home = send(visitor, choosing, f"{stack.url}/console/tenant", tenant=named[0])

    assert home.url == f"{stack.url}/console"
    assert ask(visitor, f"{stack.url}/console/no-such-page").status_code == 404
