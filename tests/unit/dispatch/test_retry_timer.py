from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorn.dispatch.retry_timer import Cell, seconds_until

NOW = datetime(2026, 11, 25, 13, 40, 0, tzinfo=UTC)
LONGEST = 7 * 24 * 3600
moments = st.timedeltas(timedelta(0), timedelta(days=900)).map(lambda passed: NOW + passed)


@pytest.mark.parametrize(
    ("delay", "name"),
    [
        (7, "due-5-2026-11-25T13-40-05"),
        (59.9, "due-5-2026-11-25T13-40-55"),
        (60, "due-15-2026-11-25T13-41-00"),
        (599, "due-15-2026-11-25T13-49-45"),
        (600, "due-60-2026-11-25T13-50-00"),
        (3600, "due-300-2026-11-25T14-40-00"),
        (LONGEST, "due-300-2026-12-02T13-40-00"),
    ],
)
def test_the_longer_the_delay_the_wider_the_cell(delay: float, name: str) -> None:
    assert Cell.of(NOW + timedelta(seconds=delay), NOW).name == name


@given(now=moments, delay=st.floats(0, LONGEST))
def test_a_cell_contains_the_due_time(now: datetime, delay: float) -> None:
    due = now + timedelta(seconds=delay)
    cell = Cell.of(due, now)

    assert cell.start <= due < cell.end


@given(now=moments, delay=st.floats(0, LONGEST))
def test_after_its_cell_has_begun_a_task_waits_no_longer_than_a_queue_can_delay_it(
    now: datetime, delay: float
) -> None:
    due = now + timedelta(seconds=delay)
    cell = Cell.of(due, now)

    assert 0 <= seconds_until(due, max(now, cell.start)) <= 300 < 900
    assert now + timedelta(seconds=seconds_until(due, now)) >= due
