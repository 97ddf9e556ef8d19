"""A client of the HTTP API: what a program of a platform or a tenant would write."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import requests

TIMEOUT_SECONDS = 35  # the HTTP API itself gives up after 30


class ApiError(Exception):
    """The API refused; the message begins its answer."""


@dataclass(frozen=True)
class Api:
    """Calls with one key."""

    url: str
    key: str = field(repr=False)
    tenant: str | None = None  # whom an admin key acts for
    _session: requests.Session = field(default_factory=requests.Session, repr=False)

    def call(
        self, method: str, path: str, *, body: object = None, params: dict[str, str] | None = None
    ) -> Any:
        response = self.raw(method, path, body=body, params=params)
        if not response.ok:
            raise ApiError(f"{method} {path}: {response.status_code} {response.text[:300]}")
        return response.json() if response.content else None

    def raw(
        self, method: str, path: str, *, body: object = None, params: dict[str, str] | None = None
    ) -> requests.Response:
        """Answer with whatever came, refusals too."""
        self._session.trust_env = False  # no proxy lies between us and loopback
        headers = {"authorization": f"Bearer {self.key}"}
        if self.tenant:
            headers["posthorn-tenant"] = self.tenant
        return self._session.request(
            method,
            f"{self.url}{path}",
            json=body,
            params=params,
            headers=headers,
            timeout=TIMEOUT_SECONDS,
        )

    def items(self, path: str, **params: str) -> Iterator[dict[str, Any]]:
        """Yield what all pages of a list hold."""
        while True:
            page = self.call("GET", path, params=params)
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            params["cursor"] = page["next_cursor"]
