"""Dry run: a draft applied to the tenant's latest events. Nothing is sent or stored."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from posthorn.aws.config_table import ConfigStore
from posthorn.deliveries.filters import DeliveryFilter
from posthorn.deliveries.queries import LogLists, Position
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
MAX_ENDPOINTS = 50
MAX_PAGES = 10  # of deliveries, when several are of the same event
TIME_LIMIT = timedelta(seconds=15)  # of the function's 29


@dataclass
class _Tally:
    """The running result; the events themselves are too large to be kept in memory."""

    examined: int = 0
    oldest_at: datetime | None = None
    matched: int = 0
    matched_before: int = 0
    payload_errors: int = 0
    other_payloads: int = 0
    not_matched: Counter[Verdict] = field(default_factory=Counter)
    samples: list[SampleView] = field(default_factory=list)
    only_before: list[MismatchView] = field(default_factory=list)
    only_after: list[MismatchView] = field(default_factory=list)
    only_before_count: int = 0
    only_after_count: int = 0


@dataclass(frozen=True)
class DryRun:
    config: ConfigStore
    log: LogStore
    lists: LogLists
    now: Callable[[], datetime]

    def run(self, draft: Draft, *, limit: int) -> DryRunView:
        """Examine up to `limit` events, and compare a changed draft with its saved version.

        Only events with a delivery to some endpoint of the tenant are found: no index has others.
        """
        end = self.now() + TIME_LIMIT
        event_ids = self._last_events(draft, limit)
        saved = draft.saved if draft.is_changed else None
        tally = _Tally()
        complete = True
        for event in self.log.events(draft.endpoint.tenant, event_ids):
            if self.now() > end:
                complete = False
                break
            if event.erasure is None:
                _examine(tally, event, draft.endpoint, saved)
        return _view(tally, complete=complete, compared=saved is not None)

    def _last_events(self, draft: Draft, limit: int) -> list[str]:
        """The ids of the latest events, newest first."""
        tenant = draft.endpoint.tenant
        chosen = self._endpoints(draft)
        filter = DeliveryFilter(endpoint_ids=tuple(each.id for each in chosen))
        found: dict[str, None] = {}
        position: Position | None = None
        for _ in range(MAX_PAGES):
            page, position = self.lists.page(tenant, filter, limit=limit, after=position)
            found |= dict.fromkeys(each.event_id for each in page)
            if position is None or len(found) >= limit:
                break
        return list(found)[:limit]

    def _endpoints(self, draft: Draft) -> list[Endpoint]:
        """The endpoints to read: its own first, then those with event types in common."""
        return sorted(
            self.config.endpoints(draft.endpoint.tenant),
            key=lambda each: (
                draft.saved is None or each.id != draft.saved.id,
                not _overlap(each.event_types, draft.endpoint.event_types),
            ),
        )[:MAX_ENDPOINTS]


def _overlap(some: Iterable[str], others: Iterable[str]) -> bool:
    """Whether a pattern of each side could match the same type."""
    return any(
        one == other
        or (one.endswith("*") and other.startswith(one[:-1]))
        or (other.endswith("*") and one.startswith(other[:-1]))
        for one in some
        for other in others
    )


def _examine(tally: _Tally, event: Event, draft: Endpoint, saved: Endpoint | None) -> None:
    tally.examined += 1
    tally.oldest_at = min(tally.oldest_at or event.accepted_at, event.accepted_at)
    decision = decide_enabled(draft, event)
    sample = None
    if decision.verdict is Verdict.MATCHED:
        sample = _sample(event, draft)
        tally.matched += 1
        tally.payload_errors += sample.payload is None
        if len(tally.samples) < SAMPLES:
            tally.samples.append(sample)
    else:
        tally.not_matched[decision.verdict] += 1
    if saved:
        _compare(
            tally, event, decide_enabled(saved, event), after=decision, sample=sample, saved=saved
        )


def _compare(
    tally: _Tally,
    event: Event,
    before: Decision,
    *,
    after: Decision,
    sample: SampleView | None,
    saved: Endpoint,
) -> None:
    matched_before = before.verdict is Verdict.MATCHED
    tally.matched_before += matched_before
    if matched_before and sample:
        other = _sample(event, saved)
        tally.other_payloads += (other.payload, other.payload_error) != (
            sample.payload,
            sample.payload_error,
        )
    elif matched_before:
        tally.only_before_count += 1
        if len(tally.only_before) < MISMATCHES:
            tally.only_before.append(_mismatch(event, after))
    elif sample:
        tally.only_after_count += 1
        if len(tally.only_after) < MISMATCHES:
            tally.only_after.append(_mismatch(event, before))


def _sample(event: Event, endpoint: Endpoint) -> SampleView:
    made, error = None, None
    try:
        made = payloads.render(endpoint.payload, event).decode()
    except PayloadError as refusal:
        error = refusal.detail
    return SampleView(
        event_id=event.id,
        event_type=event.type,
        time=event.time,
        payload=made,
        payload_error=error,
    )


def _mismatch(event: Event, unmet: Decision) -> MismatchView:
    return MismatchView(
        event_id=event.id, event_type=event.type, time=event.time, reason=unmet.reason
    )


def _view(tally: _Tally, *, complete: bool, compared: bool) -> DryRunView:
    comparison = ComparisonView(
        matched_before=tally.matched_before,
        only_before_count=tally.only_before_count,
        only_after_count=tally.only_after_count,
        other_payload_count=tally.other_payloads,
        only_before=tally.only_before,
        only_after=tally.only_after,
    )
    return DryRunView(
        examined=tally.examined,
        complete=complete,
        oldest_at=tally.oldest_at,
        matched=tally.matched,
        not_matched=dict(tally.not_matched),
        payload_errors=tally.payload_errors,
        samples=tally.samples,
        comparison=comparison if compared else None,
    )
