"""The script of the endpoint form, and pages that only a form leads to."""

import re
import secrets

from playwright.sync_api import Page, expect

from local import seed
from local.api import Api
from tests.browser.window import Windows, check
from tests.e2e.stack import Running

TYPE = seed.JOB["type"]
HOSTILE = '<img src=x onerror="window.broken=1"><script>window.broken=1</script>'


def at(stack: Running, behaviour: str) -> str:
    return f"{stack.receiver.url}{behaviour}/{secrets.token_hex(4)}"


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_the_preview_follows_the_input(windows: Windows, stack: Running, tenant: Api) -> None:
    page = windows.sign_in(tenant.key, f"/console/endpoints/new?event_type={TYPE}")
    page.get_by_label("URL", exact=True).fill(at(stack, "/ok"))
    expect(page.get_by_text("It matches: this is sent")).to_be_visible()

    page.get_by_role("heading", name="When", exact=True).click()
    page.get_by_label("Condition").fill("data.JobId == `1`")
    expect(page.get_by_text("It does not match: nothing is sent")).to_be_visible()
    expect(page.locator("#trial")).to_contain_text("data.JobId == `1` is false")
    page.get_by_label("Condition").fill("data.JobId ==")
    expect(page.locator("#trial")).to_contain_text("ends too early")

    page.get_by_role("heading", name="Authentication", exact=True).click()
    expect(page.get_by_label("Token", exact=True)).to_be_hidden()
    page.get_by_label("Bearer token").check()
    expect(page.get_by_label("Token", exact=True)).to_be_visible()


def test_rows_are_added_in_place_and_types_are_found(windows: Windows, tenant: Api) -> None:
    page = windows.sign_in(tenant.key, "/console/endpoints/new")
    page.get_by_role("heading", name="What is sent").click()
    headers = page.locator('[data-rows="headers"]')
    headers.get_by_label("Name").fill("x-shop")
    headers.get_by_role("button", name="Add another header").click()
    expect(headers.get_by_label("Name")).to_have_count(2)
    expect(headers.get_by_label("Name").nth(1)).to_be_focused()
    assert headers.get_by_label("Name").nth(1).get_attribute("name") == "headers/1/name"
    headers.get_by_role("button", name="Remove this header").first.click()
    expect(headers.get_by_label("Name")).to_have_value("")

    page.get_by_label("Find a type").fill("pricech")
    expect(
        page.get_by_role("checkbox", name="SkuPriceChangedNotification", exact=True)
    ).to_be_visible()
    expect(page.get_by_role("checkbox", name=TYPE)).to_be_hidden()


def test_a_secret_is_rotated_and_an_earlier_version_restored(
    windows: Windows, stack: Running, tenant: Api
) -> None:
    asked = {"name": "First", "url": at(stack, "/ok"), "event_types": [TYPE]}
    endpoint = tenant.call("POST", "/v1/endpoints", body=asked)
    path = f"/console/endpoints/{endpoint['id']}"
    page = windows.sign_in(tenant.key, f"{path}/edit")
    page.get_by_label("Name optional").first.fill("Second")
    press(page, "Save as a new version")
    expect(page.get_by_text("Saved as version 2.")).to_be_visible()

    page.get_by_label("The old one signs as well for").select_option("1 hour")
    press(page, "Rotate the secret")
    shown = page.locator("#signing-secret")
    expect(shown).to_contain_text("whsec_")
    assert shown.inner_text() != endpoint["signing"]["secret"]
    page.reload()
    expect(page.get_by_role("heading", name="Second")).to_be_visible()
    assert "whsec_" not in page.content()

    page.get_by_role("link", name="History").click()
    page.get_by_role("link", name="Restore version 1").click()
    expect(page.get_by_role("row").filter(has_text="name")).to_contain_text("First")
    press(page, "Restore version 1")
    expect(page.get_by_role("heading", name="First")).to_be_visible()


def test_pages_reached_by_the_endpoint_form_are_accessible(
    windows: Windows, stack: Running, tenant: Api
) -> None:
    asked = {
        "name": HOSTILE,
        "url": at(stack, "/always/500"),
        "event_types": [TYPE, "Order*"],
        "condition": "data.JobId > `0`",
        "headers": {"x-token": "some-token"},
        "auth": {"kind": "bearer", "token": "some-token"},
        "metadata": {"team": HOSTILE},
        "rules": [{"entity": HOSTILE[:100], "on_update": ["Email"]}],
    }
    endpoint = tenant.call("POST", "/v1/endpoints", body=asked)
    path = f"/console/endpoints/{endpoint['id']}"
    page = windows.sign_in(tenant.key, path)
    press(page, "Send a test")
    expect(page.get_by_text("The test failed with 500")).to_be_visible()
    check(page)
    press(page, "Show the secret")
    check(page)
    page.goto(f"{path}/edit")
    closed = page.locator("details.part:not([open]) > summary")
    while closed.count():
        closed.first.click()
    page.get_by_label("URL", exact=True).fill("ftp://x")
    press(page, "Save as a new version")
    expect(page.get_by_role("alert")).to_contain_text(re.compile("cannot be saved"))
    check(page)
    page.goto(f"{path}/edit")
    tenant.call("PATCH", f"/v1/endpoints/{endpoint['id']}", body={"timeout_seconds": 7})
    page.get_by_label("Name optional").first.fill("Plain")
    press(page, "Save as a new version")
    expect(page.get_by_text("Somebody changed this endpoint in between")).to_be_visible()
    check(page)
    assert "some-token" not in page.content()
    assert page.evaluate("window.broken") is None
