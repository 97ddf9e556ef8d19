"""Which deliveries a list, a search or a job is about: every filter of the log as one value.

Pure: log_lists.py reads by it. A job keeps it as JSON.
"""

import hashlib
from enum import StrEnum

from posthorn.models import Delivery, DeliveryStatus, Model, Outcome, Time, iso


class Order(StrEnum):
    NEWEST = "newest"  # first
    OLDEST = "oldest"


class WithTests(StrEnum):
    """Whether deliveries of tests are among them."""

    INCLUDE = "include"
    ONLY = "only"
    EXCLUDE = "exclude"


class StatusClass(StrEnum):
    """Of the last answer; none where there was no answer, or no attempt yet."""

    SUCCESS = "2xx"
    REDIRECTION = "3xx"
    CLIENT_ERROR = "4xx"
    SERVER_ERROR = "5xx"
    NONE = "none"

    @staticmethod
    def of(status_code: int | None) -> "StatusClass | None":
        """None for a code outside of the classes, which the sender lets nobody answer with."""
        text = "none" if status_code is None else f"{status_code // 100}xx"
        return StatusClass(text) if text in set(StatusClass) else None


class DeliveryFilter(Model):
    """All filters that are given must be met. Without `endpoint_ids`, all that the tenant had.

    Times are those of `created_at`, `until` itself not included. `outcome` and `status_class` are
    those of the last attempt.
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

    def takes(self, delivery: Delivery) -> bool:
        pairs = (
            (self.event_type, delivery.event_type),
            (self.event_id, delivery.event_id),
            (self.status, delivery.status),
            (self.outcome, delivery.last_outcome),
            (self.status_class, StatusClass.of(delivery.last_status_code)),
        )
        created_at = iso(delivery.created_at)
        return (
            all(wanted in (None, found) for wanted, found in pairs)
            and (not self.endpoint_ids or delivery.endpoint_id in self.endpoint_ids)
            and (self.test is WithTests.INCLUDE or delivery.test is (self.test is WithTests.ONLY))
            and (self.since is None or iso(self.since) <= created_at)
            and (self.until is None or created_at < iso(self.until))
        )

    @property
    def statuses(self) -> frozenset[DeliveryStatus]:
        """In which of the states a delivery can be at all."""
        every = frozenset({self.status} if self.status else DeliveryStatus)
        # What succeeded was last answered with 2xx, and nothing else is an outcome of it.
        is_of_failures = self.outcome not in (None, Outcome.SUCCEEDED) or (
            self.status_class not in (None, StatusClass.SUCCESS)
        )
        return every - {DeliveryStatus.SUCCEEDED} if is_of_failures else every

    def fingerprint(self, *more: str) -> str:
        """Differs, in all likelihood, from that of another list: it binds a cursor to its own."""
        text = "\0".join((self.model_dump_json(exclude_defaults=True), *more))
        return hashlib.sha256(text.encode()).hexdigest()[:8]
