"""The bodies and answers of `POST /v1/events`, which the ingest function serves."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.openapi.params import Body, Header
from pydantic import Field

from posthorn.core import api_examples as examples
from posthorn.core import problem_details as problems
from posthorn.core.errors import Violation
from posthorn.core.problem_details import Problem
from posthorn.events.cloudevents import CloudEvent
from posthorn.events.ingestion import MAX_BATCH, Publication, Result
from posthorn.http_api.openapi import JSON, described
from posthorn.models import Event, Model, Scope

_CLOUD_EVENT = "application/cloudevents+json"
_ACCEPTED = {"id": examples.EVENT_ID}


class PublishBatch(Model):
    model_config = examples.shown({"events": [examples.PUBLICATION, examples.CHANGE_EVENT]})

    events: list[Publication] = Field(min_length=1, max_length=MAX_BATCH)


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


def _of_binary(name: str) -> Any:
    return Header(alias=f"ce-{name}", description=f"`{name}` of a CloudEvent in binary mode")


# Describes the operation for the API's document: the ingest function answers it.
app = APIGatewayHttpResolver(enable_validation=True)


@app.post("/v1/events", status_code=202)
@described(
    "Events",
    Scope.EVENTS_WRITE,
    *("id_reused", "schema_violation", "too_large", "unknown_event_type"),
    # The batch of CloudEvents is in the text only: openapi-python-client 0.29 generates code that
    # fails where one of several bodies is a list.
    media_types={JSON: (0, 1), _CLOUD_EVENT: (2,)},
    refused_as=BatchResult,
)
def publish(
    body: Annotated[Publication | PublishBatch | CloudEvent, Body()],
    ce_specversion: Annotated[str | None, _of_binary("specversion")] = None,
    ce_id: Annotated[str | None, _of_binary("id")] = None,
    ce_source: Annotated[str | None, _of_binary("source")] = None,
    ce_type: Annotated[str | None, _of_binary("type")] = None,
    ce_time: Annotated[str | None, _of_binary("time")] = None,
) -> Accepted | BatchResult:
    """Publish one event, or a batch of up to 100.

    202 means that the event is accepted and will not be lost. Each event of a batch is accepted or
    refused on its own, and the answer has one entry for each in the same order; the batch is
    refused as a whole when none of its events can be accepted.

    An event with an `id` that was published before is recognised, and delivered once. `change` is
    the input of the endpoints' rules.

    CloudEvents 1.0 are accepted as well: one (`application/cloudevents+json`), a batch
    (`application/cloudevents-batch+json`), or in binary content mode: the attributes in `ce-`
    headers, and the data as the body. docs/publishing.md has examples, and what to do on errors.
    """
    raise NotImplementedError
