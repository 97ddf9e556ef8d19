"""Jobs in LogTable (layout below); what stands beside them is found by the job's id.

jobs#{tenant}    {job id}     the job; in the index `due` while an execution is to work on it
jobs#{tenant}    key#{hash}   which job a request with this idempotency key made
job#{job id}     slice        the slice in hand: fixed before it is done
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from posthorn.aws.dynamodb import ConditionFailed, Table
from posthorn.core.errors import ConflictError, NotFoundError, UnavailableError
from posthorn.jobs.model import Job
from posthorn.models import Item, Model, expiry, iso

_ABSENT = "attribute_not_exists(#pk)"
_DUE = "jobs"  # the partition of `due`, beside those of deliveries
_TRIES = 5  # against a step, the sweeper and people who change the same job


class Batch(Model):
    """The deliveries of one slice, all of one endpoint, and where the next slice begins."""

    number: int
    endpoint_id: str
    event_ids: tuple[str, ...]
    position: str
    is_last: bool


@dataclass(frozen=True)
class JobRequest:
    """An idempotency key, and what it was first used for."""

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
        if asked is None:
            self.table.put(_item(job), condition=_ABSENT)
            return True
        put = self.table.put_request(_item(job), condition=_ABSENT)
        noted = {
            **_key(job.tenant, asked.sort_key),
            "job_id": job.id,
            "request": _digest(asked.request),
            **expiry(job.expires_at),
        }
        key = self.table.put_request(noted, condition=_ABSENT)
        try:
            self.table.write_together([{"Put": put}, {"Put": key}])
        except ConditionFailed:
            return False
        return True

    def asked_before(self, tenant: str, asked: JobRequest) -> Job | None:
        """The job that this key made; ConflictError when it was another request."""
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
        """Yield the tenant's jobs, newest first, from below an id or from the newest."""
        last = below or "job_~"  # sorts after every id
        rows = self.table.query(
            "#pk = :pk AND #sk BETWEEN :first AND :last",
            {"pk": _key(tenant, "")["pk"], "first": "job_", "last": last},
            newest_first=True,
            page=page,
        )
        return (_job(row) for row in rows if row["sk"] != below)

    def change(self, tenant: str, job_id: str, change: Callable[[Job], Job]) -> Job:
        """Write what `change` makes of the job as it is now, and return it as it then is."""
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
        raise UnavailableError("the job is changed by too many at once")

    def overdue(self, moment: datetime) -> Iterator[tuple[str, str]]:
        """Yield tenant and id of each job whose next step was due before `moment`."""
        rows = self.table.query(
            "#due_pk = :due_pk AND #due_sk < :moment",
            {"due_pk": _DUE, "moment": iso(moment)},
            index="due",
        )
        return ((row["pk"].partition("#")[2], row["sk"]) for row in rows)

    def hand(self, job: Job) -> Batch | None:
        """The slice that was fixed and is not counted yet."""
        item = self.table.get(_hand_key(job))
        hand = Batch.model_validate_json(item["document"]) if item else None
        return hand if hand and hand.number == job.slices + 1 else None

    def pin_batch(self, job: Job, hand: Batch) -> Batch:
        """Fix the next slice, and return it; one that was fixed meanwhile comes first.

        Raise UnavailableError when the job is further on: this step is a late one.
        """
        item = {
            **_hand_key(job),
            "number": hand.number,
            "document": hand.model_dump_json(),
            **expiry(job.expires_at),
        }
        try:
            self.table.put(
                item, condition=f"{_ABSENT} OR #number < :number", values={"number": hand.number}
            )
        except ConditionFailed:
            fixed = self.hand(job)
            if fixed is None:
                raise UnavailableError("another step has gone on with the job") from None
            return fixed
        return hand


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


def _hand_key(job: Job) -> Item:
    return {"pk": f"job#{job.id}", "sk": "slice"}


def _job(item: Item) -> Job:
    return Job.model_validate_json(item["document"])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
