"""Windows of a real browser, and the checks of every page in them."""

import os
import shutil
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}
COLOURS = {**WCAG, "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
WIDTHS = (360, 1600)
PATIENCE_MS = 15_000  # a busy machine is not a failure
expect.set_options(timeout=PATIENCE_MS)


def executable() -> str:
    """The browser's path; skips without one, and fails in CI, which must have one."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        reason = f"no browser: none of {', '.join(NAMES)} is installed"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@dataclass
class Windows:
    """Opens windows that fail the test on any error the browser reports."""

    browser: Browser
    url: str
    complaints: list[str] = field(default_factory=list)
    _contexts: list[BrowserContext] = field(default_factory=list)

    def open(self, *, scripts: bool = True, width: int = 1280) -> Page:
        context = self.browser.new_context(
            base_url=self.url,
            java_script_enabled=scripts,
            viewport={"width": width, "height": 900},
            reduced_motion="reduce",  # so that axe sees no colour between two
        )
        context.set_default_timeout(PATIENCE_MS)
        self._contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._hear)
        return page

    def sign_in(self, key: str, path: str = "/console", **options: Any) -> Page:
        """A window signed in at this path."""
        page = self.open(**options)
        page.goto(path)
        page.get_by_label("API key").fill(key)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{self.url}{path}")
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()
        assert self.complaints == []

    def _hear(self, message: Any) -> None:
        expected = "Failed to load resource"  # an answer of 4xx, which tests ask for
        if message.type == "error" and not message.text.startswith(expected):
            self.complaints.append(message.text)


def check(page: Page) -> None:
    """Check WCAG 2.1 AA in light and dark mode, and the layout on a small and a large screen."""
    for scheme, rules in (("light", WCAG), ("dark", COLOURS)):  # dark differs in colours alone
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type] # both are valid values
        found = Axe().run(page, options=rules)
        assert found.violations_count == 0, f"{page.url} in {scheme}: {found.generate_report()}"
    before = page.viewport_size
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        over = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert over <= 0, f"{page.url} is {over} px too wide for {width}"
    if before:
        page.set_viewport_size(before)
