"""Least privilege, by the calls of all functions in this run: sorts after the other tests."""

import pytest

from tests.e2e.stack import Running
from tests.support import iam_recording
from tests.support.iam_recording import Comparison


@pytest.fixture(scope="module")
def compared(stack: Running) -> Comparison:
    return iam_recording.compare(stack.calls(), stack.resources)


def test_every_call_that_a_function_made_is_allowed_to_it(compared: Comparison) -> None:
    assert compared.not_allowed == []


def test_everything_that_a_function_is_allowed_was_used(compared: Comparison) -> None:
    assert compared.never_used == []
