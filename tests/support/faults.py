"""Injected faults: a call to AWS fails in each possible way, before or after it took effect.

botocore's own retries come before these: a call fails here that has failed each time.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from enum import Enum
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

from tests.support.world import World


class Died(BaseException):
    """The end of an execution environment: nothing runs after it, no `except Exception` either."""


class Fault(Enum):
    """How a call fails, and whether it had taken effect by then."""

    ERROR_BEFORE = ("error", False)
    ERROR_AFTER = ("error", True)
    THROTTLED = ("throttled", False)
    TIMEOUT = ("timeout", True)  # a timeout without effect looks like ERROR_BEFORE
    CRASH_BEFORE = ("crash", False)
    CRASH_AFTER = ("crash", True)

    @property
    def is_after(self) -> bool:
        return self.value[1]

    def answer(self) -> tuple[AWSResponse, dict[str, Any]]:
        """The answer of the service; raises the exception of a fault without an answer."""
        kind, _ = self.value
        if kind == "crash":
            raise Died
        if kind == "timeout":
            raise ReadTimeoutError(endpoint_url="https://aws.example.com")
        code = "ThrottlingException" if kind == "throttled" else "InternalServerError"
        status = 400 if kind == "throttled" else 500
        error = {"Error": {"Code": code, "Message": "on purpose"}, "ResponseMetadata": {}}
        return AWSResponse("https://aws.example.com", status, {}, None), error


@contextmanager
def failing(world: World, faults: Mapping[int | str, Fault]) -> Iterator[list[str]]:
    """Let the calls of these numbers (from 1) or names fail. Yields the names of those made."""
    made: list[str] = []

    def before_call(model: Any, **_: Any) -> Any:
        made.append(model.name)
        fault = faults.get(len(made)) or faults.get(model.name)
        return fault.answer() if fault and not fault.is_after else None

    def after_call(http_response: Any, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        fault = faults.get(len(made)) or faults.get(model.name)
        if fault and fault.is_after:
            refused, error = fault.answer()
            http_response.status_code = refused.status_code
            parsed.clear()
            parsed.update(error)

    for client in world.clients:
        client.meta.events.register_first("before-call", before_call)
        client.meta.events.register_last("after-call", after_call)
    try:
        yield made
    finally:
        for client in world.clients:
            client.meta.events.unregister("before-call", before_call)
            client.meta.events.unregister("after-call", after_call)


def dying_at(world: World, call: int, *, after: bool) -> AbstractContextManager[list[str]]:
    """Die at the call of this number, counted from 1. Yields the names of the calls made."""
    return dying(world, {call: after})


def dying(world: World, calls: Mapping[int, bool]) -> AbstractContextManager[list[str]]:
    """Die at each of these calls, after it took effect where that is true, and before otherwise."""
    deaths = {False: Fault.CRASH_BEFORE, True: Fault.CRASH_AFTER}
    return failing(world, {call: deaths[after] for call, after in calls.items()})
