"""Jobs in LogTable.

jobs#{tenant}    {job id}     the job; in the index `due` while it needs an execution
jobs#{tenant}    key#{hash}   the job that a request with this idempotency key made
job#{job id}     slice        the current batch, fixed before it is done
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from posthorn.aws.dynamodb import ConditionFailed, Table
from posthorn.core.errors import ConflictError, NotFoundError, UnavailableError
from posthorn.jobs.model import BatchOutcome, Job, Skipped
from posthorn.models import Item, Model, expiry, iso

_ABSENT = "attribute_not_exists(#pk)"
_DUE = "jobs"  # the partition of `due` that holds jobs; the others hold deliveries
_TRIES = 5  # a step, the sweeper and people may change the same job at once


class Batch(Model):
    """The deliveries of one batch, all of one endpoint, and the position of the next batch."""

    number: int
    endpoint_id: str
    event_ids: tuple[str, ...]
    position: str
    is_last: bool

    def outcome(self, skipped: Counter[Skipped]) -> BatchOutcome:
        """The outcome after all deliveries but the skipped ones were started."""
        size = len(self.event_ids)
        started = size - skipped.total()
        return BatchOutcome(self.number, size, started, skipped, self.position, self.is_last)


@dataclass(frozen=True)
class JobRequest:
    """An idempotency key, and the first request that had it."""

    key: str
    request: str

    @property
    def sort_key(self) -> str:
        return f"key#{_digest(self.key)}"


@dataclass(frozen=True)
class JobStore:
    table: Table

    def create(self, job: Job, asked: JobRequest | None = None) -> bool:
        """Record a new job; False when its idempotency key was used before."""
        rows = [_item(job)]
        if asked:
            key = _key(job.tenant, asked.sort_key)
            noted = {"job_id": job.id, "request": _digest(asked.request), **expiry(job.expires_at)}
            rows.append({**key, **noted})
        puts = [{"Put": self.table.put_request(row, condition=_ABSENT)} for row in rows]
        try:
            self.table.write_together(puts)
        except ConditionFailed:
            return False
        return True

    def made_by(self, tenant: str, asked: JobRequest) -> Job | None:
        """The job that this key made; ConflictError when it was used for another request."""
        item = self.table.get(_key(tenant, asked.sort_key))
        if item is None:
            return None
        if item["request"] != _digest(asked.request):
            raise ConflictError(
                "the idempotency key was used for another request", code="idempotency_key_reused"
            )
        return self.job(tenant, item["job_id"])

    def job(self, tenant: str, job_id: str) -> Job | None:
        item = self.table.get(_key(tenant, job_id))
        return _job(item) if item else None

    def jobs(self, tenant: str, *, page: int, below: str | None = None) -> Iterator[Job]:
        """Yield the tenant's jobs, newest first, starting below an id."""
        last = below or "job_~"  # sorts after every id
        rows = self.table.query(
            "#pk = :pk AND #sk BETWEEN :first AND :last",
            {"pk": _key(tenant, "")["pk"], "first": "job_", "last": last},
            newest_first=True,
            page=page,
        )
        return (_job(row) for row in rows if row["sk"] != below)

    def change(self, tenant: str, job_id: str, change: Callable[[Job], Job]) -> Job:
        """Apply `change` to the current job and write the result, which is returned."""
        for _ in range(_TRIES):
            before = self.job(tenant, job_id)
            if before is None:
                raise NotFoundError("there is no such job")
            after = change(before)
            if after == before:
                return before
            after = after.model_copy(update={"revision": before.revision + 1})
            try:
                self.table.put(
                    _item(after),
                    condition="#revision = :before",
                    values={"before": before.revision},
                )
            except ConditionFailed:
                continue
            return after
        raise UnavailableError("too many changes of the job at the same time")

    def overdue(self, moment: datetime) -> Iterator[tuple[str, str]]:
        """Yield tenant and id of each job whose next step was due before `moment`."""
        rows = self.table.query(
            "#due_pk = :due_pk AND #due_sk < :moment",
            {"due_pk": _DUE, "moment": iso(moment)},
            index="due",
        )
        return ((row["pk"].partition("#")[2], row["sk"]) for row in rows)

    def current_batch(self, job: Job) -> Batch | None:
        """The batch that is fixed and not counted yet."""
        item = self.table.get(_batch_key(job))
        batch = Batch.model_validate_json(item["document"]) if item else None
        return batch if batch and batch.number == job.batches + 1 else None

    def pin_batch(self, job: Job, batch: Batch) -> Batch:
        """Fix the next batch and return it, or the one that another step fixed first.

        UnavailableError when the job is at a later batch already.
        """
        item = {
            **_batch_key(job),
            "number": batch.number,
            "document": batch.model_dump_json(),
            **expiry(job.expires_at),
        }
        try:
            self.table.put(
                item, condition=f"{_ABSENT} OR #number < :number", values={"number": batch.number}
            )
        except ConditionFailed:
            pinned = self.current_batch(job)
            if pinned is None:
                raise UnavailableError("another step has continued the job") from None
            return pinned
        return batch


def _item(job: Job) -> Item:
    due = {"due_pk": _DUE, "due_sk": iso(job.next_step_at)} if job.next_step_at else {}
    return {
        **_key(job.tenant, job.id),
        "revision": job.revision,
        "document": job.model_dump_json(exclude_defaults=True),
        **due,
        **expiry(job.expires_at),
    }


def _key(tenant: str, sort_key: str) -> Item:
    return {"pk": f"jobs#{tenant}", "sk": sort_key}


def _batch_key(job: Job) -> Item:
    return {"pk": f"job#{job.id}", "sk": "slice"}


def _job(item: Item) -> Job:
    return Job.model_validate_json(item["document"])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
