"""The ways out of a failed delivery: resend it by hand, or cancel what is still to come."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from posthorn.aws.config_table import ConfigStore
from posthorn.aws.sqs import Queue
from posthorn.core.errors import ConflictError
from posthorn.deliveries import state as progress
from posthorn.deliveries.reader import DeliveryReader
from posthorn.deliveries.store import LogStore
from posthorn.models import Delivery, EndpointStatus, Trigger


@dataclass(frozen=True)
class Resender:
    config: ConfigStore
    log: LogStore
    reader: DeliveryReader
    retry_queue: Queue
    now: Callable[[], datetime]

    def resend(self, tenant: str, delivery_id: str, *, by: str) -> Delivery:
        """Try again now, with the full retry policy after it; ConflictError while an attempt runs.

        Recorded first, then queued: if we die between the two, the sweeper finds it due.
        """
        event, record = self.reader.delivery(tenant, delivery_id)
        before = record.delivery
        if event.erasure is not None:
            raise ConflictError(progress.ERASED, code="payload_erased")
        if before.test:
            raise ConflictError("it was a test: make another test", code="test_delivery")
        endpoint = self.config.endpoint(tenant, before.endpoint_id)
        if endpoint is None:
            raise ConflictError("its endpoint was deleted", code="endpoint_deleted")
        if endpoint.status is not EndpointStatus.ENABLED:
            raise ConflictError(f"its endpoint is {endpoint.status}", code="endpoint_not_enabled")
        now = self.now()
        after = progress.begun_again(before, now, Trigger.RESEND, by=by)
        self._move(before, after, now)
        self.retry_queue.send(progress.task(after))
        return after

    def cancel(self, tenant: str, delivery_id: str, *, by: str) -> Delivery:
        """End what is still to come; ConflictError when nothing is, or while an attempt runs."""
        _, record = self.reader.delivery(tenant, delivery_id)
        before = record.delivery
        if before.status not in progress.TO_COME:
            raise ConflictError(f"the delivery is {before.status}", code="nothing_to_cancel")
        after = progress.cancelled(before, f"cancelled by {by}")
        self._move(before, after, self.now())
        return after

    def _move(self, before: Delivery, after: Delivery, now: datetime) -> None:
        if not self.log.move_delivery(before, after, now=now):
            raise ConflictError(
                "an attempt is being made now: try again in a moment", code="attempt_running"
            )
