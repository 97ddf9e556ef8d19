"""Reads of whole ranges of the log, by its indexes and by its items, for checks and warnings."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from posthorn.aws.dynamodb import Table
from posthorn.deliveries import items
from posthorn.models import Delivery, DeliveryStatus, Item, iso

READ_AT_ONCE = 100  # the limit of BatchGetItem


@dataclass(frozen=True)
class DeliverySnapshot:
    """A delivery by a consistent read of its item.

    `states` has the status in each part of the item: more than one is an error.
    """

    delivery: Delivery
    states: frozenset[str]
    claimed_until: datetime | None


@dataclass(frozen=True)
class Inventory:
    table: Table

    def deliveries(
        self, tenant: str, endpoint_id: str, since: datetime, until: datetime
    ) -> Iterator[Delivery]:
        """Yield the endpoint's deliveries of a range by the index `by_endpoint`, without tests."""
        keys = items.endpoint_partitions(tenant, endpoint_id)
        found = self._of_range("by_endpoint", "endpoint_pk", keys, since, until)
        return (each for each in found if not each.test)

    def with_status(
        self,
        tenant: str,
        endpoint_id: str,
        status: DeliveryStatus,
        since: datetime,
        until: datetime,
    ) -> Iterator[Delivery]:
        """Yield the endpoint's deliveries of a range by the index `by_status`."""
        keys = items.status_partitions(tenant, endpoint_id, status)
        return self._of_range("by_status", "status_pk", keys, since, until)

    def _of_range(
        self, index: str, attribute: str, keys: Iterable[str], since: datetime, until: datetime
    ) -> Iterator[Delivery]:
        # `endpoint_sk` is the time followed by the event, so `until` itself is not included.
        condition = f"#{attribute} = :key AND #endpoint_sk BETWEEN :since AND :until"
        for key in keys:
            values = {"key": key, "since": iso(since), "until": iso(until)}
            yield from map(items.read_delivery, self.table.query(condition, values, index=index))

    def snapshots(self, keys: Iterable[Item]) -> Iterator[DeliverySnapshot]:
        """Yield the existing deliveries among these keys of items."""
        rest = iter(keys)
        while some := list(islice(rest, READ_AT_ONCE)):
            yield from map(_snapshot, self.table.get_many(some))

    def expected(
        self, tenant: str, since: datetime, until: datetime
    ) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the id of each published event of a range, with the ids of its endpoints.

        Reads the whole table: no index has events.
        """
        for row in self.table.scan(
            "#sk = :event AND begins_with(#pk, :tenant) AND #recorded_at BETWEEN :since AND :last"
            " AND attribute_exists(#wanted)",
            {
                "event": "event",
                "tenant": f"{tenant}#",
                "since": items.milliseconds(since),
                "last": items.milliseconds(until) - 1,
            },
        ):
            event, decisions = items.read_event(row)
            yield (
                event.id,
                tuple(d.endpoint_id for d in decisions if d.verdict in items.DELIVERED_VERDICTS),
            )


def _snapshot(item: Item) -> DeliverySnapshot:
    delivery = items.read_delivery(item)
    listed = items.status_of_partition(item["status_pk"]) if "status_pk" in item else None
    states = {item["status"], delivery.status.value, listed or DeliveryStatus.SUCCEEDED.value}
    claimed = item.get("claim_until")
    return DeliverySnapshot(
        delivery=delivery,
        states=frozenset(states - ({DeliveryStatus.SUCCEEDED.value} if delivery.test else set())),
        claimed_until=datetime.fromtimestamp(claimed, UTC) if claimed else None,
    )
