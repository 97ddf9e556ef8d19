"""Erases in LogTable, item by item. What is erased says so, and nothing moves it any more."""

from dataclasses import dataclass
from datetime import datetime

from posthorn.aws.dynamodb import ConditionFailed, Table
from posthorn.deliveries import erasure_rules as erasure
from posthorn.deliveries import items
from posthorn.deliveries import state as progress
from posthorn.deliveries.store import AS_BEFORE, UNCLAIMED
from posthorn.models import Event, Item
from posthorn.subscriptions.matching import Decision

_THERE = "attribute_exists(#pk)"


@dataclass(frozen=True)
class LogEraser:
    table: Table

    def mark(self, event: Event, decisions: tuple[Decision, ...]) -> None:
        """Put this event, which is without payload now, in place of the one that had it."""
        self.table.update(
            items.event_key(event.tenant, event.id),
            {"document": items.event_document(event, decisions), "erased": True},
            condition=_THERE,
            values={},
        )

    def erase_deliveries(self, tenant: str, event_id: str, *, now: datetime) -> bool:
        """Erase what is not yet erased; False when a delivery moved, or an attempt is being made.

        A delivery comes before its attempts: once it is erased, none can be added to them.
        """
        key = items.event_key(tenant, event_id)
        for row in self.table.query("#pk = :pk", {"pk": key["pk"]}):
            if row["sk"] == key["sk"] or row.get("erased"):
                continue
            if row.get("status") in progress.TO_COME:
                return False
            try:
                self._erase(row, now)
            except ConditionFailed:
                return False
        return True

    def _erase(self, row: Item, now: datetime) -> None:
        condition, values = _THERE, {}
        changes: Item = {"erased": True}
        if "attempt" in row:
            left = erasure.of_attempt(items.read_attempt(row["attempt"]))
            changes["attempt"] = items.pack_attempt(left)
        if "status" in row:
            changes |= {"body": None, "body_mode": None, "body_sha256": None}
            condition = f"{AS_BEFORE} AND {UNCLAIMED}"
            values = {"status": row["status"], "attempt_count": row["attempt_count"]}
            values["now"] = int(now.timestamp())
        self.table.update(_key(row), changes, condition=condition, values=values)


def _key(row: Item) -> Item:
    return {"pk": row["pk"], "sk": row["sk"]}
