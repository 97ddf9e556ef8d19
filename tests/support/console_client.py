"""The console without a network and a browser: cookies are kept, forms are sent, links are not."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from tests.support.http_client import Answer, http_event, through_gateway

FORM = "application/x-www-form-urlencoded"
HOST = "api.example.com"  # of http_event


@dataclass
class Visitor:
    """A user with a browser. `page` is the last page received; its token is sent with each form."""

    cookies: dict[str, str] = field(default_factory=dict, repr=False)
    page: Answer = field(default_factory=lambda: Answer(0, {}, ""), repr=False)

    def get(self, target: str, **headers: str) -> Answer:
        """Ask for a path with its query, as a link on a page of ours would."""
        parts = urlsplit(target)
        sent = {"sec-fetch-site": "same-origin", **_dashed(headers)}
        return self._ask("GET", parts.path, parts.query, body=None, headers=sent)

    def send(
        self, path: str, fields: Mapping[str, str | list[str]] | None = None, **headers: str
    ) -> Answer:
        """Send a form with the token of the last page, unless `fields` has another."""
        form = {"csrf": self.token, **(fields or {})}
        sent = {"sec-fetch-site": "same-origin", "content-type": FORM, **_dashed(headers)}
        return self._ask("POST", path, "", body=urlencode(form, doseq=True), headers=sent)

    def sign_in(self, key: str, *, next_path: str = "/console") -> Answer:
        return self.send("/console/sign-in", {"key": key, "next": next_path})

    @property
    def token(self) -> str:
        found = re.search(r'name="csrf" value="(\w+)"', self.page.body)
        return found[1] if found else ""

    @property
    def text(self) -> str:
        """The text of the last page, without tags."""
        return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", self.page.body)).split())

    def _ask(
        self, method: str, path: str, query: str, *, body: str | None, headers: Mapping[str, str]
    ) -> Answer:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {**headers, "cookie": cookie} if cookie else headers
        event = http_event(method, path, body=body, headers=sent)
        event["rawQueryString"] = query
        answer = through_gateway(event, {})
        for each in answer.cookies:
            pair, *attributes = each.split("; ")
            name, _, value = pair.partition("=")
            self.cookies[name] = value
            if "Max-Age=0" in attributes:
                del self.cookies[name]
        if answer.status != 303:
            self.page = answer
        return answer


def _dashed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
