"""What needs attention, as pages show it: how warnings stand, and the log behind them."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from posthorn import wiring
from posthorn.monitoring.warnings import Sign, WarningView

# How a sign stands, its word, and the status of the rows of the log that it is about.
SIGNS = {
    Sign.OVERDUE: ("retrying", "Overdue", ""),
    Sign.FAILING: ("failing", "Failing", "retrying"),
    Sign.DEAD: ("dead", "Dead", "dead"),
    Sign.DISABLED: ("disabled", "Disabled", ""),
    Sign.HELD: ("held", "Held", "held"),
    Sign.CERTIFICATE: ("deprecated", "Certificate", ""),
}
_DATED = frozenset({Sign.DEAD, Sign.OVERDUE})  # their words say since when


@dataclass(frozen=True)
class Shown:
    """`path` leads to the rows of the log that it is about."""

    warning: WarningView
    standing: str
    words: str
    path: str
    since: datetime | None


def shown(tenant: str) -> list[Shown]:
    """Of the tenant, the most urgent first."""
    return [_shown(each) for each in wiring.warning_signs().of(tenant)]


def _shown(warning: WarningView) -> Shown:
    standing, word, status = SIGNS[warning.code]
    rows = {"endpoint": warning.endpoint_id, **({"status": status} if status else {})}
    return Shown(
        warning,
        standing,
        f"{word} {warning.count:,}" if warning.count else word,
        f"/console/log?{urlencode(rows)}",
        None if warning.code in _DATED else warning.since,
    )
