"""A platform hands its customer a link into the console."""

import requests

from tests.e2e.stack import Running


def test_a_portal_link_opens_the_console_of_its_tenant(stack: Running) -> None:
    api = stack.new_tenant()
    made = api.call("POST", "/v1/portal-links", body={"access": "full"})
    with requests.Session() as browser:
        browser.trust_env = False

        come = browser.get(made["url"].replace("https://", "http://"), timeout=30)
        home = browser.get(f"{stack.url}/console", timeout=30)
        dashboard = browser.get(f"{stack.url}/console/dashboard", timeout=30)

    assert [each.status_code for each in (come, home, dashboard)] == [200, 200, 200]
    assert made["tenant"] in home.text
