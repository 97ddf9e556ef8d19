"""A job: many deliveries replayed, drained, discarded or exported, one batch after another."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from math import ceil

from pydantic import ConfigDict, Field

from posthorn.deliveries.filters import DeliveryFilter
from posthorn.models import (
    Model,
    TenantId,
    Time,
)

SLOWEST, FASTEST = 0.1, 100  # deliveries a second
BATCH_SECONDS = 10  # the duration of one batch, unless MAX_BATCH_SIZE makes it shorter
MAX_BATCH_SIZE = 200  # deliveries that one step (60 s) can change
# A dispatcher that read an endpoint before it was enabled holds deliveries for as long as it runs
# (60 s), and its index shows them a little later.
SECOND_LOOK = timedelta(seconds=90)


class JobKind(StrEnum):
    REPLAY = "replay"  # deliver again
    DRAIN = "drain"  # deliver held deliveries
    DISCARD = "discard"  # cancel held deliveries
    EXPORT = "export"  # write deliveries to files


OF_HELD = frozenset({JobKind.DRAIN, JobKind.DISCARD})
# The rate protects endpoints, and these kinds send nothing to endpoints.
_UNPACED = frozenset({JobKind.DISCARD, JobKind.EXPORT})


class JobStatus(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"  # each of its deliveries has ended
    CANCELLED = "cancelled"
    FAILED = "failed"  # its steps failed in MAX_STALLS + 1 runs


class Skipped(StrEnum):
    """Why a delivery that was counted is not started."""

    GONE = "gone"  # its log has expired, or its payload was erased
    BEING_ATTEMPTED = "being_attempted"
    CHANGED = "changed"  # it no longer matches the filter
    ENDPOINT_DELETED = "endpoint_deleted"
    ENDPOINT_NOT_ENABLED = "endpoint_not_enabled"


class Job(Model):
    """The request for a job and its state. Each change is a new value: see the functions below."""

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    id: str
    tenant: TenantId
    kind: JobKind
    filter: DeliveryFilter = Field(alias="wanted")  # aliases are the stored names
    rate_per_second: float = Field(default=10, ge=SLOWEST, le=FASTEST)
    status: JobStatus = JobStatus.RUNNING
    reason: str | None = None
    matched: int  # counted before the job began
    counted_all: bool = True  # False: more deliveries match than were counted
    started: int = 0
    skipped: dict[Skipped, int] = Field(default={})
    batches: int = Field(default=0, alias="slices")  # that are done, and counted above
    position: str | None = None  # the start of the next batch, in terms of the kind
    looks_again_at: Time | None = None  # for deliveries held while the endpoint was being enabled
    run: int = 1  # the number of the current execution, from 1
    stalls: int = 0  # successive runs that ended without a batch
    next_step_at: Time | None = None  # None: the job needs no execution
    all_started_at: Time | None = None
    created_at: Time
    created_by: str
    updated_at: Time
    finished_at: Time | None = None
    expires_at: Time
    revision: int = 1  # incremented by every write

    @property
    def is_starting(self) -> bool:
        """Whether the job has deliveries to start; otherwise it waits for them to end."""
        return self.status is JobStatus.RUNNING and self.all_started_at is None

    @property
    def is_second_look(self) -> bool:
        return self.kind in OF_HELD and self.looks_again_at is None

    @property
    def to_start(self) -> int:
        """The number of counted deliveries that are neither started nor skipped."""
        if self.all_started_at or self.status is JobStatus.CANCELLED:
            return 0
        return max(0, self.matched - self.started - sum(self.skipped.values()))

    @property
    def batch_size(self) -> int:
        if self.kind in _UNPACED:
            return MAX_BATCH_SIZE
        return min(MAX_BATCH_SIZE, ceil(self.rate_per_second * BATCH_SECONDS))

    def duration(self, deliveries: int) -> timedelta:
        """The time that this number of deliveries takes at the job's rate."""
        if self.kind in _UNPACED:
            return timedelta()
        return timedelta(seconds=deliveries / self.rate_per_second)

    def results(self, counts: "JobCounts") -> "JobCounts":
        """The counts of its deliveries; an exported delivery has succeeded once it is written."""
        return JobCounts(succeeded=self.started) if self.kind is JobKind.EXPORT else counts


class JobCounts(Model):
    """The results of the deliveries that a job started."""

    succeeded: int = 0
    failed: int = 0  # dead
    cancelled: int = 0
    held: int = 0  # the endpoint was paused or disabled in the meantime
    taken_over: int = 0  # by a resend or another job, before they ended

    @property
    def finished(self) -> int:
        return self.succeeded + self.failed + self.cancelled + self.held + self.taken_over


@dataclass(frozen=True)
class BatchOutcome:
    """The result of a batch: the same however often the batch is repeated."""

    number: int
    size: int
    started: int
    skipped: Mapping[Skipped, int]
    position: str
    is_last: bool
