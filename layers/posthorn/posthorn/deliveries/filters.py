"""The filters of the log as one value, for lists, searches and jobs. A job stores it as JSON."""

import hashlib
from enum import StrEnum

from posthorn.core import ids
from posthorn.core.errors import InvalidError
from posthorn.models import Delivery, DeliveryStatus, Model, Outcome, Time, iso


class Order(StrEnum):
    """Which delivery comes first."""

    NEWEST = "newest"
    OLDEST = "oldest"


class WithTests(StrEnum):
    """Whether the deliveries of tests are included."""

    INCLUDE = "include"
    ONLY = "only"
    EXCLUDE = "exclude"


class StatusClass(StrEnum):
    """The class of the last response's status; `none` without a response or an attempt."""

    SUCCESS = "2xx"
    REDIRECTION = "3xx"
    CLIENT_ERROR = "4xx"
    SERVER_ERROR = "5xx"
    NONE = "none"

    @staticmethod
    def of(status_code: int | None) -> "StatusClass | None":
        """None for a code outside the classes; the sender accepts no such response."""
        text = "none" if status_code is None else f"{status_code // 100}xx"
        return StatusClass(text) if text in set(StatusClass) else None


class DeliveryFilter(Model):
    """All given filters must match. No `endpoint_ids` means all endpoints of the tenant.

    `since` (inclusive) and `until` (exclusive) apply to `created_at`, `outcome` and `status_class`
    to the last attempt.
    """

    endpoint_ids: tuple[str, ...] = ()
    event_type: str | None = None
    event_id: str | None = None
    status: DeliveryStatus | None = None
    outcome: Outcome | None = None
    status_class: StatusClass | None = None
    since: Time | None = None
    until: Time | None = None
    test: WithTests = WithTests.EXCLUDE
    order: Order = Order.NEWEST

    def matches(self, delivery: Delivery) -> bool:
        pairs = (
            (self.event_type, delivery.event_type),
            (self.event_id, delivery.event_id),
            (self.status, delivery.status),
            (self.outcome, delivery.last_outcome),
            (self.status_class, StatusClass.of(delivery.last_status_code)),
        )
        created_at = iso(delivery.created_at)
        return (
            all(sought in (None, found) for sought, found in pairs)
            and (not self.endpoint_ids or delivery.endpoint_id in self.endpoint_ids)
            and (self.test is WithTests.INCLUDE or delivery.test is (self.test is WithTests.ONLY))
            and (self.since is None or iso(self.since) <= created_at)
            and (self.until is None or created_at < iso(self.until))
        )

    @property
    def statuses(self) -> frozenset[DeliveryStatus]:
        """The statuses that a matching delivery can have."""
        every = frozenset({self.status} if self.status else DeliveryStatus)
        # A succeeded delivery has a 2xx response and the outcome `succeeded`.
        excludes_success = self.outcome not in (None, Outcome.SUCCEEDED) or (
            self.status_class not in (None, StatusClass.SUCCESS)
        )
        return every - {DeliveryStatus.SUCCEEDED} if excludes_success else every

    def fingerprint(self, *more: str) -> str:
        return fingerprint(self, *more)


class EventFilter(Model):
    """The filters of a list of events; `since` (inclusive) and `until` apply to `recorded_at`."""

    event_type: str | None = None
    unmatched: bool | None = None  # only events without a delivery, or only those with one
    since: Time | None = None
    until: Time | None = None
    order: Order = Order.NEWEST


def check_ids(filters: DeliveryFilter, *, within: str = "") -> None:
    """Raise InvalidError for a malformed id; `within` precedes the names of the fields."""
    if not all(ids.is_id("ep", each) for each in filters.endpoint_ids):
        raise InvalidError.at(f"{within}endpoint", "is not the id of an endpoint")
    if filters.event_id is not None and not ids.is_id("evt", filters.event_id):
        raise InvalidError.at(f"{within}event_id", "is not the id of an event")


def fingerprint(filters: Model, *more: str) -> str:
    """A short hash of the filters, which ties a cursor to its list."""
    text = "\0".join((filters.model_dump_json(exclude_defaults=True), *more))
    return hashlib.sha256(text.encode()).hexdigest()[:8]
