"""Dying on purpose: the n-th call to AWS ends the process, before or after it took effect."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from tests.world import World


class Died(BaseException):
    """The end of an execution environment: nothing runs after it, no `except Exception` either."""


def dying_at(world: World, call: int, *, after: bool) -> AbstractContextManager[list[str]]:
    """Die at the call of this number, counted from 1. Yields the names of the calls made."""
    return dying(world, {call: after})


@contextmanager
def dying(world: World, calls: Mapping[int, bool]) -> Iterator[list[str]]:
    """Die at each of these calls, after it took effect where that is true, and before otherwise."""
    made: list[str] = []

    def before_call(model: Any, **_: Any) -> None:
        made.append(model.name)
        if calls.get(len(made)) is False:
            raise Died

    def after_call(**_: Any) -> None:
        if calls.get(len(made)) is True:
            raise Died

    clients = [world.dynamodb, world.sqs, world.stepfunctions]
    for client in clients:
        client.meta.events.register_first("before-call", before_call)
        client.meta.events.register_last("after-call", after_call)
    try:
        yield made
    finally:
        for client in clients:
            client.meta.events.unregister("before-call", before_call)
            client.meta.events.unregister("after-call", after_call)
