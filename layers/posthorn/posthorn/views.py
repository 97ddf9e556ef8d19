"""How things look from outside: the answers of the API, without what is only ours to know."""

from typing import Annotated, Any, Generic, TypeVar

from pydantic import ConfigDict, Field, StringConstraints

from posthorn import attempting, examples
from posthorn.errors import Violation
from posthorn.log_store import Record
from posthorn.models import (
    ApiKey,
    Attempt,
    Delivery,
    DeliveryStatus,
    Endpoint,
    EndpointSpec,
    EndpointStatus,
    Event,
    Model,
    Outcome,
    Response,
    Scope,
    Signing,
    Tenant,
    TenantId,
    TenantSpec,
    Time,
    Trigger,
)
from posthorn.terms import Terms
from posthorn.tracing import Fate, Trace

T = TypeVar("T")
_ONLY_IF_THERE: Any = Field(default=None, exclude_if=lambda value: value is None)


class SigningView(Signing):
    """`secret` is there in the answer that made it, and only there."""

    public_key: str | None = _ONLY_IF_THERE
    secret: str | None = _ONLY_IF_THERE


class EndpointView(EndpointSpec):
    """An endpoint as it is saved: what its owner decided, and what became of it."""

    model_config = examples.shown(examples.ENDPOINT)

    id: str
    signing: SigningView
    status: EndpointStatus
    status_reason: str | None
    version: int
    created_at: Time
    updated_at: Time
    updated_by: str


class RequestView(Model):
    method: str
    url: str
    headers: dict[str, str]
    body: str | None
    erased_bytes: int | None = _ONLY_IF_THERE


class AttemptView(Model):
    """One HTTP request, and everything that came back."""

    model_config = examples.shown(examples.ATTEMPT)

    number: int
    trigger: Trigger
    by: str | None
    endpoint_version: int
    started_at: Time
    duration_ms: int
    timings_ms: dict[str, int]
    outcome: Outcome
    advice: str
    retry_after_seconds: float | None
    certificate_expires_at: Time | None
    request: RequestView
    response: Response | None


class DeliveryView(Model):
    """One event for one endpoint, and how far it is."""

    model_config = examples.shown(examples.DELIVERY)

    id: str
    event_id: str
    event_type: str
    endpoint_id: str
    endpoint_version: int
    status: DeliveryStatus
    status_reason: str | None
    attempt_count: int
    created_at: Time
    expires_at: Time
    last_attempt_at: Time | None
    next_attempt_at: Time | None
    last_outcome: Outcome | None
    last_status_code: int | None
    test: bool
    job_id: str | None  # of the replay, drain or discard that touched it last


class DeliveryWithAttempts(DeliveryView):
    """A delivery with each of its attempts, oldest first."""

    model_config = examples.shown(examples.DELIVERY_WITH_ATTEMPTS)

    endpoint_name: str | None  # None once its history is gone
    attempts: list[AttemptView]


class DecisionView(Model):
    """What was decided about one endpoint when the event came, why, and what came of it.

    `verdict` is one of matching.py's, or `created_later`.
    """

    endpoint_id: str
    endpoint_name: str | None
    endpoint_version: int
    endpoint_created_at: Time | None
    endpoint_deleted_at: Time | None
    verdict: str
    reason: str
    delivery_id: str | None
    delivery_status: DeliveryStatus | None


class EventView(Model):
    """The whole story of an event."""

    model_config = examples.shown(examples.EVENT_STORY)

    id: str
    published_id: str | None
    type: str
    time: Time
    accepted_at: Time
    data: dict[str, Any] | None = Field(description="null once the payload was erased")
    erased_at: Time | None
    erased_by: str | None
    change: dict[str, Any] | None
    warnings: tuple[Violation, ...]
    summary: str
    decisions: list[DecisionView]
    deliveries: list[DeliveryWithAttempts]


class ErasureView(Model):
    """When the payload was erased first, and by which key."""

    model_config = examples.shown(examples.ERASURE)

    event_id: str
    erased_at: Time
    erased_by: str


def _page_example(schema: dict[str, Any], listed: type[Any]) -> None:
    (kind,) = listed.__pydantic_generic_metadata__["args"]
    items = kind.model_config.get("json_schema_extra", {}).get("examples", [])
    schema["examples"] = [{"items": items, "next_cursor": None}]


class Listed(Model, Generic[T]):
    """One page, and the cursor of the next."""

    model_config = ConfigDict(json_schema_extra=_page_example)

    items: list[T]
    next_cursor: str | None = None


class DeliveryList(Listed[DeliveryView]):
    """A page of deliveries. With `q`: how many it examined, and the time that it came to."""

    model_config = examples.shown(examples.DELIVERIES, examples.DELIVERIES_SEARCHED)

    examined: int | None = _ONLY_IF_THERE
    searched_until: Time | None = _ONLY_IF_THERE


class EffectiveLimits(Model):
    endpoints: int
    tests_per_minute: int


class EffectiveTerms(Model):
    """What holds: the tenant's own values, and the stack's for the rest."""

    retention_days: int
    limits: EffectiveLimits


class TenantView(TenantSpec):
    """A tenant, with what holds for it."""

    model_config = examples.shown(examples.TENANT)

    id: TenantId
    created_at: Time
    updated_at: Time
    effective: EffectiveTerms


class ApiKeySpec(Model):
    """What an API key may do, and for which tenant; none for an admin's."""

    model_config = examples.shown(
        {"name": "Acme shop", "tenant": "acme", "scopes": ["events:write", "logs:read"]},
        {"name": "On call", "scopes": ["admin"]},
    )

    name: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    tenant: TenantId | None = None
    scopes: tuple[Scope, ...] = Field(min_length=1)


class RotationSpec(Model):
    model_config = examples.shown({"overlap_hours": 24})

    overlap_hours: float = Field(
        default=24, ge=0, le=168, description="how long the old secret goes on signing as well"
    )


class SecretView(Model):
    model_config = examples.shown({"secret": examples.SECRET})

    secret: str


class PublicKeyView(Model):
    model_config = examples.shown({"public_key": examples.PUBLIC_KEY})

    public_key: str


class ApiKeyView(Model):
    """`key` is there in the answer that made it, and only there."""

    model_config = examples.shown(examples.API_KEY)

    id: str
    name: str
    tenant: str | None
    scopes: tuple[Scope, ...]
    created_at: Time
    created_by: str
    key: str | None = _ONLY_IF_THERE


def of_endpoint(endpoint: Endpoint, *, secret: str | None = None) -> EndpointView:
    seen = endpoint.model_dump(exclude={"tenant", "sealed", "public_key", "disabled_by", "signing"})
    signing = SigningView(
        scheme=endpoint.signing.scheme, public_key=endpoint.public_key, secret=secret
    )
    return EndpointView(**seen, signing=signing)


def of_delivery(delivery: Delivery) -> DeliveryView:
    return DeliveryView(**_common(DeliveryView, delivery))


def of_record(event: Event, record: Record, endpoint_name: str | None) -> DeliveryWithAttempts:
    return DeliveryWithAttempts(
        **_common(DeliveryView, record.delivery),
        endpoint_name=endpoint_name,
        attempts=of_attempts(event, record),
    )


def of_attempts(event: Event, record: Record) -> list[AttemptView]:
    body = attempting.body_of(event, record)
    text = None if body is None else body.decode()
    sizes = event.erasure.body_bytes if event.erasure else {}
    gone = sizes.get(record.delivery.endpoint_id)
    return [_attempt(each, text, gone) for each in record.attempts]


def of_trace(trace: Trace) -> EventView:
    event = trace.story.event
    erasure = event.erasure
    names = {each.endpoint_id: each.endpoint_name for each in trace.fates}
    return EventView(
        **event.model_dump(exclude={"tenant", "traceparent", "data", "erasure"}),
        data=None if erasure else event.data,
        erased_at=erasure and erasure.at,
        erased_by=erasure and erasure.by,
        summary=trace.summary,
        decisions=[_decision(each) for each in trace.fates],
        deliveries=[
            of_record(event, record, names.get(endpoint_id))
            for endpoint_id, record in trace.story.records.items()
        ],
    )


def of_tenant(tenant: Tenant, terms: Terms) -> TenantView:
    limits = EffectiveLimits(endpoints=terms.endpoints, tests_per_minute=terms.tests_per_minute)
    return TenantView(
        **tenant.model_dump(exclude={"longest_retention_days"}),
        effective=EffectiveTerms(retention_days=terms.retention_days, limits=limits),
    )


def of_key(key: ApiKey, *, text: str | None = None) -> ApiKeyView:
    return ApiKeyView(**key.model_dump(exclude={"secret_sha256"}), key=text)


def _decision(fate: Fate) -> DecisionView:
    return DecisionView(
        **{name: getattr(fate, name) for name in DecisionView.model_fields if hasattr(fate, name)},
        delivery_id=fate.delivery.id if fate.delivery else None,
        delivery_status=fate.delivery.status if fate.delivery else None,
    )


def _attempt(attempt: Attempt, body: str | None, erased_bytes: int | None) -> AttemptView:
    sent = body if attempt.outcome is not Outcome.PAYLOAD_ERROR else None
    return AttemptView(
        **attempt.model_dump(exclude={"request"}),
        request=RequestView(**attempt.request.model_dump(), body=sent, erased_bytes=erased_bytes),
    )


def _common(view: type[Model], thing: object) -> dict[str, Any]:
    return {name: getattr(thing, name) for name in view.model_fields}
