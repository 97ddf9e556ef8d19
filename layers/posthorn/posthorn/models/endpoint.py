"""An endpoint: a webhook configuration of a tenant, with its payload, rules and auth."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from posthorn.core import api_examples
from posthorn.models.base import ErrorMessage, Model, TenantId, Time, TypePattern
from posthorn.models.retry_schedule import RetryPolicy, ScheduleRetry

Secret = Annotated[str, StringConstraints(min_length=1, max_length=2048)]
Pem = Annotated[str, StringConstraints(max_length=16384, strip_whitespace=True)]
HeaderName = Annotated[
    str,
    StringConstraints(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$"),
    ErrorMessage("must be 1 to 64 letters, digits, hyphens or other characters of header names"),
]
HeaderValue = Annotated[
    str,
    StringConstraints(pattern=r"^[\t\x20-\x7e•]*$", max_length=2048),
    ErrorMessage("must be at most 2048 visible ASCII characters, spaces or tabs"),
]


class NoAuth(Model):
    kind: Literal["none"] = "none"


class BasicAuth(Model):
    kind: Literal["basic"]
    username: Annotated[
        str,
        StringConstraints(pattern=r"^[^:\x00-\x1f\x7f]{0,256}$"),
        ErrorMessage("must be at most 256 characters, none a colon or a control character"),
    ]
    password: Annotated[str, StringConstraints(max_length=2048)]


class BearerAuth(Model):
    kind: Literal["bearer"]
    token: Annotated[
        str,
        StringConstraints(pattern=r"^[\x21-\x7e•]{1,2048}$"),
        ErrorMessage("must be 1 to 2048 visible ASCII characters"),
    ]


class ApiKeyAuth(Model):
    kind: Literal["api_key"]
    header: HeaderName
    value: Annotated[
        str,
        StringConstraints(pattern=r"^[\x20-\x7e•]{1,2048}$"),
        ErrorMessage("must be 1 to 2048 visible ASCII characters or spaces"),
    ]


class OAuth2Auth(Model):
    """OAuth 2.0 client credentials (RFC 6749 §4.4)."""

    kind: Literal["oauth2"]
    token_url: Annotated[str, StringConstraints(min_length=1, max_length=2048)]
    client_id: Annotated[
        str,
        StringConstraints(pattern=r"^[\x20-\x7e]{1,256}$"),
        ErrorMessage("must be 1 to 256 visible ASCII characters or spaces"),
    ]
    client_secret: Secret
    scope: Annotated[
        str,
        StringConstraints(pattern=r"^[\x20-\x7e]{0,1024}$"),
        ErrorMessage("must be at most 1024 visible ASCII characters or spaces"),
    ] = ""
    client_auth: Literal["basic", "body"] = "basic"  # RFC 6749 §2.3.1
    audience: Annotated[str, StringConstraints(max_length=1024)] = Field(
        default="", description="As Auth0 requires it"
    )
    resource: Annotated[str, StringConstraints(max_length=1024)] = Field(
        default="", description="RFC 8707"
    )
    parameters: dict[
        Annotated[str, StringConstraints(min_length=1, max_length=64)],
        Annotated[str, StringConstraints(max_length=1024)],
    ] = Field(
        default={}, max_length=10, description="Further parameters of the token request, not secret"
    )


Auth = Annotated[
    NoAuth | BasicAuth | BearerAuth | ApiKeyAuth | OAuth2Auth, Field(discriminator="kind")
]


class Tls(Model):
    """Certificates of the endpoint in PEM; empty for none.

    Without a certificate authority of its own, the public ones are trusted.
    """

    client_certificate: Pem = Field(
        default="", description="Shown to a receiver that demands one, with its intermediates"
    )
    client_key: Pem = Field(default="", description="Its private key, without a passphrase")
    ca_certificate: Pem = Field(
        default="", description="The authorities that the receiver's certificate is checked against"
    )


class Signing(Model):
    """`v1` is HMAC-SHA256, `v1a` is Ed25519 (Standard Webhooks 1.0)."""

    scheme: Literal["v1", "v1a"] = "v1"


class EnvelopePayload(Model):
    """`{"type", "timestamp", "data"}`, as Standard Webhooks 1.0 recommends."""

    mode: Literal["envelope"] = "envelope"


class DataPayload(Model):
    """The bare `data`: all of its fields, or a selection."""

    mode: Literal["data"]
    include: tuple[str, ...] | None = Field(default=None, max_length=100)
    exclude: tuple[str, ...] = Field(default=(), max_length=100)


class CloudEventsPayload(Model):
    """CloudEvents 1.0, structured JSON."""

    mode: Literal["cloudevents"]


class CustomPayload(Model):
    """The result of a JMESPath expression over the event."""

    mode: Literal["custom"]
    expression: Annotated[str, StringConstraints(min_length=1, max_length=4096)]


Payload = Annotated[
    EnvelopePayload | DataPayload | CloudEventsPayload | CustomPayload,
    Field(discriminator="mode"),
]
Condition = Annotated[str, StringConstraints(min_length=1, max_length=2048)]


class Rule(Model):
    """Which changes of one entity to notify of; `on_update`: of any field, or of these."""

    entity: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    on_insert: bool = False
    on_update: Annotated[
        bool | tuple[str, ...], ErrorMessage("must be true, false or a list of field names")
    ] = False
    on_delete: bool = False
    filter: Condition | None = None


class EndpointStatus(StrEnum):
    ENABLED = "enabled"
    PAUSED = "paused"  # by the owner: deliveries are held
    DISABLED = "disabled"  # by the owner: no deliveries; by Posthorn: deliveries are held


class DisabledBy(StrEnum):
    OWNER = "owner"
    GONE = "gone"  # the endpoint answered 410
    FAILING = "failing"  # five days of failures without a success


class Health(Model):
    """The health of an endpoint; all fields keep their defaults while it succeeds."""

    failing_since: Time | None = None  # the first failure after the last success
    slow: bool = False  # an attempt has timed out since then
    warned: bool = False  # EndpointFailing was announced
    certificate_expires_at: Time | None = None  # if that is soon


class EndpointSpec(Model):
    """The settings of an endpoint."""

    model_config = api_examples.shown(api_examples.ENDPOINT_SPEC, api_examples.FULL_ENDPOINT_SPEC)

    name: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    description: Annotated[str, StringConstraints(max_length=1024)] = ""
    url: Annotated[str, StringConstraints(min_length=1, max_length=2048)] = Field(
        description="An https URL with a public address"
    )
    method: Literal["POST", "PUT", "PATCH"] = "POST"
    event_types: tuple[TypePattern, ...] = Field(
        min_length=1,
        max_length=100,
        description="Names of event types; a final `*` matches any continuation, as in `Order*`",
    )
    condition: Condition | None = Field(
        default=None, description="A JMESPath expression over the event, which must be true"
    )
    rules: tuple[Rule, ...] = Field(
        default=(),
        max_length=50,
        description="The changes to notify of; one matching rule suffices",
    )
    payload: Payload = Field(
        default=EnvelopePayload(), description="The content of the request body"
    )
    headers: dict[HeaderName, HeaderValue] = Field(
        default={}, max_length=20, description="Additional headers of each request"
    )
    auth: Auth = Field(default=NoAuth(), description="The authentication of each request")
    tls: Tls = Field(default=Tls(), description="A client certificate and an own authority")
    signing: Signing = Signing()
    timeout_seconds: float = Field(default=15, ge=1, le=30, description="For a whole attempt")
    follow_redirects: bool = Field(default=False, description="Only 307 and 308, at most 3 hops")
    retry: RetryPolicy = Field(
        default=ScheduleRetry(), description="When to retry after a failed attempt"
    )
    status: EndpointStatus = Field(
        default=EndpointStatus.ENABLED,
        description="While paused, deliveries are held; while disabled, there are no deliveries",
    )
    metadata: dict[
        Annotated[str, StringConstraints(min_length=1, max_length=40)],
        Annotated[str, StringConstraints(max_length=500)],
    ] = Field(default={}, max_length=50, description="Your own notes; Posthorn does not use them")


class ConfigWarning(Model):
    """A valid setting that is probably mistaken; `field` is its JSON pointer."""

    model_config = api_examples.shown(api_examples.CONFIG_WARNING)

    field: str
    message: str
    suggestion: str | None = None


class Endpoint(EndpointSpec):
    """A webhook endpoint of a tenant. Secrets are masked here and encrypted in `sealed`."""

    id: str
    tenant: TenantId
    status_reason: str | None = None
    disabled_by: DisabledBy | None = None
    public_key: str | None = None  # `whpk_…` when the scheme is v1a
    version: int = 1
    created_at: Time
    updated_at: Time
    updated_by: str
    # KMS ciphertext of `kms.Secrets` in base64; no API response contains it
    sealed: str = Field(repr=False)
    warnings: tuple[ConfigWarning, ...] = ()  # about the settings, when they were saved
    # Separate attributes of the item, reset by the next version.
    health: Health = Field(default=Health(), exclude=True)
    tested_version: int | None = Field(
        default=None, exclude=True
    )  # the last version that passed a test

    @property
    def is_off(self) -> bool:
        """Whether its owner disabled it, so that events make no deliveries."""
        by_posthorn = self.disabled_by not in (None, DisabledBy.OWNER)
        return self.status is EndpointStatus.DISABLED and not by_posthorn
