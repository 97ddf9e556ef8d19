"""The pictures of README: pages of the console with demo data, in a browser.

Needs Chromium. `make screenshots` writes docs/images/.
"""

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, ViewportSize, sync_playwright

from local import past, seed
from local.api import Api
from local.emulation.stack import ROOT
from local.run import demo
from local.screen import say

IMAGES = ROOT / "docs" / "images"
SIZE: ViewportSize = {"width": 1360, "height": 850}
WAIT_SECONDS = 20
# Flags for root, and for a machine without network.
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-first-run"),
)


class NoBrowserError(Exception):
    """Chromium is not installed."""


def take() -> None:
    """Start a separate stack, fill it, and write each picture."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise NoBrowserError("there is no chromium on this machine: install it first")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="posthorn-") as folder,
        demo(folder=Path(folder)) as (stack, description),
        sync_playwright() as playwright,
    ):
        past.write(stack, seed.TENANT)
        api = Api(description["api_url"], description["tenant_key"])
        seed.publish(api)
        entry = _a_story(api)
        browser = playwright.chromium.launch(executable_path=chromium, args=[*ARGUMENTS])
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        _sign_in(page, description)
        for name, path in _pages(entry).items():
            page.goto(f"{description['api_url']}{path}")
            page.screenshot(path=IMAGES / f"{name}.png")
            say(f"docs/images/{name}.png  {path}")
        browser.close()


def _pages(entry: dict[str, Any]) -> dict[str, str]:
    return {
        "events": "/console",
        "endpoint": f"/console/endpoints/{entry['endpoint_id']}",
        "log": "/console/log",
        "log-entry": f"/console/deliveries/{entry['id']}",
        "dashboard": "/console/dashboard",
    }


def _a_story(api: Api) -> dict[str, Any]:
    """A delivery that succeeded after a failure, once all live deliveries have ended."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        found = api.call("GET", "/v1/deliveries", params={"limit": "100"})["items"]
        told = [each for each in found if each["attempt_count"] > 2 and _succeeded(each)]
        if told and not any(each["status"] in ("pending", "retrying") for each in found):
            return dict(told[0])
        time.sleep(0.5)
    raise TimeoutError("the demo's deliveries did not end")


def _succeeded(delivery: dict[str, Any]) -> bool:
    return bool(delivery["status"] == "succeeded")


def _sign_in(page: Page, description: dict[str, Any]) -> None:
    page.goto(f"{description['api_url']}/console/sign-in")
    page.fill("input[name=key]", description["tenant_key"])
    page.click("main button")
