"""Limit the concurrent requests to one slow endpoint within an execution environment."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from posthorn.models import Endpoint

# A hanging endpoint occupies each slot for its whole timeout. Two of a batch's ten messages leave
# eight for quick retries (docs/decisions.md).
SLOTS_PER_SLOW_ENDPOINT = 2


class ConcurrencyLimiter:
    def __init__(self) -> None:
        self._lock = Lock()
        self._in_use: Counter[str] = Counter()

    @contextmanager
    def slot(self, endpoint: Endpoint) -> Iterator[bool]:
        """Yield whether a slot is free; it is released at the end of the block."""
        if not endpoint.health.slow:
            yield True
            return
        with self._lock:
            free = self._in_use[endpoint.id] < SLOTS_PER_SLOW_ENDPOINT
            self._in_use[endpoint.id] += free
        try:
            yield free
        finally:
            with self._lock:
                self._in_use[endpoint.id] -= free
