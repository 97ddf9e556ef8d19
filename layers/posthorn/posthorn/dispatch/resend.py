"""Resend a delivery, or cancel a waiting one, on request."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from posthorn.aws.config_table import ConfigStore
from posthorn.aws.sqs import Queue
from posthorn.core.errors import ConflictError
from posthorn.deliveries import state
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
        """Attempt again now, then by the full retry policy; ConflictError while an attempt runs.

        It is recorded first and queued second: after a crash in between, the sweeper queues it.
        """
        event, record = self.reader.delivery(tenant, delivery_id)
        before = record.delivery
        if event.erasure is not None:
            raise ConflictError(state.ERASED, code="payload_erased")
        if before.test:
            raise ConflictError("the delivery is a test: run another test", code="test_delivery")
        endpoint = self.config.endpoint(tenant, before.endpoint_id)
        if endpoint is None:
            raise ConflictError("the endpoint was deleted", code="endpoint_deleted")
        if endpoint.status is not EndpointStatus.ENABLED:
            raise ConflictError(
                f"the endpoint of the delivery is {endpoint.status}", code="endpoint_not_enabled"
            )
        now = self.now()
        after = state.begun_again(before, now, Trigger.RESEND, by=by)
        self._move(before, after, now)
        self.retry_queue.send(state.task(after))
        return after

    def cancel(self, tenant: str, delivery_id: str, *, by: str) -> Delivery:
        """Cancel a waiting delivery; ConflictError if it is finished, or while an attempt runs."""
        _, record = self.reader.delivery(tenant, delivery_id)
        before = record.delivery
        if before.status not in state.TO_COME:
            raise ConflictError(f"the delivery is {before.status}", code="nothing_to_cancel")
        after = state.cancelled(before, f"cancelled by {by}")
        self._move(before, after, self.now())
        return after

    def _move(self, before: Delivery, after: Delivery, now: datetime) -> None:
        if not self.log.move_delivery(before, after, now=now):
            raise ConflictError(
                "an attempt is running: try again in a moment", code="attempt_running"
            )
