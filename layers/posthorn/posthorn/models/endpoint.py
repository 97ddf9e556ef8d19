"""An endpoint: a tenant's webhook configuration, with retry policy, payload and auth."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    StringConstraints,
    model_validator,
)

from posthorn.core import api_examples as examples
from posthorn.models.base import (
    MAX_ATTEMPTS,
    MAX_RETRY_SPAN_SECONDS,
    Model,
    TenantId,
    Time,
    TypePattern,
)

DEFAULT_RETRY_DELAYS_SECONDS = (
    *(5, 10, 15, 30, 60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10800, 14400, 18000, 21600),
)  # norce.md §2.1: 16 retries over 22 h 4 min


class ScheduleRetry(Model):
    """Retry after each of these delays in turn; an empty list means no retry."""

    kind: Literal["schedule"] = "schedule"
    delays_seconds: tuple[Annotated[float, Field(ge=0.1, le=MAX_RETRY_SPAN_SECONDS)], ...] = Field(
        default=DEFAULT_RETRY_DELAYS_SECONDS, max_length=MAX_ATTEMPTS - 1
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
