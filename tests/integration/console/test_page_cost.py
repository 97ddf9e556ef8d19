"""Read units of the first page of each view; `make bench TOPIC=pages` counts large logs."""

from posthorn.deliveries.page_walk import ROWS_READ_PER_ROW
from tests.bench import pages

LIMIT = 10


def test_a_page_costs_the_same_with_three_times_as_much_behind_it() -> None:
    small, large = (pages.measured(size, limit=LIMIT, endpoints=1, quiet=1) for size in (300, 900))

    for view, cost in large.items():
        if view == pages.SEARCH:  # has a bound of its own, above the size of this log
            continue
        assert cost.units <= small[view].units, view
        assert cost.rows_read <= LIMIT * ROWS_READ_PER_ROW, view
