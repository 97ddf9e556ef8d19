"""What needs attention, as pages show it: how warnings stand, and the log behind them."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from posthorn import wiring
from posthorn.monitoring.warnings import WarningSign, WarningView

# How a sign stands, its word, and the status of the rows of the log that it is about.
SIGNS = {
    WarningSign.OVERDUE: ("retrying", "Overdue", ""),
    WarningSign.FAILING: ("failing", "Failing", "retrying"),
    WarningSign.DEAD: ("dead", "Dead", "dead"),
    WarningSign.DISABLED: ("disabled", "Disabled", ""),
    WarningSign.HELD: ("held", "Held", "held"),
    WarningSign.CERTIFICATE: ("deprecated", "Certificate", ""),
}
_DATED = frozenset({WarningSign.DEAD, WarningSign.OVERDUE})  # their words say since when


@dataclass(frozen=True)
class ShownWarning:
    """`path` leads to the rows of the log that it is about."""

    warning: WarningView
    standing: str
    words: str
    path: str
    since: datetime | None


def shown(tenant: str) -> list[ShownWarning]:
    """Of the tenant, the most urgent first."""
    return [_shown(each) for each in wiring.warning_signs().of(tenant)]


def _shown(warning: WarningView) -> ShownWarning:
    standing, word, status = SIGNS[warning.code]
    rows = {"endpoint": warning.endpoint_id, **({"status": status} if status else {})}
    return ShownWarning(
        warning,
        standing,
        f"{word} {warning.count:,}" if warning.count else word,
        f"/console/log?{urlencode(rows)}",
        None if warning.code in _DATED else warning.since,
    )
