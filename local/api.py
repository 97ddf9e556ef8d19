"""A client of the HTTP API, as a program of a platform or a tenant would use it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import requests

TIMEOUT_SECONDS = 35  # the HTTP API itself times out after 30


class ApiError(Exception):
    """The API refused the request; the message contains the beginning of its answer."""


@dataclass(frozen=True)
class Api:
    """The API, called with one key."""

    url: str
    key: str = field(repr=False)
    tenant: str | None = None  # the tenant for which an admin key acts
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
        """Return the answer, including an error."""
        self._session.trust_env = False  # loopback needs no proxy
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
        """Yield the items of all pages of a list."""
        while True:
            page = self.call("GET", path, params=params)
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            params["cursor"] = page["next_cursor"]
