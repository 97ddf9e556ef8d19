"""An integration from set-up to repair, as its developer does it in a browser."""

import re
import secrets

import pytest
from playwright.sync_api import Page, expect

from local import seed
from local.api import Api
from tests.browser.window import Windows
from tests.e2e.flow import Flow, new_flow
from tests.e2e.stack import Running

TYPE = seed.JOB["type"]


def set_up(page: Page, stack: Running, api: Api, path: str) -> Flow:
    """Make an endpoint for an inactive event: first wrong, then failing, then right; enable it."""
    page.get_by_role("link", name=f"Set up {TYPE}").click()
    page.get_by_label("URL", exact=True).fill("nope")
    page.get_by_role("button", name="Save the endpoint").click()
    error = page.locator("#error-url")
    expect(error).to_contain_text("http")
    expect(page.get_by_label("URL", exact=True)).to_have_value("nope")
    expect(page.get_by_label("URL", exact=True)).to_have_attribute("aria-invalid", "true")

    page.get_by_label("URL", exact=True).fill(f"{stack.receiver.url}/always/500{path}")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("It matches: this is sent")).to_be_visible()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("The test failed with 500")).to_be_visible()
    expect(page.locator(".verdict")).to_contain_text("check its log")
    page.get_by_label("URL", exact=True).fill(f"{stack.receiver.url}/ok{path}")
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("The test passed with 200")).to_be_visible()

    page.get_by_label("Name", exact=False).first.fill("Warehouse")
    page.get_by_label("Paused: they are held").check()
    page.get_by_role("button", name="Save the endpoint").click()
    expect(page.locator("#signing-secret")).to_contain_text("whsec_")
    page.get_by_role("link", name="Go on: send a test").click()
    page.get_by_role("button", name="Enable", exact=True).click()
    expect(page.get_by_text("Enabled: events are delivered from now on.")).to_be_visible()
    (endpoint,) = api.items("/v1/endpoints")
    assert endpoint["status"] == "enabled"
    return Flow(api, stack.receiver, f"/ok{path}", endpoint)


def edit(page: Page, flow: Flow, **texts: str) -> None:
    page.goto(f"/console/endpoints/{flow.id}/edit")
    page.locator("details.part:not([open]) > summary").filter(has_text="If it fails").click()
    for label, text in texts.items():
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_role("button", name="Save as a new version").click()
    expect(page.get_by_text(re.compile(r"Saved as version \d"))).to_be_visible()


@pytest.mark.parametrize("scripts", [False], ids=["without scripts"])
def test_an_event_is_set_up(windows: Windows, stack: Running, tenant: Api, scripts: bool) -> None:
    page = windows.sign_in(tenant.key, scripts=scripts)

    set_up(page, stack, tenant, f"/{secrets.token_hex(4)}")

    page.goto("/console")
    expect(page.get_by_role("row").filter(has_text=TYPE)).to_contain_text("Warehouse")


def test_an_integration_is_set_up_fails_recovers_and_is_looked_after(
    windows: Windows, stack: Running, tenant: Api
) -> None:
    path = f"/{secrets.token_hex(4)}"
    page = windows.sign_in(tenant.key)
    flow = set_up(page, stack, tenant, path)

    watch_it_arrive(page, flow)
    see_it_fail_and_recover(page, stack, flow, path)
    pause_and_resume(page, flow)
    rotate_and_restore(page, flow)


def watch_it_arrive(page: Page, flow: Flow) -> None:
    page.goto(f"/console/types/{TYPE}")
    page.get_by_role("navigation", name=TYPE).get_by_role("link", name="Log").click()
    expect(page.get_by_text("No delivery like this")).to_be_visible()
    page.evaluate("window.stayed = true")

    flow.publish()

    row = page.get_by_role("row").filter(has_text=TYPE)
    expect(row).to_contain_text("Succeeded")
    expect(row).to_contain_text("Warehouse")
    assert page.evaluate("window.stayed"), "the page was loaded again"


def see_it_fail_and_recover(page: Page, stack: Running, flow: Flow, path: str) -> None:
    edit(page, flow, URL=f"{stack.receiver.url}/fail/1{path}", Delays="5 s")
    flow.until(flow.publish(), "retrying", attempts=1)
    page.goto("/console/log?status=&q=")
    row = page.get_by_role("row").filter(has_text=TYPE).first
    expect(row).to_contain_text("Retrying")
    expect(row.locator("time[data-countdown]")).to_have_text(re.compile(r"in \d s|due now"))
    page.evaluate("window.stayed = true")
    expect(row).to_contain_text("Succeeded")
    assert page.evaluate("window.stayed"), "the page was loaded again"

    row.get_by_role("link", name=TYPE).click()
    failed = page.locator("#attempt-1")
    failed.locator("summary").first.click()
    expect(failed.get_by_role("heading", name="Response")).to_be_visible()
    expect(failed).to_contain_text("500")
    expect(failed).to_contain_text("webhook-signature")


def pause_and_resume(page: Page, flow: Flow) -> None:
    address = f"/console/endpoints/{flow.id}"
    page.goto(address)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused: deliveries are held")).to_be_visible()
    held = flow.publish()
    flow.until(held, "held")
    page.goto(address)
    expect(page.get_by_role("link", name=re.compile("1 delivery"))).to_be_visible()
    page.get_by_role("button", name="Enable and deliver").click()
    expect(page.get_by_text("What was held is on its way")).to_be_visible()
    page.goto("/console/log")
    expect(page.get_by_role("row").filter(has_text=TYPE).first).to_contain_text("Succeeded")
    assert flow.until(held, "succeeded")["job_id"]


def rotate_and_restore(page: Page, flow: Flow) -> None:
    page.goto(f"/console/endpoints/{flow.id}")
    page.get_by_role("button", name="Rotate the secret").click()
    expect(page.get_by_role("heading", name="The new signing secret")).to_be_visible()
    expect(page.locator("#signing-secret")).to_contain_text("whsec_")
    page.goto(f"/console/endpoints/{flow.id}/history")
    page.get_by_role("link", name="Restore version 1").click()
    expect(page.get_by_text("It becomes version")).to_be_visible()
    page.get_by_role("button", name="Restore version 1").click()
    expect(page.get_by_text(re.compile("Version 1 is restored"))).to_be_visible()
    restored = flow.api.call("GET", f"/v1/endpoints/{flow.id}")
    assert "/ok/" in restored["url"]


def test_a_customer_with_a_portal_link_sees_its_own_and_changes_nothing(
    windows: Windows, stack: Running
) -> None:
    own = new_flow(stack, "/ok", name="Our ERP")
    theirs = new_flow(stack, "/ok", name="Another customer's ERP")
    link = own.api.call("POST", "/v1/portal-links", body={"access": "read_only"})
    page = windows.open()

    page.goto(link["url"].replace("https://", "http://"))  # the emulator speaks only this

    expect(page.get_by_role("heading", name="Events")).to_be_visible()
    expect(page.get_by_text("Read only")).to_be_visible()
    expect(page.get_by_role("link", name="Set up")).to_have_count(0)
    page.goto("/console/endpoints")
    expect(page.get_by_role("link", name="Our ERP", exact=True)).to_be_visible()
    expect(page.get_by_text("Another customer's ERP")).to_have_count(0)
    page.goto(f"/console/endpoints/{theirs.id}")
    expect(page.get_by_text("there is no such endpoint")).to_be_visible()
