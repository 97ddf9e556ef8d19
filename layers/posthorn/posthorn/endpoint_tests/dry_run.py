"""Dry run: a draft applied to the tenant's latest events. Nothing is sent or stored."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from posthorn.deliveries.filters import EventFilter
from posthorn.deliveries.page_walk import Position
from posthorn.deliveries.queries import LogLists
from posthorn.deliveries.store import LogStore
from posthorn.endpoint_tests.drafts import Draft
from posthorn.endpoint_tests.preview_and_test import decide_enabled
from posthorn.endpoint_tests.views import ComparisonView, DryRunView, MismatchView, SampleView
from posthorn.models import Endpoint, Event
from posthorn.subscriptions import payloads
from posthorn.subscriptions.matching import Decision, Verdict
from posthorn.subscriptions.payloads import PayloadError

SAMPLES = 5
MISMATCHES = 20
# An event is found by its deliveries, in four partitions an endpoint: reading those of 50 takes a
# second or two.
EVENTS_IN_PAGE = 100
TIME_LIMIT = timedelta(seconds=15)  # of the function's 29


Tried = tuple[Decision, SampleView | None]  # a sample for a match


@dataclass
class _Result:
    """The running fields of DryRunView: the events themselves are too large for memory."""

    examined: int = 0
    oldest_at: datetime | None = None
    matched: int = 0
    not_matched: Counter[Verdict] = field(default_factory=Counter)
    payload_errors: int = 0
    samples: list[SampleView] = field(default_factory=list)

    def add(self, event: Event, decision: Decision, sample: SampleView | None) -> None:
        self.examined += 1
        self.oldest_at = min(self.oldest_at or event.accepted_at, event.accepted_at)
        if sample is None:
            self.not_matched[decision.verdict] += 1
            return
        self.matched += 1
        self.payload_errors += sample.payload is None
        if len(self.samples) < SAMPLES:
            self.samples.append(sample)


@dataclass
class _Comparison:
    """The running fields of ComparisonView."""

    matched_before: int = 0
    only_before_count: int = 0
    only_after_count: int = 0
    other_payload_count: int = 0
    only_before: list[MismatchView] = field(default_factory=list)
    only_after: list[MismatchView] = field(default_factory=list)

    def add(self, event: Event, before: Tried, after: Tried) -> None:
        self.matched_before += before[1] is not None
        if before[1] and after[1]:
            self.other_payload_count += before[1] != after[1]
        elif before[1]:
            self.only_before_count += 1
            _append(self.only_before, event, after[0])
        elif after[1]:
            self.only_after_count += 1
            _append(self.only_after, event, before[0])


@dataclass(frozen=True)
class DryRun:
    log: LogStore
    lists: LogLists
    now: Callable[[], datetime]

    def run(self, draft: Draft, *, limit: int) -> DryRunView:
        """Examine the latest events of the tenant, and compare a changed draft with its saved one.

        It examines `limit` events at most, whether an endpoint received them or not.
        """
        end = self.now() + TIME_LIMIT
        event_ids = self._last_events(draft.endpoint.tenant, limit)
        saved = draft.saved if draft.is_changed else None
        result, comparison, complete = _Result(), _Comparison(), True
        for event in self.log.events(draft.endpoint.tenant, event_ids):
            if self.now() > end:
                complete = False
                break
            if event.erasure is None:
                tried = _tried(draft.endpoint, event)
                result.add(event, *tried)
                if saved:
                    comparison.add(event, _tried(saved, event), tried)
        compared = ComparisonView(**vars(comparison)) if saved else None
        return DryRunView(**vars(result), complete=complete, comparison=compared)

    def _last_events(self, tenant: str, limit: int) -> list[str]:
        """The ids of the latest events, newest first."""
        found: list[str] = []
        position: Position | None = None
        while len(found) < limit:
            most = min(limit - len(found), EVENTS_IN_PAGE)
            page, position = self.lists.events(tenant, EventFilter(), limit=most, after=position)
            found += [each.id for each in page]
            if position is None:
                break
        return found


def _tried(endpoint: Endpoint, event: Event) -> Tried:
    decision = decide_enabled(endpoint, event)
    if decision.verdict is not Verdict.MATCHED:
        return decision, None
    payload, error = None, None
    try:
        payload = payloads.render(endpoint.payload, event).decode()
    except PayloadError as refusal:
        error = refusal.detail
    sample = SampleView(
        event_id=event.id,
        event_type=event.type,
        time=event.time,
        payload=payload,
        payload_error=error,
    )
    return decision, sample


def _append(mismatches: list[MismatchView], event: Event, unmet: Decision) -> None:
    if len(mismatches) < MISMATCHES:
        mismatches.append(
            MismatchView(
                event_id=event.id, event_type=event.type, time=event.time, reason=unmet.reason
            )
        )
