"""Overdue deliveries: their next attempt is late; and the reasons why."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from posthorn.deliveries.state import WAITING
from posthorn.dispatch.sweeper import GRACE
from posthorn.models import Delivery, Endpoint, Model, Time
from posthorn.monitoring.inventory import DeliverySnapshot

# The sweeper finds an overdue delivery within a minute; the rest is for a dispatcher to receive it
# again after a crash (visibility timeout of 6 minutes).
REPAIRED_WITHIN = GRACE + timedelta(minutes=8)


class Overdue(Model):
    """`due_at` is None when no next attempt is set: the delivery would never be attempted."""

    tenant: str
    delivery_id: str
    endpoint_id: str
    due_at: Time | None
    explanation: str | None


def is_overdue(delivery: Delivery, now: datetime) -> bool:
    due = delivery.next_attempt_at
    return delivery.status in WAITING and (due is None or due < now - GRACE)


def explained(
    snapshots: Iterable[DeliverySnapshot],
    endpoints: Mapping[str, Endpoint],
    *,
    backlog: int,
    now: datetime,
) -> list[Overdue]:
    """Return the overdue deliveries, each with its explanation; those without one need attention.

    `backlog` is the length of RetryQueue, which explains the rest if it is at least as long.
    """
    found = list(_explained_alone(snapshots, endpoints, now))
    rest = [each for each in found if each.explanation is None and each.due_at]
    if len(rest) > backlog:
        return found
    behind = {each.delivery_id for each in rest}
    reason = "it waits in RetryQueue"
    return [
        each.model_copy(update={"explanation": reason}) if each.delivery_id in behind else each
        for each in found
    ]


def _explained_alone(
    snapshots: Iterable[DeliverySnapshot], endpoints: Mapping[str, Endpoint], now: datetime
) -> Iterator[Overdue]:
    for snapshot in snapshots:
        delivery = snapshot.delivery
        if is_overdue(delivery, now):
            yield Overdue(
                tenant=delivery.tenant,
                delivery_id=delivery.id,
                endpoint_id=delivery.endpoint_id,
                due_at=delivery.next_attempt_at,
                explanation=_explanation(snapshot, endpoints.get(delivery.endpoint_id), now),
            )


def _explanation(
    snapshot: DeliverySnapshot, endpoint: Endpoint | None, now: datetime
) -> str | None:
    due = snapshot.delivery.next_attempt_at
    if snapshot.claimed_until and snapshot.claimed_until > now:
        return "an attempt is being made"
    if due is None:
        return None
    if due > now - REPAIRED_WITHIN:
        return "the sweeper queues it again"
    if endpoint and endpoint.health.slow:
        return "its endpoint is slow, and gets few requests at a time"
    return None
