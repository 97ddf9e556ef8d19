from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from posthorn.core.single_flight import SingleFlight


def test_ten_threads_that_ask_at_once_load_once() -> None:
    loaded: list[str] = []
    all_ask, may_answer = Barrier(10), Event()

    def load(key: str) -> str:
        loaded.append(key)
        may_answer.wait(10)
        return key.upper()

    cache = SingleFlight(load, size=5)

    def ask() -> str:
        all_ask.wait(10)
        if all_ask.n_waiting == 0:
            may_answer.set()
        return cache("a")

    with ThreadPoolExecutor(10) as pool:
        answers = [each.result() for each in [pool.submit(ask) for _ in range(10)]]

    assert answers == ["A"] * 10
    assert loaded == ["a"]


def test_an_error_is_raised_and_not_kept() -> None:
    answers = iter([ValueError("first"), "second"])

    def load(_: str) -> str:
        answer = next(answers)
        if isinstance(answer, ValueError):
            raise answer
        return answer

    cache = SingleFlight(load, size=5)

    with pytest.raises(ValueError, match="first"):
        cache("a")
    assert cache("a") == "second"


def test_the_value_that_was_not_used_for_longest_is_dropped() -> None:
    loaded: list[str] = []
    cache = SingleFlight(lambda key: loaded.append(key) or key, size=2)

    for key in "abaca":
        cache(key)
    assert loaded == ["a", "b", "c"]
    cache("b")
    assert loaded == ["a", "b", "c", "b"]


def test_a_forgotten_value_is_loaded_again() -> None:
    loaded: list[str] = []
    cache = SingleFlight(lambda key: loaded.append(key) or key, size=2)

    cache("a")
    cache.forget("a", lambda _: True)
    cache("a")

    assert loaded == ["a", "a"]
