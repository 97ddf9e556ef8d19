"""Sign-in and the events of a tenant in a browser."""

import re

import pytest
from playwright.sync_api import expect

from local import seed
from local.api import Api
from tests.browser.window import Windows
from tests.e2e.flow import new_flow
from tests.e2e.stack import Running


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_user_signs_in_browses_and_signs_out(
    windows: Windows, tenant: Api, scripts: bool
) -> None:
    page = windows.open(scripts=scripts)

    page.goto("/")
    page.get_by_label("API key").fill("phk_wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("not a valid API key")).to_be_visible()
    page.get_by_label("API key").fill(tenant.key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Events")).to_be_visible()
    expect(page.get_by_text("No event is active yet")).to_be_visible()

    page.get_by_label("Search").fill("price")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("link", name="SkuPriceChangedNotification", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="JobCompletedEvent", exact=True)).to_have_count(0)
    page.get_by_role("link", name="SkuPriceChangedNotification", exact=True).click()
    expect(page.get_by_role("heading", name="Example")).to_be_visible()
    page.get_by_role("link", name="Settings").click()
    expect(page.get_by_text("What can be watched")).to_be_visible()

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You have signed out.")).to_be_visible()
    page.goto("/console")
    expect(page.get_by_label("API key")).to_be_visible()


def test_an_active_event_shows_its_health(windows: Windows, stack: Running) -> None:
    flow = new_flow(stack, "/always/500", name="Warehouse")
    flow.until(flow.publish(), "retrying", attempts=1)
    page = windows.sign_in(flow.api.key)

    row = page.get_by_role("row").filter(has_text=seed.JOB["type"])

    expect(row.get_by_text("Failing")).to_be_visible()
    expect(row.get_by_role("link", name="Warehouse")).to_be_visible()
    expect(row.locator("time")).to_have_text(re.compile(r"\d+ (s|min) ago|just now"))


def test_an_admin_switches_tenants(windows: Windows, stack: Running, tenant: Api) -> None:
    named = stack.admin.call("GET", "/v1/tenants")["items"][0]["name"]
    page = windows.open()
    page.goto("/console")
    page.get_by_label("API key").fill(stack.admin.key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Tenants")).to_be_visible()

    page.get_by_role("button", name=f"Act for {named}", exact=True).click()

    expect(page.get_by_role("heading", name="Events")).to_be_visible()
    expect(page.locator(".tenant")).to_contain_text(named)


def test_the_keyboard_is_enough(windows: Windows, tenant: Api) -> None:
    page = windows.sign_in(tenant.key)

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    expect(page.get_by_role("link", name="New endpoint")).to_be_focused()


def test_copy_buttons_copy_their_text(windows: Windows, tenant: Api) -> None:
    page = windows.sign_in(tenant.key, "/console/types/JobCompletedEvent")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    page.get_by_role("button", name="Copy").click()

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("pre").inner_text()
