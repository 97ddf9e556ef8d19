"""Rate limits of a tenant, counted in ConfigTable: one item for each tenant and action."""

from dataclasses import dataclass
from datetime import datetime

from posthorn.aws.dynamodb import ConditionFailed, Table
from posthorn.core.errors import LimitedError

_TRIES = 5  # when others change the count between reading and writing; then it is refused


@dataclass(frozen=True)
class RateLimits:
    table: Table

    def count(self, tenant: str, action: str, *, per_minute: int, now: datetime) -> None:
        """Count one more; LimitedError when this minute has reached its limit."""
        minute = now.strftime("%Y-%m-%dT%H:%M")
        key = {"pk": f"tenant#{tenant}", "sk": f"limit#{action}"}
        for _ in range(_TRIES):
            before = self.table.get(key)
            made = before["made"] if before and before["minute"] == minute else 0
            if made >= per_minute:
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
        raise LimitedError(f"the limit is {per_minute} {action} a minute: wait for the next minute")
