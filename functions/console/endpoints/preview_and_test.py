"""Preview, test and dry run from a page: the choice of the event, and the result."""

from dataclasses import dataclass
from itertools import islice
from typing import Any

from aws_lambda_powertools import Logger
from pydantic import ValidationError

from console.web.request import Fields
from posthorn import wiring
from posthorn.core import json_text
from posthorn.core.errors import ForbiddenError, InvalidError, Violation
from posthorn.core.problem_details import invalid
from posthorn.deliveries.filters import EventFilter
from posthorn.deliveries.views import EventSummaryView
from posthorn.endpoint_tests.drafts import Draft
from posthorn.endpoint_tests.preview_and_test import logged
from posthorn.endpoint_tests.views import (
    DryRunView,
    EndpointTestSpec,
    EndpointTestView,
    PreviewView,
    SampleEvent,
)
from posthorn.models import (
    Endpoint,
    Entity,
    EventType,
    EventTypeKind,
    Operation,
    Rule,
    Scope,
)
from posthorn.subscriptions.matching import matches_type
from posthorn.tenants.console_sessions import Session

EXAMPLE, LOGGED, OWN = "example ", "event ", "own"
EXAMPLES_OFFERED, EVENTS_OFFERED = 40, 10
EVENTS_READ = 100  # among which those of the endpoint are looked for
EXAMINED = 100
KINDS = ("preview", "test", "dry-run")
logger = Logger()


@dataclass(frozen=True)
class Tried:
    """The result: one of the three views, or the error."""

    preview: PreviewView | None = None
    test: EndpointTestView | None = None
    dry_run: DryRunView | None = None
    refused: str = ""


@dataclass(frozen=True)
class Choices:
    """The events to choose from: examples by type, and the newest events of the log."""

    examples: tuple[str, ...]
    events: tuple[EventSummaryView, ...]
    source: str
    own: str


def choices(
    visitor: Session, patterns: tuple[str, ...], sent: Fields, *, endpoint_id: str | None = None
) -> Choices:
    types = wiring.catalogue().types().values()
    wanted = [each for each in types if matches_type(patterns, each.name)]
    example = (
        _as_published(wanted[0]).model_dump_json(indent=2, exclude_none=True) if wanted else ""
    )
    return Choices(
        examples=tuple(each.name for each in wanted[:EXAMPLES_OFFERED]),
        events=_latest(visitor, patterns) if visitor.may(Scope.LOGS_READ) else (),
        source=sent.get("trial/source"),
        own=sent.get("trial/own") or example,
    )


def tried(kind: str, visitor: Session, draft: Draft, sent: Fields) -> Tried:
    """Raise InvalidError for an invalid event, LimitedError for too many tests."""
    if kind == "dry-run":
        _require(visitor, Scope.LOGS_READ)
        return Tried(dry_run=wiring.dry_run().run(draft, limit=EXAMINED))
    spec = _chosen(sent, draft.endpoint)
    if spec.event_id is not None:
        _require(visitor, Scope.LOGS_READ)
    if kind == "preview":
        return Tried(preview=wiring.endpoint_tester().preview(draft, spec))
    done = wiring.endpoint_tester().test(draft, spec, by=visitor.key_id)
    logger.info("endpoint tested", **logged(draft, done, by=visitor.key_id))
    return Tried(test=done)


def _require(visitor: Session, scope: Scope) -> None:
    if not visitor.may(scope):
        raise ForbiddenError(f"this needs the scope {scope}, which you do not have")


def _chosen(sent: Fields, endpoint: Endpoint) -> EndpointTestSpec:
    source = sent.get("trial/source")
    if source.startswith(LOGGED):
        return EndpointTestSpec(event_id=source.removeprefix(LOGGED))
    if source == OWN:
        return EndpointTestSpec(event=_own(sent.get("trial/own")))
    name = source.removeprefix(EXAMPLE)
    found = wiring.catalogue().types().get(name)
    if found and found.kind is EventTypeKind.NOTIFICATION and endpoint.rules:
        return EndpointTestSpec(event=_as_published(found, endpoint.rules))
    return EndpointTestSpec(event_type=name or None)


def _own(text: str) -> SampleEvent:
    try:
        document, flaws = json_text.read(text)
        if flaws:
            raise InvalidError.of(flaws)
        return SampleEvent.model_validate(document)
    except ValidationError as error:
        words = _listed(invalid(error.errors()))
    except InvalidError as error:
        words = _listed(error)
    except (ValueError, RecursionError) as error:
        words = f"is not JSON: {error}"
    raise InvalidError.of([Violation("/trial/own", words)])


def _listed(error: InvalidError) -> str:
    return "; ".join(
        f"{each.field.lstrip('/') or 'the event'}: {each.message}" for each in error.violations
    )


def _as_published(event_type: EventType, rules: tuple[Rule, ...] = ()) -> SampleEvent:
    """The type's example as a publication; the example of a notification has a change."""
    told = {"type": event_type.name, "data": event_type.example}
    if event_type.kind is EventTypeKind.NOTIFICATION and event_type.entities:
        told["change"] = _change(event_type.entities, rules)
    return SampleEvent.model_validate(told)


def _change(entities: tuple[Entity, ...], rules: tuple[Rule, ...]) -> dict[str, Any]:
    """A change that the first rule about one of the entities accepts, if there is a rule."""
    known = {each.name: each for each in entities}
    rule = next((each for each in rules if each.entity in known), Rule(entity=entities[0].name))
    some = rule.on_update if isinstance(rule.on_update, tuple) else known[rule.entity].fields
    if rule.on_insert and not rule.on_update:
        return {"entity": rule.entity, "operation": Operation.INSERT}
    if rule.on_delete and not rule.on_update:
        return {"entity": rule.entity, "operation": Operation.DELETE}
    return {"entity": rule.entity, "operation": Operation.UPDATE, "fields": some[:1]}


def _latest(visitor: Session, patterns: tuple[str, ...]) -> tuple[EventSummaryView, ...]:
    """The newest events of the endpoint's types, whether an endpoint received them or not."""
    page = wiring.delivery_reader().events(visitor.tenant, EventFilter(), limit=EVENTS_READ)
    own = (each for each in page.items if matches_type(patterns, each.type))
    return tuple(islice(own, EVENTS_OFFERED))
