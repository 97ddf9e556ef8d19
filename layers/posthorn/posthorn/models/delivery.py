"""A delivery (one event to one endpoint), its attempts, and the message that requests one."""

from enum import StrEnum

from pydantic import Field

from posthorn.models.base import Model, TenantId, Time


class Task(Model):
    """A message of RetryQueue: make attempt number `attempt` of this delivery now."""

    tenant: TenantId
    event_id: str
    endpoint_id: str
    attempt: int
    trigger: "Trigger"
    by: str | None = None


class FanOut(Model):
    """A message of RetryQueue: record and queue the missing deliveries of an event."""

    tenant: TenantId
    fan_out_event_id: str


class DeliveryStatus(StrEnum):
    PENDING = "pending"  # due, or queued for an attempt
    SUCCEEDED = "succeeded"
    RETRYING = "retrying"
    HELD = "held"  # the endpoint is paused, or was disabled by Posthorn
    DEAD = "dead"  # all retries are used up
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    """The result of an attempt, a closed set; docs/receiving.md describes each."""

    SUCCEEDED = "succeeded"  # 2xx
    HTTP_ERROR = "http_error"  # any other status except redirects
    REDIRECT = "redirect"  # a redirect that is not followed
    TIMEOUT_CONNECT = "timeout_connect"
    TIMEOUT_READ = "timeout_read"
    DNS_ERROR = "dns_error"
    TLS_ERROR = "tls_error"
    CONNECTION_ERROR = "connection_error"  # refused, reset, closed early
    INVALID_RESPONSE = "invalid_response"  # not HTTP
    RESPONSE_TOO_LARGE = "response_too_large"  # the head exceeds its limit
    BLOCKED = "blocked"  # the egress guard refused the address
    AUTH_ERROR = "auth_error"  # no OAuth 2 token
    PAYLOAD_ERROR = "payload_error"  # the expression fails, or its result is too large


class Trigger(StrEnum):
    """The cause of an attempt."""

    FIRST = "first"
    RETRY = "retry"
    SWEEPER = "sweeper"  # overdue after a lost wake-up
    RESEND = "resend"
    REPLAY = "replay"
    DRAIN = "drain"  # was held until the endpoint was enabled again
    TEST = "test"


class SentRequest(Model):
    """The request sent, with secret header values masked; its body is stored with the delivery."""

    method: str
    url: str
    headers: dict[str, str]


class Response(Model):
    """The response: the first 16 KiB of its body, decoded by its charset with replacement."""

    status_code: int
    headers: dict[str, str]
    body: str
    body_base64: str | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description="The bytes of a body that is no text; `body` gives their size and type",
    )
    truncated: bool = False
    erased_bytes: int | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description="The size of the body, once it was erased",
    )


class Attempt(Model):
    """One HTTP request of a delivery and its response."""

    number: int
    trigger: Trigger
    by: str | None = None  # id of the key that requested a resend, or of the job
    endpoint_version: int
    started_at: Time
    duration_ms: int
    timings_ms: dict[str, int] = Field(default={})  # dns, connect, tls, reused, first_byte
    outcome: Outcome
    advice: str
    retry_after_seconds: float | None = None  # requested by the endpoint
    certificate_expires_at: Time | None = None  # of the endpoint's certificate
    request: SentRequest
    response: Response | None = None


class Delivery(Model):
    """The delivery of one event to one endpoint: the authoritative record."""

    id: str
    tenant: TenantId
    event_id: str
    event_type: str
    endpoint_id: str
    endpoint_version: int
    status: DeliveryStatus
    status_reason: str | None = None
    attempt_count: int = 0
    round_start: int = 0  # attempts made before the current round of the retry policy
    asked: Trigger | None = None  # what began that round; None for the event itself
    asked_by: str | None = None  # id of the key or job that began it
    created_at: Time
    expires_at: Time  # end of its retention
    last_attempt_at: Time | None = None
    next_attempt_at: Time | None = None
    last_outcome: Outcome | None = None
    last_status_code: int | None = None
    last_duration_ms: int | None = None
    test: bool = False
    body_sha256: str | None = None  # of the bytes sent at the first attempt

    @property
    def job_id(self) -> str | None:
        """The job that began the current round, if one did."""
        by = self.asked_by
        return by if by and by.startswith("job_") else None
