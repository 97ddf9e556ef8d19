"""POST /v1/events from outside: what it takes and answers. Its function is apart from the API's."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from posthorn.core import api_examples as examples
from posthorn.core import problem_details as problems
from posthorn.core.errors import Violation
from posthorn.core.problem_details import Problem
from posthorn.events.ingestion import MAX_BATCH, Publication, Result
from posthorn.http_api.operations import JSON, ApiOperation, Description, Parameter
from posthorn.models import Event, Model, Scope, Time, TypeName

_ACCEPTED = {"id": examples.EVENT_ID}


class PublishBatch(Model):
    model_config = examples.shown({"events": [examples.PUBLICATION, examples.CHANGE_EVENT]})

    events: list[Publication] = Field(min_length=1, max_length=MAX_BATCH)


class CloudEvent(BaseModel):
    """CloudEvents 1.0 in JSON. Source and id together make the event's own id; extensions go."""

    model_config = examples.shown(examples.CLOUD_EVENT)

    specversion: Literal["1.0"]
    id: Annotated[str, Field(min_length=1)]
    source: Annotated[str, Field(pattern=r"^\S+$")]
    type: TypeName
    time: Time | None = None
    datacontenttype: str = JSON
    data: dict[str, Any]


class Accepted(Model):
    """The event is taken: nothing that happens from now on loses it."""

    model_config = examples.shown(_ACCEPTED)

    id: str
    warnings: tuple[Violation, ...] = Field(
        default=(),
        description="how its data breaks the schema, where its type only warns of that",
        exclude_if=lambda warnings: not warnings,
    )


class Refused(Model):
    error: Problem


class BatchResult(Model):
    """What became of each event of a batch, in its order."""

    model_config = examples.shown(
        {"results": [_ACCEPTED, {"error": problems.example("unknown_event_type")}]}
    )

    results: list[Accepted | Refused]


def accepted(event: Event) -> Accepted:
    return Accepted(id=event.id, warnings=event.warnings)


def entry(result: Result) -> Accepted | Refused:
    """What is told of one event of a batch."""
    if isinstance(result, Event):
        return accepted(result)
    return Refused(error=Problem.model_validate(problems.problem(result)))


def _header(name: str, text: str) -> Parameter:
    kind = Annotated[str, Field(description=f"{text} of a CloudEvent in binary content mode")]
    return Parameter(name=name, place="header", kind=kind, is_required=False)


PUBLISH = ApiOperation(
    method="POST",
    path="/v1/events",
    id="publish",
    summary="Publish one event, or a batch of up to 100",
    text="""\
202 means that the event is taken, and that nothing loses it from then on. Of a batch, each event is
taken or refused by itself, and the answer has an entry for each in the same order; it is refused in
whole when none of it can be taken.

With an `id`, an event that is published again is recognised, and delivered once. `change` is what
the rules of endpoints look at.

CloudEvents 1.0 are taken as well: one (`application/cloudevents+json`), a batch of them
(`application/cloudevents-batch+json`), or in binary content mode: the attributes in `ce-` headers,
and the body is the data.""",
    description=Description(
        "Events",
        Scope.EVENTS_WRITE,
        ("schema_violation", "too_large", "unknown_event_type"),
    ),
    parameters=(
        _header("ce-specversion", "`1.0`, the version"),
        _header("ce-id", "The id"),
        _header("ce-source", "The source"),
        _header("ce-type", "The type"),
        _header("ce-time", "The time"),
    ),
    bodies={
        JSON: Publication | PublishBatch,
        "application/cloudevents+json": CloudEvent,
        "application/cloudevents-batch+json": Annotated[
            list[CloudEvent],
            Field(min_length=1, max_length=MAX_BATCH, examples=[[examples.CLOUD_EVENT]]),
        ],
    },
    answers={202: Accepted | BatchResult},
    refused_in_whole={422: BatchResult, 503: BatchResult},
)
