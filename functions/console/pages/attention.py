"""Warnings on pages: their shape and wording, and links to the log."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from posthorn import wiring
from posthorn.monitoring.warnings import WarningSign, WarningView

# Shape and word of a sign, and the status of the log's rows behind it.
SIGNS = {
    WarningSign.OVERDUE: ("retrying", "Overdue", ""),
    WarningSign.FAILING: ("failing", "Failing", "retrying"),
    WarningSign.DEAD: ("dead", "Dead", "dead"),
    WarningSign.REFUSED: ("failing", "Refused", ""),
    WarningSign.DISABLED: ("disabled", "Disabled", ""),
    WarningSign.HELD: ("held", "Held", "held"),
    WarningSign.CERTIFICATE: ("deprecated", "Certificate", ""),
}
_DATED = frozenset(
    {WarningSign.DEAD, WarningSign.REFUSED, WarningSign.OVERDUE}
)  # signs whose message contains the time


@dataclass(frozen=True)
class ShownWarning:
    """`path` is the log, filtered to the deliveries behind the warning."""

    warning: WarningView
    standing: str
    words: str
    path: str
    since: datetime | None


def shown(tenant: str) -> list[ShownWarning]:
    """The tenant's warnings, the most urgent first."""
    return [_shown(each) for each in wiring.warning_signs().of(tenant)]


def _shown(warning: WarningView) -> ShownWarning:
    standing, word, status = SIGNS[warning.code]
    rows = {"endpoint": warning.endpoint_id, "status": status}
    query = urlencode({name: value for name, value in rows.items() if value})
    return ShownWarning(
        warning,
        standing,
        f"{word} {warning.count:,}" if warning.count else word,
        f"/console/log?{query}" if query else "/console/log",
        None if warning.code in _DATED else warning.since,
    )
