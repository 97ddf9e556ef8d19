"""The trace of an event: what became of it at each endpoint of its tenant, and why.

What was decided when it came is in the log. The rest is seen from now: which endpoints have been
made or deleted since, and how each delivery stands.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from posthorn.aws.config_table import EndpointVersion
from posthorn.deliveries.store import EventHistory
from posthorn.models import Delivery, Endpoint, iso
from posthorn.subscriptions.matching import Decision, Verdict

CREATED_LATER = "created_later"  # beside the verdicts of matching.py
_DELIVERED_VERDICTS = frozenset({Verdict.MATCHED, Verdict.HELD})


@dataclass(frozen=True)
class EndpointResult:
    """What became of the event at one endpoint; `reason` is one short sentence.

    Name and times are None for an endpoint whose history is gone.
    """

    endpoint_id: str
    endpoint_name: str | None
    endpoint_version: int
    endpoint_created_at: datetime | None
    endpoint_deleted_at: datetime | None
    verdict: str
    reason: str
    delivery: Delivery | None


@dataclass(frozen=True)
class EventTrace:
    story: EventHistory
    fates: tuple[EndpointResult, ...]
    summary: str  # of all fates, in one short sentence


def trace(
    story: EventHistory, present: Iterable[Endpoint], deleted: Mapping[str, EndpointVersion]
) -> EventTrace:
    """Tell the story by the endpoints that there are now and the last versions of deleted ones.

    A test is for one endpoint: what others thought of it, or might have, was not asked.
    """
    known = {each.id: each for each in present}
    fates = [_decided(story, each, known, deleted) for each in story.decisions]
    if not _is_test(story):
        fates.extend(_created_later(story, known))
    return EventTrace(story, tuple(fates), _summary(story))


def _decided(
    story: EventHistory,
    decision: Decision,
    known: Mapping[str, Endpoint],
    deleted: Mapping[str, EndpointVersion],
) -> EndpointResult:
    last = deleted.get(decision.endpoint_id)
    endpoint = known.get(decision.endpoint_id) or (last and last.endpoint)
    record = story.records.get(decision.endpoint_id)
    return EndpointResult(
        endpoint_id=decision.endpoint_id,
        endpoint_name=endpoint.name if endpoint else None,
        endpoint_version=decision.endpoint_version,
        endpoint_created_at=endpoint.created_at if endpoint else None,
        endpoint_deleted_at=last.at if last else None,
        verdict=decision.verdict,
        reason=decision.reason or f"the endpoint wants {story.event.type}",
        delivery=record.delivery if record else None,
    )


def _created_later(story: EventHistory, known: Mapping[str, Endpoint]) -> Iterator[EndpointResult]:
    decided = {each.endpoint_id for each in story.decisions}
    for endpoint in known.values():
        if endpoint.id not in decided:
            yield EndpointResult(
                endpoint_id=endpoint.id,
                endpoint_name=endpoint.name,
                endpoint_version=endpoint.version,
                endpoint_created_at=endpoint.created_at,
                endpoint_deleted_at=None,
                verdict=CREATED_LATER,
                reason=f"the endpoint was created after the event came, {iso(endpoint.created_at)}",
                delivery=None,
            )


def _summary(story: EventHistory) -> str:
    of = len(story.decisions)
    wanted = sum(each.verdict in _DELIVERED_VERDICTS for each in story.decisions)
    if _is_test(story):
        return "a test of one endpoint"
    if not of:
        return "there was no endpoint when it came"
    endpoints = "1 endpoint" if of == 1 else f"{of} endpoints"
    return f"wanted by {wanted or 'none'} of {endpoints}"


def _is_test(story: EventHistory) -> bool:
    return any(record.delivery.test for record in story.records.values())
