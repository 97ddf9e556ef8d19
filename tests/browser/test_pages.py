"""Every page with foreign text in it: accessible, and no foreign script runs."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page

from local import seed
from tests.browser.window import Windows, check
from tests.e2e.flow import after, new_flow
from tests.e2e.stack import Running

HOSTILE = '<img src=x onerror="window.broken=1"><script>window.broken=1</script>'
TYPE = seed.ORDER["type"]
MOST_BYTES = 100_000  # of a page's HTML
PAGES = (
    "/console",
    "/console?q=nothing-like-this",
    f"/console/types/{TYPE}",
    f"/console/types/{TYPE}/settings",
    "/console/types/CustomerChangedNotification/settings",
    "/console/endpoints",
    "/console/endpoints/new",
    "/console/endpoints/{endpoint}",
    "/console/endpoints/{endpoint}/edit",
    "/console/endpoints/{endpoint}/history",
    "/console/endpoints/{endpoint}/history/1",
    "/console/endpoints/{endpoint}/delete",
    "/console/log",
    "/console/log?q=nothing-like-this&range=1h",
    "/console/deliveries/{delivery}?attempt=1",
    "/console/events/{event}",
    "/console/jobs/new?endpoint={endpoint}",
    "/console/jobs",
    "/console/jobs/{job}",
    "/console/dashboard",
    "/console/no-such-page",
)


@dataclass(frozen=True)
class Lived:
    """A signed-in window of a tenant with events, deliveries and jobs, and their ids."""

    page: Page
    names: dict[str, str]


@pytest.fixture(scope="module")
def module_windows(stack: Running, browser: Browser) -> Iterator[Windows]:
    opened = Windows(browser, stack.url)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def lived(stack: Running, module_windows: Windows) -> Lived:
    flow = new_flow(
        stack,
        "/always/500",
        name=HOSTILE,
        event_types=[TYPE],
        description=HOSTILE,
        metadata={"team": HOSTILE},
        headers={"x-shop": HOSTILE},
        retry=after(600),
    )
    flow.change(description=f"{HOSTILE}, changed")
    new_flow(stack, "/ok", api=flow.api, name="Data lake")
    paused = new_flow(stack, "/ok", api=flow.api, name="Mail", event_types=["*"], status="paused")
    event_id = flow.publish(**seed.ORDER | {"data": seed.ORDER["data"] | {"Source": HOSTILE}})
    delivery = flow.until(event_id, "retrying", attempts=1)
    paused.until(event_id, "held")
    asked = {"kind": "replay", "filter": {"endpoint": paused.id}, "rate_per_second": 1}
    job = flow.api.call("POST", "/v1/jobs", body=asked)
    page = module_windows.sign_in(flow.api.key)
    names = {"endpoint": flow.id, "delivery": delivery["id"], "event": event_id, "job": job["id"]}
    return Lived(page, names)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_accessible_and_runs_no_foreign_script(lived: Lived, path: str) -> None:
    lived.page.goto(path.format(**lived.names))

    check(lived.page)
    assert len(lived.page.content().encode()) < MOST_BYTES
    assert lived.page.evaluate("window.broken") is None


def test_the_sign_in_page_is_accessible(windows: Windows) -> None:
    page = windows.open()

    page.goto("/console/sign-in")

    check(page)


def test_the_reference_page_is_accessible(windows: Windows) -> None:
    """All articles have the same form, so the first of each chapter is checked."""
    page = windows.open()
    page.goto("/docs")
    more = "section > article:nth-of-type(n + 3)"
    page.evaluate("more => document.querySelectorAll(more).forEach(each => each.remove())", more)

    check(page)


def test_the_tenant_page_is_accessible(windows: Windows, stack: Running) -> None:
    page = windows.open()
    page.goto("/console")
    page.get_by_label("API key").fill(stack.admin.key)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Tenants").wait_for()

    check(page)
