"""The cost of deciding about one event, by the number of endpoints with different conditions.

Steps are those of the interpreter; each condition may use at most conditions.MAX_STEPS.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from time import process_time
from unittest.mock import patch

from posthorn.models import Event
from posthorn.subscriptions import conditions
from posthorn.subscriptions.jmespath_expressions import Interpreter
from posthorn.subscriptions.matching import decide
from tests.unit.samples import endpoint, event

COUNTS = (10, 100, 1000)
USUAL = "data.OnHandValue < `{number}` && data.WarehouseCode == 'SE1'"
HOSTILE = "data.Lines[*].Count | [@, @][] | [@, @][] | [@, @][] | [@, @][] | length(@) > `{number}`"
STOCK = event(
    {
        "OnHandValue": -1,
        "WarehouseCode": "SE1",
        "Lines": [{"Sku": str(number), "Count": number} for number in range(2000)],
    }
)


@dataclass(frozen=True)
class Cost:
    evaluations: int
    steps: int
    seconds: float  # of this process
    most_steps: int  # of one evaluation


def rows() -> Iterator[str]:
    yield f"{'endpoints':>9} {'evaluations':>11} {'steps':>9} {'each':>6}  time an endpoint"
    for name, condition, counts in (
        ("usual conditions", USUAL, COUNTS),
        (f"conditions that use up their {conditions.MAX_STEPS} steps", HOSTILE, COUNTS[:2]),
    ):
        yield name
        first: float | None = None
        for count in counts:
            cost = measured(condition, count)
            each = cost.seconds / count
            first = first or each
            yield (
                f"{count:9} {cost.evaluations:11} {cost.steps:9} {cost.most_steps:6}  "
                f"{each / first:.1f} times"
            )


def measured(condition: str, count: int, published: Event = STOCK) -> Cost:
    """Decide about the event for so many endpoints, whose conditions were read before."""
    endpoints = [endpoint(condition=condition.format(number=number)) for number in range(count)]
    for each in endpoints:
        conditions.check_condition(each.condition or "", "/condition")
    searches: list[Interpreter] = []

    class Counted(Interpreter):
        def __init__(self, steps: int) -> None:
            super().__init__(steps)
            searches.append(self)

    with patch.object(conditions, "Interpreter", Counted):
        began = process_time()
        for each in endpoints:
            decide(each, published)
        seconds = process_time() - began
    used = [conditions.MAX_STEPS - max(0, search._steps) for search in searches]
    return Cost(len(searches), sum(used), seconds, max(used))
