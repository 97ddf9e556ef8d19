"""Deliveries whose next attempt should have been made by now, and why it was not yet."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from posthorn.deliveries.state import WAITING
from posthorn.dispatch.sweeper import GRACE
from posthorn.models import Delivery, Endpoint, Model, Time
from posthorn.monitoring.inventory import DeliverySnapshot

# The sweeper finds an overdue delivery within a minute; the rest is for a dispatcher to receive it
# again after a crash (visibility timeout of 6 minutes).
FOUND_WITHIN = GRACE + timedelta(minutes=8)


class Overdue(Model):
    """`due_at` is null where no next attempt is set at all: nothing would ever wake it."""

    tenant: str
    delivery_id: str
    endpoint_id: str
    due_at: Time | None
    explanation: str | None


def is_overdue(delivery: Delivery, now: datetime) -> bool:
    due = delivery.next_attempt_at
    return delivery.status in WAITING and (due is None or due < now - GRACE)


def explained(
    standings: Iterable[DeliverySnapshot],
    endpoints: Mapping[str, Endpoint],
    *,
    backlog: int,
    now: datetime,
) -> list[Overdue]:
    """Say of each overdue one why; those without a reason are what somebody must look at.

    `backlog` is how many messages RetryQueue has. It explains the others if it holds that many.
    """
    found = list(_by_itself(standings, endpoints, now))
    rest = [each for each in found if each.explanation is None and each.due_at]
    if len(rest) > backlog:
        return found
    behind = {each.delivery_id for each in rest}
    reason = "RetryQueue has not come to it yet"
    return [
        each.model_copy(update={"explanation": reason}) if each.delivery_id in behind else each
        for each in found
    ]


def _by_itself(
    standings: Iterable[DeliverySnapshot], endpoints: Mapping[str, Endpoint], now: datetime
) -> Iterator[Overdue]:
    for standing in standings:
        delivery = standing.delivery
        if is_overdue(delivery, now):
            yield Overdue(
                tenant=delivery.tenant,
                delivery_id=delivery.id,
                endpoint_id=delivery.endpoint_id,
                due_at=delivery.next_attempt_at,
                explanation=_explanation(standing, endpoints.get(delivery.endpoint_id), now),
            )


def _explanation(
    standing: DeliverySnapshot, endpoint: Endpoint | None, now: datetime
) -> str | None:
    due = standing.delivery.next_attempt_at
    if standing.claimed_until and standing.claimed_until > now:
        return "an attempt is being made"
    if due is None:
        return None
    if due > now - FOUND_WITHIN:
        return "the sweeper puts it back"
    if endpoint and endpoint.health.slow:
        return "its endpoint is slow, and takes few at a time"
    return None
