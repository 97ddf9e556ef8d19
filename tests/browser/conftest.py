"""One stack and one browser for all tests here; each test has a tenant and a window of its own."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from local.api import Api
from tests.browser.window import FLAGS, Windows, executable
from tests.e2e.stack import Running, running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def stack(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """After the browser: without one there is no need for a stack."""
    with running(tmp_path_factory.mktemp("stack")) as started:
        yield started


@pytest.fixture
def tenant(stack: Running) -> Api:
    return stack.new_tenant()


@pytest.fixture
def windows(stack: Running, browser: Browser) -> Iterator[Windows]:
    opened = Windows(browser, stack.url)
    yield opened
    opened.close()
