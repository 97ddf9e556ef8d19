"""The things of design.md §2, one class each, checked at every boundary they cross.

Frozen pydantic models: the same class reads an API body, an SQS message and a table item. Times are
aware and in UTC, durations carry their unit in the name. Unknown fields are refused.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from posthorn import examples
from posthorn.errors import Violation

NORCE_DELAYS_SECONDS = (
    *(5, 10, 15, 30, 60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10800, 14400, 18000, 21600),
)  # norce.md §2.1: 16 retries over 22 h 4 min
MAX_ATTEMPTS = 50  # design.md §6
MAX_RETRY_SPAN_SECONDS = 7 * 24 * 3600  # design.md §6
MIN_RETENTION_DAYS, MAX_RETENTION_DAYS = 8, 3650  # a retry policy may span 7
MAX_ENDPOINTS = 1000  # of one tenant: an event's item holds a decision for each
MASK = "••••"  # what an answer shows in place of a secret


def iso(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: sorts as text, and Step Functions reads it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Time = Annotated[
    AwareDatetime,
    AfterValidator(lambda moment: moment.astimezone(UTC)),
    PlainSerializer(iso, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
TenantId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
TypeName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")]
TypePattern = Annotated[
    str, StringConstraints(pattern=r"^(\*|[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\*?)$")
]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# --- who may what ---------------------------------------------------------------------------------


class Scope(StrEnum):
    EVENTS_WRITE = "events:write"
    CONFIG_READ = "config:read"
    CONFIG_WRITE = "config:write"
    LOGS_READ = "logs:read"
    DELIVERIES_WRITE = "deliveries:write"
    ADMIN = "admin"  # everything, for any tenant


class ApiKey(Model):
    """An API key as it is stored: the secret itself is not. A key without tenant is an admin's."""

    id: str
    name: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    tenant: TenantId | None
    scopes: tuple[Scope, ...] = Field(min_length=1)
    secret_sha256: str = Field(repr=False)
    created_at: Time
    created_by: str


class Caller(Model):
    """Who asks: the key, the tenant that it acts for, and what it may do."""

    key_id: str
    tenant: TenantId | None
    scopes: tuple[Scope, ...]


class TenantLimits(Model):
    """How much a tenant may have and do; null where the stack's default holds."""

    endpoints: int | None = Field(default=None, ge=0, le=MAX_ENDPOINTS)
    tests_per_minute: int | None = Field(default=None, ge=0, le=1000)


class TenantSpec(Model):
    """What the platform decides about a tenant; null where the stack's default holds."""

    model_config = examples.shown(
        {"name": "Acme"}, {"name": "Acme", "retention_days": 90, "limits": {"endpoints": 20}}
    )

    name: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    retention_days: int | None = Field(
        default=None,
        ge=MIN_RETENTION_DAYS,
        le=MAX_RETENTION_DAYS,
        description="Days for which the log keeps what it records from now on",
    )
    limits: TenantLimits = TenantLimits()


class Tenant(TenantSpec):
    """One customer of the platform; everything else belongs to one."""

    id: TenantId
    longest_retention_days: int = 0  # it ever had (terms.py)
    created_at: Time
    updated_at: Time


# --- events ---------------------------------------------------------------------------------------


class Operation(StrEnum):
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"


class Change(Model):
    """What changed, for the rule rows of notifications (norce.md §1.5)."""

    entity: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    operation: Operation
    fields: tuple[Annotated[str, StringConstraints(min_length=1, max_length=128)], ...] = Field(
        default=(), max_length=200
    )


class Erasure(Model):
    """That the payload of an event was erased on request, and how many bytes are gone."""

    at: Time
    by: str
    data_bytes: int
    body_bytes: dict[str, int]  # of each delivery's body, by endpoint


class Event(Model):
    """One occurrence that the platform published. `data` is any JSON object."""

    id: str
    tenant: TenantId
    type: TypeName
    time: Time
    data: dict[str, Any]
    change: Change | None = None
    published_id: str | None = None  # the publisher's own id, when it gave one
    accepted_at: Time
    traceparent: str | None = None  # W3C Trace Context, handed on to endpoints
    warnings: tuple[Violation, ...] = ()  # how it breaks its schema, where that only warns
    erasure: Erasure | None = None  # since then, `data` is empty


# --- endpoints ------------------------------------------------------------------------------------


class ScheduleRetry(Model):
    """Retry after each of these delays in turn; an empty list means no retry."""

    kind: Literal["schedule"] = "schedule"
    delays_seconds: tuple[Annotated[float, Field(ge=0.1, le=MAX_RETRY_SPAN_SECONDS)], ...] = Field(
        default=NORCE_DELAYS_SECONDS, max_length=MAX_ATTEMPTS - 1
    )

    @model_validator(mode="after")
    def _span(self) -> Self:
        if sum(self.delays_seconds) > MAX_RETRY_SPAN_SECONDS:
            raise ValueError("the delays must add up to at most 7 days")
        return self


class ExponentialRetry(Model):
    """Retry n waits `first_delay_seconds * factor^(n-1)`, at most `max_delay_seconds`."""

    kind: Literal["exponential"]
    first_delay_seconds: float = Field(default=5, ge=0.1, le=86_400)
    factor: float = Field(default=2, ge=1, le=10)
    max_delay_seconds: float = Field(default=21_600, ge=0.1, le=86_400)
    max_attempts: int = Field(default=10, ge=1, le=MAX_ATTEMPTS)


RetryPolicy = Annotated[ScheduleRetry | ExponentialRetry, Field(discriminator="kind")]
Secret = Annotated[str, StringConstraints(min_length=1, max_length=2048)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$")]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^[\t\x20-\x7e•]*$", max_length=2048)]


class NoAuth(Model):
    kind: Literal["none"] = "none"


class BasicAuth(Model):
    kind: Literal["basic"]
    username: Annotated[str, StringConstraints(pattern=r"^[^:\x00-\x1f\x7f]{1,256}$")]
    password: Secret


class BearerAuth(Model):
    kind: Literal["bearer"]
    token: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e•]{1,2048}$")]


class ApiKeyAuth(Model):
    kind: Literal["api_key"]
    header: HeaderName
    value: Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e•]{1,2048}$")]


class OAuth2Auth(Model):
    """OAuth 2.0 client credentials (RFC 6749 §4.4)."""

    kind: Literal["oauth2"]
    token_url: Annotated[str, StringConstraints(min_length=1, max_length=2048)]
    client_id: Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]{1,256}$")]
    client_secret: Secret
    scope: Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]{0,1024}$")] = ""
    client_auth: Literal["basic", "body"] = "basic"  # where id and secret travel, RFC 6749 §2.3.1


Auth = Annotated[
    NoAuth | BasicAuth | BearerAuth | ApiKeyAuth | OAuth2Auth, Field(discriminator="kind")
]


class Signing(Model):
    """`v1` is HMAC-SHA256, `v1a` is Ed25519 (Standard Webhooks 1.0)."""

    scheme: Literal["v1", "v1a"] = "v1"


class EnvelopePayload(Model):
    """`{"type", "timestamp", "data"}` as Standard Webhooks advises."""

    mode: Literal["envelope"] = "envelope"


class DataPayload(Model):
    """The bare `data`, as Norce sends it; all of its fields, or only some."""

    mode: Literal["data"]
    include: tuple[str, ...] | None = Field(default=None, max_length=100)
    exclude: tuple[str, ...] = Field(default=(), max_length=100)


class CloudEventsPayload(Model):
    """CloudEvents 1.0, structured JSON."""

    mode: Literal["cloudevents"]


class CustomPayload(Model):
    """Whatever the JMESPath expression makes of the event."""

    mode: Literal["custom"]
    expression: Annotated[str, StringConstraints(min_length=1, max_length=4096)]


Payload = Annotated[
    EnvelopePayload | DataPayload | CloudEventsPayload | CustomPayload,
    Field(discriminator="mode"),
]
Condition = Annotated[str, StringConstraints(min_length=1, max_length=2048)]


class Rule(Model):
    """One row of a notification's settings (norce.md §1.5); `on_update`: any field, or these."""

    entity: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    on_insert: bool = False
    on_update: bool | tuple[str, ...] = False
    on_delete: bool = False
    filter: Condition | None = None


class EndpointStatus(StrEnum):
    ENABLED = "enabled"
    PAUSED = "paused"  # by its owner: deliveries are held
    DISABLED = "disabled"  # by its owner: not tracked; by us: deliveries are held


class DisabledBy(StrEnum):
    OWNER = "owner"
    GONE = "gone"  # it answered 410
    FAILING = "failing"  # days of failures without one success


class Health(Model):
    """How an endpoint has been doing; nothing of it is set, or written, while all is well."""

    failing_since: Time | None = None  # no success since then
    slow: bool = False  # it has used up its timeout since then
    warned: bool = False  # its owner was told that it is about to be disabled
    certificate_expires_at: Time | None = None  # when that is soon


class EndpointSpec(Model):
    """What the owner of an endpoint decides."""

    model_config = examples.shown(examples.ENDPOINT_SPEC, examples.FULL_ENDPOINT_SPEC)

    name: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    description: Annotated[str, StringConstraints(max_length=1024)] = ""
    url: Annotated[str, StringConstraints(min_length=1, max_length=2048)] = Field(
        description="Where deliveries go: https, with a public address"
    )
    method: Literal["POST", "PUT", "PATCH"] = "POST"
    event_types: tuple[TypePattern, ...] = Field(
        min_length=1,
        max_length=100,
        description="Names of event types; `*` at the end stands for any, as in `Order*`",
    )
    condition: Condition | None = Field(
        default=None, description="A JMESPath expression over the event, which has to be true"
    )
    rules: tuple[Rule, ...] = Field(
        default=(), max_length=50, description="Which changes to notify of; any one will do"
    )
    payload: Payload = Field(default=EnvelopePayload(), description="What the body is made of")
    headers: dict[HeaderName, HeaderValue] = Field(
        default={}, max_length=20, description="Further headers of each request"
    )
    auth: Auth = Field(default=NoAuth(), description="How each request proves who it is from")
    signing: Signing = Signing()
    timeout_seconds: float = Field(default=15, ge=1, le=30, description="For an attempt in all")
    follow_redirects: bool = Field(default=False, description="Only 307 and 308, at most 3 hops")
    retry: RetryPolicy = Field(
        default=ScheduleRetry(), description="When to try again after an attempt has failed"
    )
    status: EndpointStatus = Field(
        default=EndpointStatus.ENABLED,
        description="While paused, deliveries are held; while disabled, events are not tracked",
    )
    metadata: dict[
        Annotated[str, StringConstraints(min_length=1, max_length=40)],
        Annotated[str, StringConstraints(max_length=500)],
    ] = Field(default={}, max_length=50, description="Your own notes, which we do not read")


class Endpoint(EndpointSpec):
    """One webhook configuration of a tenant. Secrets are masked, and encrypted in `sealed`."""

    id: str
    tenant: TenantId
    status_reason: str | None = None
    disabled_by: DisabledBy | None = None
    public_key: str | None = None  # `whpk_…` when the scheme is v1a
    version: int = 1
    created_at: Time
    updated_at: Time
    updated_by: str
    # KMS ciphertext of `vault.Secrets`, base64; never leaves by the API
    sealed: str = Field(repr=False)
    # Stored beside the document, and gone with the next version.
    health: Health = Field(default=Health(), exclude=True)
    tested_version: int | None = Field(default=None, exclude=True)  # the one whose test passed

    @property
    def is_off(self) -> bool:
        """Whether its owner switched it off, so that its events are not tracked."""
        by_us = self.disabled_by not in (None, DisabledBy.OWNER)
        return self.status is EndpointStatus.DISABLED and not by_us


class Task(Model):
    """A message of RetryQueue: make attempt `attempt` of this delivery now."""

    tenant: TenantId
    event_id: str
    endpoint_id: str
    attempt: int
    trigger: "Trigger"
    by: str | None = None


# --- deliveries -----------------------------------------------------------------------------------


class DeliveryStatus(StrEnum):
    PENDING = "pending"  # to be tried soon, not tried yet
    SUCCEEDED = "succeeded"
    RETRYING = "retrying"
    HELD = "held"  # the endpoint is paused, or was disabled by us
    DEAD = "dead"  # all retries are used up
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    """How an attempt ended: exactly one of these (issue-proof closed set, docs/receiving.md)."""

    SUCCEEDED = "succeeded"  # 2xx
    HTTP_ERROR = "http_error"  # any other status that is no redirect
    REDIRECT = "redirect"  # a redirect that we do not follow
    TIMEOUT_CONNECT = "timeout_connect"
    TIMEOUT_READ = "timeout_read"
    DNS_ERROR = "dns_error"
    TLS_ERROR = "tls_error"
    CONNECTION_ERROR = "connection_error"  # refused, reset, closed early
    INVALID_RESPONSE = "invalid_response"  # not HTTP
    RESPONSE_TOO_LARGE = "response_too_large"  # its head is over the limit
    BLOCKED = "blocked"  # the egress guard refused the address
    AUTH_ERROR = "auth_error"  # no OAuth 2 token to be had
    PAYLOAD_ERROR = "payload_error"  # the payload expression fails on this event, or makes too much


class Trigger(StrEnum):
    """Why an attempt was made."""

    FIRST = "first"
    RETRY = "retry"
    SWEEPER = "sweeper"  # overdue: its wake-up was lost
    RESEND = "resend"
    REPLAY = "replay"
    DRAIN = "drain"  # held until its endpoint was enabled again
    TEST = "test"


class SentRequest(Model):
    """What was sent. Secret header values are masked; the body is kept with the event."""

    method: str
    url: str
    headers: dict[str, str]


class Response(Model):
    """What came back: the first 16 KiB of the body, decoded as UTF-8 with replacement."""

    status_code: int
    headers: dict[str, str]
    body: str
    truncated: bool = False
    erased_bytes: int | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description="There when the body was erased: how long it was",
    )


class Attempt(Model):
    """One HTTP request of a delivery, with everything that came back."""

    number: int
    trigger: Trigger
    by: str | None = None  # the key that asked for a resend, or the job
    endpoint_version: int
    started_at: Time
    duration_ms: int
    timings_ms: dict[str, int] = {}  # dns, connect, tls, first_byte: those that were reached
    outcome: Outcome
    advice: str
    retry_after_seconds: float | None = None  # what the endpoint asked for
    certificate_expires_at: Time | None = None  # the endpoint's, when it showed one
    request: SentRequest
    response: Response | None = None


class Delivery(Model):
    """One event for one endpoint: the truth about it (design.md §4)."""

    id: str
    tenant: TenantId
    event_id: str
    event_type: str
    endpoint_id: str
    endpoint_version: int
    status: DeliveryStatus
    status_reason: str | None = None
    attempt_count: int = 0
    round_start: int = 0  # attempts made before the current run of the retry policy began
    asked: Trigger | None = None  # what began that run, unless the event itself did,
    asked_by: str | None = None  # and for whom: the id of a key or of a job
    created_at: Time
    expires_at: Time  # its log is kept until then
    last_attempt_at: Time | None = None
    next_attempt_at: Time | None = None
    last_outcome: Outcome | None = None
    last_status_code: int | None = None
    last_duration_ms: int | None = None
    test: bool = False
    body_sha256: str | None = None  # of the bytes fixed at the first attempt

    @property
    def job_id(self) -> str | None:
        """The job that touched it last, until it is resent otherwise."""
        by = self.asked_by
        return by if by and by.startswith("job_") else None
