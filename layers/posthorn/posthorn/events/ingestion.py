"""Ingest events: valid ones are sent to SQS, and accepted once SQS has confirmed them."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationError
from pydantic_core import from_json, to_json

from posthorn.aws.sqs import Queue
from posthorn.core import api_examples, ids
from posthorn.core.errors import (
    InvalidError,
    PosthornError,
    TooLargeError,
    UnavailableError,
    Violation,
    pointer,
)
from posthorn.core.json_values import equal
from posthorn.core.problem_details import invalid
from posthorn.events.cloudevents import CloudPublication
from posthorn.events.event_types import violations
from posthorn.models import Change, Event, EventType, Model, Time, TypeName, Validation
from posthorn.models.refused_publication import compare

MAX_EVENT_BYTES = 256 * 1024  # of `data` as compact JSON
MAX_BATCH = 100
MAX_WARNINGS = 10  # stored with the event
_MAX_POINTER = 500
# W3C Trace Context, level 1; a malformed header must be ignored.
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)


class Publication(Model):
    """An event to publish. With an `id`, a repeated publication is recognised."""

    model_config = api_examples.shown(api_examples.PUBLICATION, api_examples.CHANGE_EVENT)

    type: TypeName
    data: Any = Field(description="Any JSON value that the schema of the type allows")
    id: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = None
    time: Time | None = Field(default=None, description="The time of the event; now by default")
    change: Change | None = None


Result = Event | PosthornError


def batch_of(body: Mapping[str, Any]) -> list[Any] | None:
    """The items of a body `{"events": [...]}`; None if the body is one event."""
    if "events" not in body:
        return None
    items = body["events"]
    unknown = [Violation(pointer(name), "unknown field") for name in body if name != "events"]
    if unknown or not isinstance(items, list) or not 1 <= len(items) <= MAX_BATCH:
        message = f"must be a list of 1 to {MAX_BATCH} events"
        raise InvalidError.of(unknown or [Violation("/events", message)])
    return items


def status_of(results: Sequence[Result]) -> int:
    """202 if any event was accepted; otherwise 503 if a retry may help, or 422."""
    if any(isinstance(each, Event) for each in results):
        return 202
    return 503 if any(isinstance(each, UnavailableError) for each in results) else 422


@dataclass(frozen=True)
class Ingestion:
    queue: Queue
    find_type: Callable[[str], EventType | None]
    now: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]

    def accept(
        self,
        tenant: str,
        published: Sequence[Any],
        *,
        read: Callable[[Any], Any] = lambda item: item,
        traceparent: str | None = None,
    ) -> list[Result]:
        """Validate each item and send the valid ones to SQS; each result is an Event or its error.

        `published` are items parsed from JSON, or errors of parsing; `read` converts an item to a
        publication.
        """
        if not _TRACEPARENT.fullmatch(traceparent or ""):
            traceparent = None
        results: list[Result] = []
        by_id: dict[str, Event] = {}
        for item in published:
            try:
                if isinstance(item, PosthornError):
                    raise item
                event = self._event(tenant, read(item), traceparent)
                if compare(by_id.setdefault(event.id, event), event):
                    message = "is that of an earlier event of this request with other content"
                    raise InvalidError.at("/id", message, code="id_reused")
                results.append(event)
            except PosthornError as error:
                results.append(error)
        positions = [index for index, each in enumerate(results) if isinstance(each, Event)]
        events = [each for each in results if isinstance(each, Event)]
        for refused in self.queue.send_all(events):
            results[positions[refused]] = UnavailableError("the queue did not accept the event")
        return results

    def _event(self, tenant: str, item: Any, traceparent: str | None) -> Event:
        cloud = None
        if isinstance(item, CloudPublication):
            item, cloud = item.publication, item.attributes
        try:
            publication = Publication.model_validate(item)
        except ValidationError as error:
            raise invalid(error.errors()) from None
        check_data(publication.data)
        warnings = self._warnings(publication)
        now = self.now()
        return Event(
            id=(
                ids.derived_event(tenant, publication.id)
                if publication.id
                else ids.new("evt", now, self.random_bytes(ids.RANDOM_BYTES))
            ),
            tenant=tenant,
            type=publication.type,
            time=publication.time or now,
            data=publication.data,
            change=publication.change,
            cloud=cloud,
            published_id=publication.id,
            accepted_at=now,
            traceparent=traceparent,
            warnings=warnings,
        )

    def _warnings(self, publication: Publication) -> tuple[Violation, ...]:
        """The schema violations of a type with validation `warn`; raise InvalidError for others."""
        event_type = self.find_type(publication.type)
        if event_type is None:
            message = f"{publication.type} is not in the catalogue"
            raise InvalidError.at("/type", message, code="unknown_event_type")
        if event_type.validation is Validation.OFF:
            return ()
        found = [_cut(each) for each in violations(event_type, publication.data)]
        if found and event_type.validation is Validation.REJECT:
            raise InvalidError.of(found, code="schema_violation")
        return tuple(found[:MAX_WARNINGS])


def _cut(violation: Violation) -> Violation:
    """With a pointer of at most _MAX_POINTER characters: names of fields may have any length."""
    field = violation.field
    return (
        violation
        if len(field) <= _MAX_POINTER
        else replace(violation, field=f"{field[:_MAX_POINTER]}…")
    )


def check_data(data: Any) -> None:
    """Raise TooLargeError, or InvalidError for data that JSON cannot preserve.

    These are unpaired surrogates, numbers beyond the range of floats, and hundreds of levels.
    """
    try:
        text = to_json(data, inf_nan_mode="null")
        if len(text) > MAX_EVENT_BYTES:
            raise TooLargeError(
                f"/data: has {len(text)} bytes, at most {MAX_EVENT_BYTES} are accepted"
            )
        preserved = from_json(b'{"data":%b}' % text)["data"]
    except ValueError:
        preserved = None
    if not equal(preserved, data):
        message = "contains text, a number or nesting that JSON cannot preserve"
        raise InvalidError.at("/data", message)
