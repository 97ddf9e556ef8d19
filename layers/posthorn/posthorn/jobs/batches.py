"""The deliveries of a job in batches: one endpoint after another, those of each oldest first."""

from collections.abc import Callable, Iterator, Sequence

from posthorn.deliveries.filters import Order
from posthorn.deliveries.page_walk import Position
from posthorn.deliveries.queries import LogLists
from posthorn.jobs.model import Job
from posthorn.jobs.store import Batch

# A step reads at most this many pages; when none has a delivery, the next step continues.
PAGES_IN_STEP = 20
_END = "~"  # the position after the last delivery of an endpoint


def next_batch(
    job: Job,
    lists: LogLists,
    endpoint_ids: Sequence[str],
    *,
    narrow: Callable[[Batch], Batch] = lambda batch: batch,
) -> Batch:
    """The first batch after the job's position that is not empty once `narrow` has been applied."""
    batch = empty(job)
    for page in _pages(job, lists, endpoint_ids):
        batch = narrow(page)
        if batch.event_ids:
            break
    return batch


def empty(job: Job) -> Batch:
    """The last batch of a job that has reached the end of its deliveries."""
    return Batch(
        number=job.batches + 1,
        endpoint_id="",
        event_ids=(),
        position=job.position or "",
        is_last=True,
    )


def _pages(job: Job, lists: LogLists, endpoint_ids: Sequence[str]) -> Iterator[Batch]:
    endpoint_ids = sorted(job.filter.endpoint_ids or endpoint_ids)
    position = job.position or ""
    for _ in range(PAGES_IN_STEP):
        at, _, sort_key = position.partition("#")
        left = [each for each in endpoint_ids if each > at or (each == at and sort_key != _END)]
        if not left:
            return
        changes = {"endpoint_ids": (left[0],), "order": Order.OLDEST}
        after = Position(sort_key, at) if left[0] == at else None
        found, ended = lists.page(
            job.tenant, job.filter.model_copy(update=changes), limit=job.batch_size, after=after
        )
        position = f"{left[0]}#{ended.sort_key if ended else _END}"
        yield Batch(
            number=job.batches + 1,
            endpoint_id=left[0],
            event_ids=tuple(each.event_id for each in found),
            position=position,
            is_last=ended is None and left[0] == endpoint_ids[-1],
        )
