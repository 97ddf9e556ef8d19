"""The deliveries of a job, page by page: endpoint by endpoint, those of each oldest first."""

from collections.abc import Iterator, Sequence

from posthorn.deliveries.filters import Order
from posthorn.deliveries.page_walk import Position
from posthorn.deliveries.queries import LogLists
from posthorn.jobs.model import Job
from posthorn.jobs.store import Batch

# A step looks at so many pages before it ends without a delivery, and another one goes on.
PAGES_IN_STEP = 20
_END = "~"  # the position behind the last delivery of an endpoint


def following(of: Job, lists: LogLists, endpoint_ids: Sequence[str]) -> Iterator[Batch]:
    """Yield the pages that follow the job's position, up to PAGES_IN_STEP."""
    endpoint_ids = sorted(of.wanted.endpoint_ids or endpoint_ids)
    position = of.position or ""
    for _ in range(PAGES_IN_STEP):
        at, _, sort_key = position.partition("#")
        left = [each for each in endpoint_ids if each > at or (each == at and sort_key != _END)]
        if not left:
            return
        wanted = of.wanted.model_copy(update={"endpoint_ids": (left[0],), "order": Order.OLDEST})
        after = Position(sort_key, at) if left[0] == at else None
        found, ended = lists.page(of.tenant, wanted, limit=of.slice_size, after=after)
        position = f"{left[0]}#{ended.sort_key if ended else _END}"
        yield Batch(
            number=of.slices + 1,
            endpoint_id=left[0],
            event_ids=tuple(each.event_id for each in found),
            position=position,
            is_last=ended is None and left[0] == endpoint_ids[-1],
        )


def none_left(of: Job) -> Batch:
    """The last slice of a job that has come to the end of its deliveries."""
    return Batch(
        number=of.slices + 1,
        endpoint_id="",
        event_ids=(),
        position=of.position or "",
        is_last=True,
    )
