"""The dashboard: volume, outcomes, durations and warnings."""

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from console.pages import attention, charts, wording
from console.web.answer import page
from console.web.request import PageRequest
from console.web.routing import Result, Router
from posthorn import wiring
from posthorn.deliveries.state import WAITING
from posthorn.models import DeliveryStatus, Scope, iso
from posthorn.monitoring.statistics import StatsQuery
from posthorn.monitoring.stats_views import By, Group, StatsView
from posthorn.monitoring.warnings import WarningSign
from posthorn.tenants.console_sessions import Session

SHOWN = 8  # rows of the lists of endpoints and types
RANGES = {
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "31d": ("Last 31 days", timedelta(days=31)),
}
router = Router()


@dataclass(frozen=True)
class Tile:
    """One number: `kind` gives shape and colour, `path` is the log behind it."""

    words: str
    value: str
    kind: str = ""
    path: str = ""


@router.get("/console/dashboard", needs=Scope.LOGS_READ)
def dashboard(visitor: Session, request: PageRequest) -> Result:
    chosen = request.query.get("range")
    chosen = chosen if chosen in RANGES else "24h"
    until = wiring.now()
    since = until - RANGES[chosen][1]
    asked = StatsQuery(since=since, until=until)
    seen = wiring.statistics().views(visitor.tenant, asked, By.ENDPOINT, By.EVENT_TYPE)
    view = seen[By.ENDPOINT]
    signs = attention.shown(visitor.tenant)
    overdue = sum(
        each.warning.count or 0 for each in signs if each.warning.code is WarningSign.OVERDUE
    )
    return page(
        "dashboard.html",
        ranges=[(key, words) for key, (words, _) in RANGES.items()],
        chosen=chosen,
        since=since,
        view=view,
        tiles=_tiles(view, overdue=overdue),
        volume=charts.volume(view.buckets, view.bucket),
        durations=charts.durations(view.buckets, view.bucket),
        charts=charts,
        failing=_failing(view.groups),
        slowest=_slowest(view.groups),
        types=seen[By.EVENT_TYPE].groups[:SHOWN],
        types_left=max(0, len(seen[By.EVENT_TYPE].groups) - SHOWN),
        signs=signs,
        log_of=lambda **wanted: _log(since=iso(since), **wanted),
    )


def _tiles(view: StatsView, *, overdue: int) -> list[Tile]:
    totals, since = view.totals, iso(view.since)
    waiting = sum(totals.statuses.get(each, 0) for each in WAITING)
    held, dead = (
        totals.statuses.get(each, 0) for each in (DeliveryStatus.HELD, DeliveryStatus.DEAD)
    )
    rate = totals.success_rate
    return [
        Tile("Events", f"{totals.events or 0:,}"),
        Tile("Deliveries", f"{totals.deliveries:,}", path=_log(since=since)),
        Tile("Succeeded", "none yet" if rate is None else wording.percent(rate), "ok"),
        Tile(
            "Waiting or retrying",
            f"{waiting:,}",
            "warn" if waiting else "",
            _log(since=since, status="retrying"),
        ),
        Tile("Held", f"{held:,}", "hold" if held else "", _log(since=since, status="held")),
        Tile("Dead", f"{dead:,}", "bad" if dead else "", _log(since=since, status="dead")),
        Tile("Overdue", f"{overdue:,}", "bad" if overdue else ""),
    ]


def _failing(groups: list[Group]) -> list[Group]:
    rated = [each for each in groups if _rate(each) < 1]
    return sorted(rated, key=_rate)[:SHOWN]


def _rate(group: Group) -> float:
    """The kind of an endpoint's row; an endpoint without attempts is fine."""
    rate = group.numbers.success_rate if group.numbers else None
    return 1.0 if rate is None else rate


def _slowest(groups: list[Group]) -> list[Group]:
    timed = [each for each in groups if each.numbers and each.numbers.latency_ms]
    return sorted(timed, key=_p90, reverse=True)[:SHOWN]


def _p90(group: Group) -> int:
    latency = group.numbers.latency_ms if group.numbers else None
    return latency.p90 if latency else 0


def _log(**wanted: str) -> str:
    return f"/console/log?{urlencode(wanted)}"
