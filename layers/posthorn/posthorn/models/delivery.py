"""A delivery (one event for one endpoint), its attempts, and the task that asks for one."""

from enum import StrEnum

from pydantic import (
    Field,
)

from posthorn.models.base import Model, TenantId, Time


class Task(Model):
    """A message of RetryQueue: make attempt `attempt` of this delivery now."""

    tenant: TenantId
    event_id: str
    endpoint_id: str
    attempt: int
    trigger: "Trigger"
    by: str | None = None


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
    timings_ms: dict[str, int] = Field(
        default={}
    )  # dns, connect, tls, first_byte: those that were reached
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
