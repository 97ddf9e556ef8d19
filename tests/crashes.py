"""Dying on purpose: the n-th call to AWS ends the process, before or after it took effect."""

from collections.abc import Mapping
from contextlib import AbstractContextManager

from tests.faults import Died, Fault, failing
from tests.world import World

__all__ = ["Died", "dying", "dying_at"]


def dying_at(world: World, call: int, *, after: bool) -> AbstractContextManager[list[str]]:
    """Die at the call of this number, counted from 1. Yields the names of the calls made."""
    return dying(world, {call: after})


def dying(world: World, calls: Mapping[int, bool]) -> AbstractContextManager[list[str]]:
    """Die at each of these calls, after it took effect where that is true, and before otherwise."""
    deaths = {False: Fault.CRASH_BEFORE, True: Fault.CRASH_AFTER}
    return failing(world, {call: deaths[after] for call, after in calls.items()})
