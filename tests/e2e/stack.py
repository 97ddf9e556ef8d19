"""A private stack for the e2e suite: `template.yaml` on an emulator of its own, and a receiver."""

import base64
import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from local import seed
from local.api import Api
from local.emulation.emulator import free_port
from local.emulation.stack import Stack, deployed
from local.receiver import Receiver

_T = TypeVar("_T")


@dataclass(frozen=True)
class Running:
    """The running system as tests use it.

    `admin` calls the API with an admin key; `receiver.url` is where endpoints may point.
    """

    stack: Stack
    receiver: Receiver
    admin: Api
    log: Path  # output of the emulator, with each log line of the functions

    @property
    def url(self) -> str:
        return self.stack.api_url

    @property
    def resources(self) -> dict[str, str]:
        """Physical ids (names, URLs, ARNs) by the logical ids of the template."""
        return self.stack.resources

    def client(self, service: str) -> Any:
        return self.stack.client(service)

    def calls(self) -> list[dict[str, Any]]:
        """The functions' calls to AWS: function (logical id), service, action, resources."""
        return self.stack.calls()

    def invoke(self, function: str, event: object = None, *, logs: str) -> dict[str, Any]:
        """Call a function by its logical id; return the line of its log with this message."""
        answer = self.client("lambda").invoke(
            FunctionName=self.resources[function], LogType="Tail", Payload=json.dumps(event or {})
        )
        assert "FunctionError" not in answer
        lines = map(json.loads, base64.b64decode(answer["LogResult"]).splitlines())
        found: dict[str, Any] = next(line for line in lines if line.get("message") == logs)
        return found

    def new_tenant(self) -> Api:
        """A client with a key of all scopes for a new tenant."""
        tenant = f"t-{secrets.token_hex(4)}"
        key = seed.create_tenant(self.admin, tenant, name=tenant)
        return Api(self.url, key)


@contextmanager
def running(folder: Path) -> Iterator[Running]:
    with Receiver() as receiver, deployed(free_port(), folder=folder, record_calls=True) as stack:
        admin = Api(stack.api_url, seed.create_admin_key(stack))
        started = Running(stack, receiver, admin, log=folder / "emulator.log")
        _warm(started)
        yield started


def _warm(started: Running) -> None:
    """Deliver one event, so that no cold start affects the measured times."""
    api = started.new_tenant()
    url = f"{started.receiver.url}/ok/warm"
    seed.create_endpoint(api, "warm", url=url, event_types=["*"])
    api.call("POST", "/v1/events", body=seed.JOB)
    eventually(lambda: started.receiver.at("/ok/warm"))


def eventually(check: Callable[[], _T], *, within_seconds: float = 20) -> _T:
    """Return the first true answer of `check`; fail with its last one when time is up."""
    deadline = time.monotonic() + within_seconds
    while not (answer := check()):
        assert time.monotonic() < deadline, f"not within {within_seconds} s; last seen: {answer!r}"
        time.sleep(0.05)
    return answer
