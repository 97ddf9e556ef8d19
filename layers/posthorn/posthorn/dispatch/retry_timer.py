"""Wake-ups of waiting deliveries: one Step Functions execution per cell of time.

Time is cut into cells. A waiting delivery is in the index `due` with its exact time; the
execution of its cell waits until the cell begins, and then queues all deliveries of the cell, each
with the delay that remains (statemachines/retry.asl.json, dispatch/sweeper). So the number of
executions depends on time, not on deliveries: 10,000 deliveries through an outage of 22 hours take
about 1,400 executions instead of 160,000 (`make bench TOPIC=scale`).
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from threading import Lock

from posthorn.aws.sqs import Queue
from posthorn.aws.step_functions import StateMachine
from posthorn.core.errors import UnavailableError
from posthorn.deliveries import state
from posthorn.models import Delivery, iso

# Width of a cell in seconds, for delays below the bound. A task waits on RetryQueue for at most
# one width, and SQS allows 900 s.
_WIDTHS = ((60, 5), (600, 15), (3600, 60))
_WIDEST = 300
# The index `due` lags behind the table, usually by less than a second: what is recorded shortly
# before the cell begins might be missed by its only query.
JOIN_MARGIN = timedelta(seconds=2)
REMEMBERED_CELLS = 5000  # of an execution environment; one start more than needed is harmless


@dataclass(frozen=True)
class Cell:
    """The interval `[start, start + width)` of due times."""

    start: datetime
    width_seconds: int

    @staticmethod
    def of(due: datetime, now: datetime) -> "Cell":
        """The cell of a due time, seen from now: the longer the delay, the wider."""
        delay = (due - now).total_seconds()
        width = next((width for bound, width in _WIDTHS if delay < bound), _WIDEST)
        start = int(due.timestamp()) // width * width
        return Cell(datetime.fromtimestamp(start, UTC), width)

    @property
    def end(self) -> datetime:
        return self.start + timedelta(seconds=self.width_seconds)

    @property
    def name(self) -> str:
        """The name of its execution. AWS starts no second one of a name within 90 days."""
        return f"due-{self.width_seconds}-{self.start:%Y-%m-%dT%H-%M-%S}"


class RetryTimer:
    """Schedules wake-ups. A failure is reported and left to the sweeper, which finds it overdue."""

    def __init__(
        self,
        machine: StateMachine,
        retry_queue: Queue,
        *,
        now: Callable[[], datetime],
        failed: Callable[[UnavailableError], None],
    ) -> None:
        self._machine = machine
        self._retry_queue = retry_queue
        self._now = now
        self._failed = failed
        self._started: OrderedDict[str, None] = OrderedDict()
        self._lock = Lock()

    def schedule(self, delivery: Delivery) -> None:
        """Wake the delivery at its `next_attempt_at`. Doing it twice is harmless."""
        due = delivery.next_attempt_at
        if due is None:
            return
        now = self._now()
        cell = Cell.of(due, now)
        try:
            if cell.start >= now + JOIN_MARGIN:
                self._start(cell)
            else:
                self._retry_queue.send(state.task(delivery), delay_seconds=seconds_until(due, now))
        except UnavailableError as error:
            self._failed(error)

    def _start(self, cell: Cell) -> None:
        """Start the cell's execution, once in an execution environment."""
        with self._lock:
            if cell.name in self._started:
                return
        self._machine.start(cell.name, {"from": iso(cell.start), "to": iso(cell.end)})
        with self._lock:
            self._started[cell.name] = None
            if len(self._started) > REMEMBERED_CELLS:
                self._started.popitem(last=False)


def seconds_until(due: datetime, now: datetime) -> int:
    """The delay for SQS in whole seconds, rounded up: no attempt is early."""
    return max(0, ceil((due - now).total_seconds()))
