"""Replay, drain and discard: one step of such a job, which moves a batch of deliveries."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from posthorn.aws.config_table import ConfigStore
from posthorn.aws.sqs import Queue
from posthorn.core.errors import UnavailableError
from posthorn.deliveries import state
from posthorn.deliveries.queries import LogLists
from posthorn.deliveries.store import LogStore
from posthorn.jobs import batches
from posthorn.jobs.model import BatchOutcome, Job, JobKind, JobStatus, Skipped
from posthorn.jobs.store import Batch, JobStore
from posthorn.jobs.transitions import reason_to_skip
from posthorn.models import Delivery, DeliveryStatus, Endpoint, Task, Trigger

_TRIGGERS = {JobKind.REPLAY: Trigger.REPLAY, JobKind.DRAIN: Trigger.DRAIN}


@dataclass(frozen=True)
class ReplayStep:
    config: ConfigStore
    log: LogStore
    lists: LogLists
    jobs: JobStore
    retry_queue: Queue
    now: Callable[[], datetime]

    def step(self, job: Job) -> BatchOutcome:
        """Do the current batch, or the next one; UnavailableError means that it must be repeated.

        The batch is fixed, then each delivery is moved, then all are put on RetryQueue. A repeated
        step recognises the deliveries that it moved before by the job's id. For a cancelled job it
        only counts those, and moves none.
        """
        batch = self.jobs.current_batch(job)
        if batch is None and job.status is JobStatus.CANCELLED:
            return batches.empty(job).outcome(Counter())
        batch = batch or self.jobs.pin_batch(job, self._next(job))
        return batch.outcome(self._move(job, batch))

    def _move(self, job: Job, batch: Batch) -> Counter[Skipped]:
        skipped: Counter[Skipped] = Counter()
        if not batch.event_ids:
            return skipped
        endpoint = self.config.endpoint(job.tenant, batch.endpoint_id)
        found = self.log.deliveries(job.tenant, batch.endpoint_id, batch.event_ids)
        began = self.now()
        waiting: list[tuple[int, Task]] = []
        for place, event_id in enumerate(batch.event_ids):
            offset = job.duration(place)
            taken = self._take(job, found.get(event_id), endpoint, began + offset)
            if isinstance(taken, Skipped):
                skipped[taken] += 1
            elif _is_unattempted(taken):
                waiting.append((int(offset.total_seconds()), state.task(taken)))
        self._send(waiting)
        return skipped

    def _take(
        self, job: Job, delivery: Delivery | None, endpoint: Endpoint | None, due_at: datetime
    ) -> Delivery | Skipped:
        """Make the delivery one of the job's, unless it already is, or return why not."""
        if delivery and delivery.job_id == job.id:
            return delivery
        reason = reason_to_skip(job, delivery, endpoint)
        if delivery is None or reason:
            return reason or Skipped.GONE
        trigger = _TRIGGERS.get(job.kind)
        if trigger:
            after = state.begun_again(delivery, due_at, trigger, by=job.id)
        else:
            after = state.discarded(delivery, f"discarded by {job.created_by}", by=job.id)
        moved = self.log.move_delivery(delivery, after, now=self.now())
        return after if moved else Skipped.BEING_ATTEMPTED

    def _send(self, waiting: list[tuple[int, Task]]) -> None:
        """Delay each task within the batch, so that the endpoint gets the job's rate."""
        delays = [delay for delay, _ in waiting]
        if self.retry_queue.send_all([task for _, task in waiting], delays=delays):
            raise UnavailableError("the queue did not accept the whole batch")

    def _next(self, job: Job) -> Batch:
        """Find the deliveries of the next batch: those of one endpoint, oldest first."""
        endpoint_ids = [each.id for each in self.config.endpoints(job.tenant)]
        narrow = partial(self._without_own, job)
        return batches.next_batch(job, self.lists, endpoint_ids, narrow=narrow)

    def _without_own(self, job: Job, batch: Batch) -> Batch:
        """The batch without the deliveries that the job started and counted at its first look."""
        if not job.is_second_look:
            return batch
        found = self.log.deliveries(job.tenant, batch.endpoint_id, batch.event_ids)
        own = {event_id for event_id, each in found.items() if each.job_id == job.id}
        left = tuple(each for each in batch.event_ids if each not in own)
        return batch.model_copy(update={"event_ids": left})


def _is_unattempted(delivery: Delivery) -> bool:
    begins = delivery.attempt_count == delivery.round_start
    return delivery.status is DeliveryStatus.PENDING and begins
