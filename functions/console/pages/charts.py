"""The geometry of charts, which the templates draw as SVG: pure functions of numbers.

Both charts have the same frame, so that a time has the same position in each.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from posthorn.models import DeliveryStatus
from posthorn.monitoring.stats_views import Bucket, TimeBucket

WIDTH, HEIGHT = 760, 190  # units of the viewBox, margins included
LEFT, RIGHT, TOP, BOTTOM = 46, 8, 10, 24
INNER_WIDTH, INNER_HEIGHT = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
MOST_LABELS = 8
_STEPS = (1, 2, 3, 4, 6, 8)  # ends of a scale, times a power of ten
# Each layer's kind names its colour; the first is the lowest.
LAYERS: tuple[tuple[str, str, tuple[DeliveryStatus, ...]], ...] = (
    ("Succeeded", "ok", (DeliveryStatus.SUCCEEDED,)),
    ("Waiting or retrying", "warn", (DeliveryStatus.PENDING, DeliveryStatus.RETRYING)),
    ("Held", "hold", (DeliveryStatus.HELD,)),
    ("Dead", "bad", (DeliveryStatus.DEAD,)),
    ("Cancelled", "off", (DeliveryStatus.CANCELLED,)),
)
LINES = (("p50", "Median"), ("p90", "90 of 100 are faster"), ("p99", "99 of 100 are faster"))


@dataclass(frozen=True)
class Tick:
    """A horizontal line with the label at its left."""

    y: float
    words: str


@dataclass(frozen=True)
class Label:
    x: float
    words: str


@dataclass(frozen=True)
class ChartBar:
    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Slot:
    """One interval: the area for the pointer, and its text."""

    x: float
    width: float
    words: str


@dataclass(frozen=True)
class Line:
    name: str
    words: str
    paths: tuple[str, ...]  # points of polylines; a gap in time is a gap in the line


@dataclass(frozen=True)
class Volume:
    ticks: tuple[Tick, ...]
    labels: tuple[Label, ...]
    bars: tuple[ChartBar, ...]
    slots: tuple[Slot, ...]


@dataclass(frozen=True)
class Durations:
    ticks: tuple[Tick, ...]
    labels: tuple[Label, ...]
    lines: tuple[Line, ...]
    slots: tuple[Slot, ...]


def volume(buckets: Sequence[TimeBucket], bucket: Bucket) -> Volume:
    """Deliveries over time, stacked by status."""
    top = scale(max((each.deliveries for each in buckets), default=0))
    width = INNER_WIDTH / max(1, len(buckets))
    bars: list[ChartBar] = []
    for place, each in enumerate(buckets):
        below = 0
        for count, (_, kind, _) in zip(layers_of(each), LAYERS, strict=True):
            if count > 0:
                height = INNER_HEIGHT * count / top
                y = TOP + INNER_HEIGHT * (1 - below / top) - height
                x = LEFT + place * width
                bars.append(ChartBar(kind, _r(x + width * 0.1), _r(y), _r(width * 0.8), _r(height)))
                below += count
    return Volume(_ticks(top), _labels(buckets, bucket), tuple(bars), _slots(buckets, _volume_of))


def durations(buckets: Sequence[TimeBucket], bucket: Bucket) -> Durations:
    """Durations of attempts over time."""
    known = [each.latency_ms.p99 for each in buckets if each.latency_ms]
    top = scale(max(known, default=0))
    return Durations(
        tuple(Tick(tick.y, f"{tick.words} ms") for tick in _ticks(top)),
        _labels(buckets, bucket),
        tuple(Line(name, words, _paths(buckets, name, top)) for name, words in LINES),
        _slots(buckets, _durations_of),
    )


def sparkline(counts: Sequence[int], *, width: int = 120, height: int = 28) -> tuple[ChartBar, ...]:
    """One bar per count, from the bottom; none for zero."""
    top, step = max(counts, default=0), width / max(1, len(counts))
    return tuple(
        ChartBar("", _r(place * step), _r(height - size), _r(step * 0.75), _r(size))
        for place, count in enumerate(counts)
        if count and (size := max(1.5, height * count / top))
    )


def scale(highest: int) -> int:
    """The end of a scale: the first of 1, 2, 3, 4, 6, 8, 10, 20, 30 … that is high enough."""
    power = 1
    while True:
        for step in _STEPS:
            if step * power >= highest:
                return step * power
        power *= 10


def _ticks(top: int) -> tuple[Tick, ...]:
    """Ticks at both ends, and in the middle if that is a whole number."""
    values = (0, top // 2, top) if top % 2 == 0 else (0, top)
    return tuple(Tick(_r(TOP + INNER_HEIGHT * (1 - each / top)), f"{each:,}") for each in values)


def _labels(buckets: Sequence[TimeBucket], bucket: Bucket) -> tuple[Label, ...]:
    every = -(-len(buckets) // MOST_LABELS) or 1
    width = INNER_WIDTH / max(1, len(buckets))
    hours_of_a_day = bucket is Bucket.HOUR and len(buckets) <= 25
    return tuple(
        Label(_r(LEFT + (place + 0.5) * width), _moment(each.start, hours=hours_of_a_day))
        for place, each in enumerate(buckets)
        if place % every == 0
    )


def _moment(start: datetime, *, hours: bool) -> str:
    return f"{start:%H:%M}" if hours else f"{start:%-d %b}"


def _slots(buckets: Sequence[TimeBucket], told: Callable[[TimeBucket], str]) -> tuple[Slot, ...]:
    width = INNER_WIDTH / max(1, len(buckets))
    return tuple(
        Slot(_r(LEFT + place * width), _r(width), f"{each.start:%-d %b %H:%M} UTC: {told(each)}")
        for place, each in enumerate(buckets)
    )


def layers_of(bucket: TimeBucket) -> tuple[int, ...]:
    """The number of deliveries per layer, in the order of LAYERS."""
    return tuple(
        sum(bucket.statuses.get(status, 0) for status in statuses) for _, _, statuses in LAYERS
    )


def _volume_of(bucket: TimeBucket) -> str:
    counted = zip(layers_of(bucket), LAYERS, strict=True)
    parts = [f"{count:,} {words.lower()}" for count, (words, _, _) in counted if count]
    return ", ".join(parts) or "none"


def _durations_of(bucket: TimeBucket) -> str:
    latency = bucket.latency_ms
    if latency is None:
        return "no attempt"
    return f"p50 {latency.p50} ms, p90 {latency.p90} ms, p99 {latency.p99} ms"


def _paths(buckets: Sequence[TimeBucket], name: str, top: int) -> tuple[str, ...]:
    width = INNER_WIDTH / max(1, len(buckets))
    runs: list[list[str]] = [[]]
    for place, each in enumerate(buckets):
        if each.latency_ms is None:
            runs.append([])
            continue
        y = TOP + INNER_HEIGHT * (1 - getattr(each.latency_ms, name) / top)
        runs[-1].append(f"{_r(LEFT + (place + 0.5) * width)},{_r(y)}")
    return tuple(" ".join(_seen(run, width)) for run in runs if run)


def _seen(run: list[str], width: float) -> list[str]:
    """A run of one point becomes a short line, because a line of zero length is invisible."""
    if len(run) > 1:
        return run
    x, _, y = run[0].partition(",")
    half = width * 0.3
    return [f"{_r(float(x) - half)},{y}", f"{_r(float(x) + half)},{y}"]


def _r(number: float) -> float:
    return round(number, 2)
