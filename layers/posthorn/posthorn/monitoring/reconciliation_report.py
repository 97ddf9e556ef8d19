"""The result of a reconciliation, for one tenant and for all."""

from collections.abc import Iterator
from dataclasses import dataclass

from posthorn.models import DeliveryStatus, Model, Time, iso
from posthorn.monitoring.overdue import Overdue


class CountDifference(Model):
    """An hour of an endpoint and type with different counts."""

    endpoint_id: str
    event_type: str
    hour: Time
    expected: int
    begun: int  # in the statistics
    found: int  # in the log


class Report(Model):
    """The result for one tenant and range."""

    tenant: str
    since: Time
    until: Time
    events: int
    expected: int
    statuses: dict[DeliveryStatus, int]
    differences: tuple[CountDifference, ...]
    in_two_states: tuple[str, ...]  # ids of deliveries
    overdue: tuple[Overdue, ...]
    missing: tuple[str, ...] | None = None  # ids of deliveries; None: not checked by event

    @property
    def found(self) -> int:
        return sum(self.statuses.values())

    @property
    def unaccounted(self) -> int:
        """The number of deliveries that are missing, too many, or in two states."""
        apart = sum(abs(each.expected - each.found) for each in self.differences)
        return max(apart, len(self.missing or ())) + len(self.in_two_states)

    @property
    def unexplained(self) -> tuple[Overdue, ...]:
        return tuple(each for each in self.overdue if each.explanation is None)

    @property
    def is_balanced(self) -> bool:
        return not self.unaccounted and not self.unexplained

    def lines(self) -> Iterator[str]:
        """Yield the report as text: a summary, then a line for each problem."""
        states = ", ".join(f"{count} {status}" for status, count in self.statuses.items() if count)
        yield (
            f"{self.tenant}  {iso(self.since)} to {iso(self.until)}  {self.events} events, "
            f"{self.expected} deliveries expected, {self.found} found"
            f"{f' ({states})' if states else ''}: {'OK' if self.is_balanced else 'NOT OK'}"
        )
        for each in self.differences:
            yield (
                f"  {iso(each.hour)} {each.endpoint_id} {each.event_type}: expected "
                f"{each.expected}, begun {each.begun}, found {each.found}"
            )
        for delivery_id in self.missing or ():
            yield f"  missing: {delivery_id}"
        for delivery_id in self.in_two_states:
            yield f"  in two states: {delivery_id}"
        for overdue in self.overdue:
            due = iso(overdue.due_at) if overdue.due_at else "never due"
            reason = overdue.explanation or "UNEXPLAINED"
            yield f"  overdue: {overdue.delivery_id} ({due}): {reason}"


@dataclass(frozen=True)
class Findings:
    """The result for all tenants; `overdue` are their overdue deliveries of any age."""

    reports: tuple[Report, ...]
    overdue: tuple[Overdue, ...]

    @property
    def unaccounted(self) -> int:
        return sum(each.unaccounted for each in self.reports)

    @property
    def unexplained(self) -> tuple[Overdue, ...]:
        found = (*self.overdue, *(each for report in self.reports for each in report.unexplained))
        return tuple({e.delivery_id: e for e in found if e.explanation is None}.values())
