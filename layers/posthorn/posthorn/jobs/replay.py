"""Replay, drain and discard: what one step of such a job does to a slice of deliveries.

They are found by job_pages.py. Which ones a slice has is fixed before the first of them is moved.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from posthorn.aws.config_table import ConfigStore
from posthorn.aws.sqs import Queue
from posthorn.core.errors import UnavailableError
from posthorn.deliveries import state as progress
from posthorn.deliveries.queries import LogLists
from posthorn.deliveries.store import LogStore
from posthorn.jobs import model as job
from posthorn.jobs import slices as job_pages
from posthorn.jobs.model import Job, JobKind, JobStatus, Skipped, Slice
from posthorn.jobs.store import Batch, JobStore
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

    def step(self, of: Job) -> Slice:
        """Do the next slice, or once more the one in hand; raise UnavailableError to do it again.

        First what is to be done is fixed, then each delivery is moved, then all are put on
        RetryQueue. What died in between is done again: a delivery that bears this job's id was
        moved before. Of a cancelled job only those are counted, and none is moved.
        """
        hand = self.jobs.hand(of)
        if hand is None and of.status is JobStatus.CANCELLED:
            return Slice(of.slices + 1, 0, 0, {}, of.position or "", is_last=True)
        hand = hand or self.jobs.pin_batch(of, self._next(of))
        skipped = self._do(of, hand)
        return Slice(
            number=hand.number,
            size=len(hand.event_ids),
            started=len(hand.event_ids) - skipped.total(),
            skipped=skipped,
            position=hand.position,
            is_last=hand.is_last,
        )

    def _do(self, of: Job, hand: Batch) -> Counter[Skipped]:
        skipped: Counter[Skipped] = Counter()
        if not hand.event_ids:
            return skipped
        endpoint = self.config.endpoint(of.tenant, hand.endpoint_id)
        found = self.log.deliveries(of.tenant, hand.endpoint_id, hand.event_ids)
        began = self.now()
        waiting: list[tuple[int, Task]] = []
        for place, event_id in enumerate(hand.event_ids):
            offset = of.after(place)
            taken = self._take(of, found.get(event_id), endpoint, began + offset)
            if isinstance(taken, Skipped):
                skipped[taken] += 1
            elif _is_unattempted(taken):
                waiting.append((int(offset.total_seconds()), progress.task(taken)))
        self._send(waiting)
        return skipped

    def _take(
        self, of: Job, delivery: Delivery | None, endpoint: Endpoint | None, due_at: datetime
    ) -> Delivery | Skipped:
        """Make the delivery one of the job's, unless it is already, or say why not."""
        if delivery and delivery.job_id == of.id:
            return delivery
        reason = job.reason_to_skip(of, delivery, endpoint)
        if delivery is None or reason:
            return reason or Skipped.GONE
        trigger = _TRIGGERS.get(of.kind)
        if trigger:
            after = progress.begun_again(delivery, due_at, trigger, by=of.id)
        else:
            after = progress.discarded(delivery, f"discarded by {of.created_by}", by=of.id)
        moved = self.log.move_delivery(delivery, after, now=self.now())
        return after if moved else Skipped.BEING_ATTEMPTED

    def _send(self, waiting: list[tuple[int, Task]]) -> None:
        """Spread the tasks over the seconds of the slice, so that the rate is one for endpoints."""
        delays = [delay for delay, _ in waiting]
        if self.retry_queue.send_all([task for _, task in waiting], delays=delays):
            raise UnavailableError("the queue did not accept all of the slice")

    def _next(self, of: Job) -> Batch:
        """Find the deliveries of the next slice: those of one endpoint, oldest first."""
        hand = job_pages.none_left(of)
        endpoint_ids = [each.id for each in self.config.endpoints(of.tenant)]
        for hand in job_pages.following(of, self.lists, endpoint_ids):
            if of.is_second_look:
                hand = self._without_own(of, hand)
            if hand.event_ids:
                return hand
        return hand

    def _without_own(self, of: Job, hand: Batch) -> Batch:
        """The page without what the job has started, and counted, at its first look."""
        found = self.log.deliveries(of.tenant, hand.endpoint_id, hand.event_ids)
        own = {event_id for event_id, each in found.items() if each.job_id == of.id}
        left = tuple(each for each in hand.event_ids if each not in own)
        return hand.model_copy(update={"event_ids": left})


def _is_unattempted(delivery: Delivery) -> bool:
    begins = delivery.attempt_count == delivery.round_start
    return delivery.status is DeliveryStatus.PENDING and begins
