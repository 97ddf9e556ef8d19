"""Erase the payload of one event on request; that it was delivered, and how, stays in the log.

In this order: end what is to come, mark the event, erase the deliveries. From the mark on, nobody
who reads the event can send it. What read it before has claimed its delivery, and then a claimed
delivery is not erased; or it claims later, and then an erased one cannot be claimed. So a crash at
any step leaves what asking again completes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from posthorn.core.errors import ConflictError
from posthorn.deliveries import erasure_rules as erasure
from posthorn.deliveries import state as progress
from posthorn.deliveries.erasure_store import LogEraser
from posthorn.deliveries.items import DELIVERED_VERDICTS
from posthorn.deliveries.reader import DeliveryReader
from posthorn.deliveries.store import Claim, EventHistory, LogStore, StoredBody, body_of
from posthorn.models import Delivery, Erasure
from posthorn.subscriptions.matching import Decision


@dataclass(frozen=True)
class PayloadEraser:
    log: LogStore
    eraser: LogEraser
    reading: DeliveryReader
    now: Callable[[], datetime]

    def erase(self, tenant: str, event_id: str, *, by: str, cancel: bool = False) -> Erasure:
        """Erase; what was erased before stays as it is. NotFoundError when there is no such event.

        ConflictError while a delivery is to come, unless `cancel` ends it first, and while an
        attempt is being made.
        """
        story = self.reading.event(tenant, event_id)
        self._end_what_is_to_come(story, cancel=cancel)
        done = story.event.erasure
        if done is None:
            done = self._mark(story, by)
        if not self.eraser.erase_deliveries(tenant, event_id, now=self.now()):
            raise _busy()
        return done

    def _end_what_is_to_come(self, story: EventHistory, *, cancel: bool) -> None:
        running = [
            each.delivery
            for each in story.records.values()
            if each.delivery.status in progress.TO_COME
        ]
        missing = [
            each
            for each in story.decisions
            if each.verdict in DELIVERED_VERDICTS and each.endpoint_id not in story.records
        ]
        if not running and not missing:
            return
        if not cancel:
            raise ConflictError(
                f"{len(running) + len(missing)} of its deliveries are still to come:"
                " wait, or erase with cancel=true",
                code="deliveries_to_come",
            )
        if missing and not self._are_nobodys(story):
            raise _busy()
        ended = [self._move(each) for each in running]
        ended += [self._put(story, each) for each in missing]
        if not all(ended):
            raise _busy()

    def _are_nobodys(self, story: EventHistory) -> bool:
        """Whether no dispatcher works on the event; the claim that tells so lapses at once."""
        now = self.now()
        claim = Claim("erasing", now, now - timedelta(seconds=1))
        return self.log.reclaim_event(story.event.tenant, story.event.id, claim)

    def _move(self, before: Delivery) -> bool:
        after = progress.cancelled(before, progress.ERASED)
        return self.log.move_delivery(before, after, now=self.now())

    def _put(self, story: EventHistory, decision: Decision) -> bool:
        fresh = progress.begun(
            story.event,
            decision.endpoint_id,
            decision.endpoint_version,
            created_at=story.recorded_at,
            expires_at=story.expires_at,
        )
        return self.log.put_delivery(progress.cancelled(fresh, progress.ERASED), StoredBody())

    def _mark(self, story: EventHistory, by: str) -> Erasure:
        bodies = {
            endpoint_id: body
            for endpoint_id, record in story.records.items()
            if (body := body_of(story.event, record)) is not None
        }
        done = erasure.begun(story.event, bodies, at=self.now(), by=by)
        decisions = tuple(map(erasure.of_decision, story.decisions))
        self.eraser.mark(erasure.of_event(story.event, done), decisions)
        return done


def _busy() -> ConflictError:
    return ConflictError(
        "an attempt is being made now: try again in a moment", code="attempt_running"
    )
