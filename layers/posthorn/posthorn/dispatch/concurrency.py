"""How many requests one slow endpoint may have open at once, in one execution environment."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from posthorn.models import Endpoint

# An endpoint that hangs holds each of its places for its whole timeout. With two of the ten
# messages of a batch, it leaves the others to retries that are quick (docs/decisions.md).
SLOW_PLACES = 2


class ConcurrencyLimiter:
    def __init__(self) -> None:
        self._lock = Lock()
        self._inside: Counter[str] = Counter()

    @contextmanager
    def slot(self, endpoint: Endpoint) -> Iterator[bool]:
        """Whether there is a place; it is given up at the end of the block."""
        if not endpoint.health.slow:
            yield True
            return
        with self._lock:
            free = self._inside[endpoint.id] < SLOW_PLACES
            self._inside[endpoint.id] += free
        try:
            yield free
        finally:
            with self._lock:
                self._inside[endpoint.id] -= free
