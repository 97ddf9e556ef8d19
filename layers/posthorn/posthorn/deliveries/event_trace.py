"""The trace of an event: its result at each endpoint of the tenant, with the reason.

The log holds the decisions made when the event was dispatched. The rest is current: endpoints
created or deleted since, and the status of each delivery.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from posthorn.aws.config_table import EndpointVersion
from posthorn.deliveries.items import DELIVERED_VERDICTS
from posthorn.deliveries.store import EventHistory
from posthorn.models import Delivery, Endpoint, iso
from posthorn.subscriptions.matching import Decision, Verdict, type_not_wanted

CREATED_LATER = "created_later"  # in addition to matching.Verdict


@dataclass(frozen=True)
class EndpointResult:
    """The result of the event at one endpoint; `reason` is one short sentence.

    Name and times are None for an endpoint whose history has expired.
    """

    endpoint_id: str
    endpoint_name: str | None
    endpoint_version: int | None  # None: not recorded, and changed since
    endpoint_created_at: datetime | None
    endpoint_deleted_at: datetime | None
    verdict: str
    reason: str
    delivery: Delivery | None


@dataclass(frozen=True)
class EventTrace:
    history: EventHistory
    results: tuple[EndpointResult, ...]
    summary: str  # of all results, in one short sentence


def trace(
    history: EventHistory, present: Iterable[Endpoint], deleted: Mapping[str, EndpointVersion]
) -> EventTrace:
    """Join the history with the present endpoints and the last versions of deleted ones.

    The log has decisions about endpoints that subscribe to the type; the others are derived here.
    A test concerns one endpoint, so its trace has no results for others.
    """
    known = {each.id: each for each in present}
    results = [_decided(history, each, known, deleted) for each in history.decisions]
    if not _is_test(history):
        decided = {each.endpoint_id for each in history.decisions}
        results += [_undecided(history, each) for each in known.values() if each.id not in decided]
    return EventTrace(history, tuple(results), _summary(history, results))


def _decided(
    history: EventHistory,
    decision: Decision,
    known: Mapping[str, Endpoint],
    deleted: Mapping[str, EndpointVersion],
) -> EndpointResult:
    last = deleted.get(decision.endpoint_id)
    endpoint = known.get(decision.endpoint_id) or (last and last.endpoint)
    record = history.records.get(decision.endpoint_id)
    return EndpointResult(
        endpoint_id=decision.endpoint_id,
        endpoint_name=endpoint.name if endpoint else None,
        endpoint_version=decision.endpoint_version,
        endpoint_created_at=endpoint.created_at if endpoint else None,
        endpoint_deleted_at=last.at if last else None,
        verdict=decision.verdict,
        reason=decision.reason or f"the endpoint subscribes to {history.event.type}",
        delivery=record.delivery if record else None,
    )


def _undecided(history: EventHistory, endpoint: Endpoint) -> EndpointResult:
    """An endpoint that was created later, or did not subscribe to the type."""
    is_later = endpoint.created_at > history.recorded_at
    is_unchanged = is_later or endpoint.updated_at <= history.recorded_at
    created = f"the endpoint was created after the event, at {iso(endpoint.created_at)}"
    return EndpointResult(
        endpoint_id=endpoint.id,
        endpoint_name=endpoint.name,
        endpoint_version=endpoint.version if is_unchanged else None,
        endpoint_created_at=endpoint.created_at,
        endpoint_deleted_at=None,
        verdict=CREATED_LATER if is_later else Verdict.TYPE_NOT_WANTED,
        reason=created if is_later else type_not_wanted(history.event.type),
        delivery=None,
    )


def _summary(history: EventHistory, results: Sequence[EndpointResult]) -> str:
    count = sum(each.verdict != CREATED_LATER for each in results)
    expected = sum(each.verdict in DELIVERED_VERDICTS for each in history.decisions)
    if _is_test(history):
        return "a test of one endpoint"
    if not count:
        return "the tenant had no endpoint"
    return f"matched {expected or 'none'} of {count} endpoint{'s' if count > 1 else ''}"


def _is_test(history: EventHistory) -> bool:
    return any(record.delivery.test for record in history.records.values())
