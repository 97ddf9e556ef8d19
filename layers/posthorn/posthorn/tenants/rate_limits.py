"""How often a tenant may do something, counted in ConfigTable: one item a tenant and thing."""

from dataclasses import dataclass
from datetime import datetime

from posthorn.aws.dynamodb import ConditionFailed, Table
from posthorn.core.errors import LimitedError

_TRIES = 5  # the count was changed between reading and writing; more at once than that is too many


@dataclass(frozen=True)
class Limits:
    table: Table

    def count(self, tenant: str, thing: str, *, most_a_minute: int, now: datetime) -> None:
        """Count one more; raise LimitedError when this minute has had as many as it may."""
        minute = now.strftime("%Y-%m-%dT%H:%M")
        key = {"pk": f"tenant#{tenant}", "sk": f"limit#{thing}"}
        for _ in range(_TRIES):
            before = self.table.get(key)
            made = before["made"] if before and before["minute"] == minute else 0
            if made >= most_a_minute:
                break
            try:
                self.table.update(
                    key,
                    {"minute": minute, "made": made + 1},
                    condition=(
                        "#minute = :minute AND #made = :made"
                        if before
                        else "attribute_not_exists(#pk)"
                    ),
                    values={"minute": before["minute"], "made": before["made"]} if before else {},
                )
            except ConditionFailed:
                continue
            return
        raise LimitedError(f"at most {most_a_minute} {thing} a minute: try again in the next one")
