"""A cache whose first reader loads, while the others wait for the same result."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """Calls `load` once per key, also when many threads ask at once (functools.cache does not).

    At most `size` values are kept, those that were used last. An error goes to every thread that
    waits for it and is not kept.
    """

    def __init__(self, load: Callable[[K], V], *, size: int) -> None:
        self._load = load
        self._size = size
        self._lock = Lock()
        self._values: OrderedDict[K, Future[V]] = OrderedDict()

    def __call__(self, key: K, *, timeout_seconds: float | None = None) -> V:
        """The cached or loaded value; raise TimeoutError after waiting for another thread."""
        with self._lock:
            future = self._values.get(key)
            is_first = future is None
            if future is None:
                future = self._values[key] = Future()
                if len(self._values) > self._size:
                    self._values.popitem(last=False)
            else:
                self._values.move_to_end(key)
        if is_first:
            self._fill(key, future)
        return future.result(timeout_seconds)

    def forget(self, key: K, is_stale: Callable[[V], bool]) -> None:
        """Drop the value of this key if it is stale; one that is being loaded is not."""
        with self._lock:
            future = self._values.get(key)
            if future and future.done() and not future.exception() and is_stale(future.result()):
                del self._values[key]

    def _fill(self, key: K, future: Future[V]) -> None:
        try:
            future.set_result(self._load(key))
        except BaseException as error:  # noqa: BLE001 - every waiting thread raises it
            with self._lock:
                if self._values.get(key) is future:
                    del self._values[key]
            future.set_exception(error)
