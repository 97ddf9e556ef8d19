"""Erase the payload of one event on request; the facts of its deliveries stay in the log.

Everything that holds or may repeat the payload is erased: data, change and warnings of the event,
reasons of conditions and rules, request bodies, response headers and bodies, and advice, which
quotes them. Signatures too: with a public key, a guess at the payload could be checked.

The order is: cancel waiting deliveries, mark the event, erase the deliveries. A dispatcher that
reads the event after the mark cannot send it. One that read it before either holds a claim, and a
claimed delivery is not erased, or claims later, and an erased delivery cannot be claimed. After a
crash at any step, the same request completes the erasure.
"""

import json
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from posthorn.aws.dynamodb import ConditionFailed, Table
from posthorn.core.errors import ConflictError
from posthorn.deliveries import items, state
from posthorn.deliveries.reader import DeliveryReader
from posthorn.deliveries.store import (
    AS_BEFORE,
    UNCLAIMED,
    Claim,
    EventHistory,
    LogStore,
    StoredBody,
    body_of,
)
from posthorn.models import Attempt, Delivery, Erasure, Item, Response
from posthorn.subscriptions.matching import Decision, Verdict

_EXISTS = "attribute_exists(#pk)"
_QUOTING_VERDICTS = frozenset({Verdict.CONDITION_NOT_MET, Verdict.RULE_NOT_MET})


@dataclass(frozen=True)
class PayloadEraser:
    table: Table
    log: LogStore
    reader: DeliveryReader
    now: Callable[[], datetime]

    def erase(self, tenant: str, event_id: str, *, by: str, cancel: bool = False) -> Erasure:
        """Erase the payload; return the first erasure when it was erased before.

        NotFoundError when there is no such event. ConflictError while a delivery is waiting, unless
        `cancel` cancels it first, and while an attempt is running.
        """
        history = self.reader.event(tenant, event_id)
        self._cancel_waiting(history, cancel=cancel)
        erasure = history.event.erasure or self._mark_event(history, by)
        if not self._erase_deliveries(tenant, event_id):
            raise _attempt_running()
        return erasure

    def _cancel_waiting(self, history: EventHistory, *, cancel: bool) -> None:
        waiting = [
            each.delivery
            for each in history.records.values()
            if each.delivery.status in state.TO_COME
        ]
        missing = [
            each
            for each in history.decisions
            if each.verdict in items.DELIVERED_VERDICTS and each.endpoint_id not in history.records
        ]
        if not waiting and not missing:
            return
        if not cancel:
            raise ConflictError(
                f"{len(waiting) + len(missing)} deliveries of the event are not finished:"
                " wait, or erase with cancel=true",
                code="deliveries_to_come",
            )
        if missing and not self._claim_event(history):
            raise _attempt_running()
        moved = [self._cancel(each) for each in waiting]
        moved += [self._put_cancelled(history, each) for each in missing]
        if not all(moved):
            raise _attempt_running()

    def _claim_event(self, history: EventHistory) -> bool:
        """False while a dispatcher works on the event; the claim expires at once."""
        now = self.now()
        claim = Claim("erasing", now, now - timedelta(seconds=1))
        return self.log.reclaim_event(history.event.tenant, history.event.id, claim)

    def _cancel(self, before: Delivery) -> bool:
        after = state.cancelled(before, state.ERASED)
        return self.log.move_delivery(before, after, now=self.now())

    def _put_cancelled(self, history: EventHistory, decision: Decision) -> bool:
        delivery = state.begun(
            history.event,
            decision.endpoint_id,
            decision.endpoint_version,
            created_at=history.recorded_at,
            expires_at=history.expires_at,
        )
        return self.log.put_delivery(state.cancelled(delivery, state.ERASED), StoredBody())

    def _mark_event(self, history: EventHistory, by: str) -> Erasure:
        """Replace the event by one without payload that carries the sizes of what was erased."""
        event = history.event
        data = json.dumps(event.data, separators=(",", ":"), ensure_ascii=False)
        erasure = Erasure(
            at=self.now(),
            by=by,
            data_bytes=len(data.encode()),
            body_bytes={
                endpoint_id: len(body)
                for endpoint_id, record in history.records.items()
                if (body := body_of(event, record)) is not None
            },
        )
        erased: Item = {
            "data": {},
            "change": None,
            "cloud": None,
            "warnings": (),
            "erasure": erasure,
        }
        decisions = tuple(map(_without_quotes, history.decisions))
        document = items.event_document(event.model_copy(update=erased), decisions)
        self.table.update(
            items.event_key(event.tenant, event.id),
            {
                "document": document,
                "erased": True,
                **history.refusals.without_digests().attributes,
            },
            condition=_EXISTS,
            values={},
        )
        return erasure

    def _erase_deliveries(self, tenant: str, event_id: str) -> bool:
        """Erase each item; False when a delivery changed meanwhile or an attempt is running.

        A delivery sorts before its attempts: once it is erased, no attempt can be added.
        """
        key = items.event_key(tenant, event_id)
        for row in self.table.query("#pk = :pk", {"pk": key["pk"]}):
            if row["sk"] == key["sk"] or row.get("erased"):
                continue
            if row.get("status") in state.TO_COME:
                return False
            try:
                self._erase_item(row)
            except ConditionFailed:
                return False
        return True

    def _erase_item(self, row: Item) -> None:
        condition, values = _EXISTS, {}
        changes: Item = {"erased": True}
        if "attempt" in row:
            attempt = _without_payload(items.read_attempt(row["attempt"]))
            changes["attempt"] = items.pack_attempt(attempt)
        if "status" in row:
            changes |= {"body": None, "body_mode": None, "body_sha256": None}
            condition = f"{AS_BEFORE} AND {UNCLAIMED}"
            values = {"status": row["status"], "attempt_count": row["attempt_count"]}
            values["now"] = int(self.now().timestamp())
        key = {"pk": row["pk"], "sk": row["sk"]}
        self.table.update(key, changes, condition=condition, values=values)


def _without_quotes(decision: Decision) -> Decision:
    return replace(decision, reason=None) if decision.verdict in _QUOTING_VERDICTS else decision


def _without_payload(attempt: Attempt) -> Attempt:
    headers = attempt.request.headers
    headers = {name: headers[name] for name in headers if name != "webhook-signature"}
    return attempt.model_copy(
        update={
            "advice": "",
            "request": attempt.request.model_copy(update={"headers": headers}),
            "response": attempt.response and _without_body(attempt.response),
        }
    )


def _without_body(response: Response) -> Response:
    binary = response.body_base64
    size = len(b64decode(binary) if binary else response.body.encode())
    return response.model_copy(
        update={"headers": {}, "body": "", "body_base64": None, "erased_bytes": size}
    )


def _attempt_running() -> ConflictError:
    return ConflictError("an attempt is running: try again in a moment", code="attempt_running")
