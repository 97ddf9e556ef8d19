"""Jobs as callers use them: count, start, watch, pause, resume, cancel; and resume an endpoint."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from itertools import islice

from posthorn.aws.config_table import ConfigStore
from posthorn.core import api_examples as examples
from posthorn.core import ids
from posthorn.core.errors import ConflictError, InvalidError, NotFoundError, Violation
from posthorn.deliveries.filters import DeliveryFilter
from posthorn.deliveries.reader import DeliveryReader
from posthorn.endpoints.service import EndpointService
from posthorn.jobs import model as job
from posthorn.jobs.model import OF_HELD, SECOND_LOOK, Job, JobCounts, JobKind
from posthorn.jobs.progress import JobTracker
from posthorn.jobs.runner import JobExecutions
from posthorn.jobs.store import JobRequest, JobStore
from posthorn.models import DeliveryStatus, EffectiveLimits, Endpoint, EndpointStatus, Model, Time
from posthorn.models.paging import check_cursor, cut_page

MOST_RUNNING = 5  # jobs of one tenant that start deliveries at the same time
MOST_COUNTED = 10_000
MOST_COUNT_SECONDS = 10  # an HTTP API gives up after 30
COUNT_PAGE = 500
JOBS_LOOKED_AT = 100  # the newest, to find those that run


class HeldAction(StrEnum):
    DRAIN = "drain"  # deliver it, oldest first
    DISCARD = "discard"  # cancel it
    KEEP = "keep"  # leave it held, for a job later on


class JobEstimate(Model):
    """How many deliveries a filter finds, and of when. Not `complete`: there are more than that."""

    model_config = examples.shown(
        {
            "matched": 412,
            "complete": True,
            "oldest": "2026-11-22T00:03:11.120Z",
            "newest": "2026-11-23T09:58:02.008Z",
        }
    )

    matched: int
    complete: bool
    oldest: Time | None
    newest: Time | None


@dataclass(frozen=True)
class JobService:
    config: ConfigStore
    reader: DeliveryReader
    store: JobStore
    runs: JobExecutions
    progress: JobTracker
    limits: Callable[[str], EffectiveLimits]
    now: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]

    def count(self, tenant: str, kind: JobKind, wanted: DeliveryFilter) -> JobEstimate:
        """Count what a job of this kind would find, up to MOST_COUNTED or MOST_COUNT_SECONDS."""
        return self._counted(tenant, kind, self._checked(kind, wanted))

    def start(
        self,
        tenant: str,
        kind: JobKind,
        wanted: DeliveryFilter,
        *,
        rate_per_second: float,
        by: str,
        asked: JobRequest | None = None,
    ) -> Job:
        """Record the job, then start its execution; if we die in between, the sweeper does.

        Asked again with the same key, it answers with the job that was made first.
        """
        known = self.store.asked_before(tenant, asked) if asked else None
        if known:
            return self._at_work(known)
        wanted = self._checked(kind, wanted)
        self._check_room(tenant)
        counted = self._counted(tenant, kind, wanted)
        now = self.now()
        fresh = Job(
            id=ids.new("job", now, self.random_bytes(ids.RANDOM_BYTES)),
            tenant=tenant,
            kind=kind,
            wanted=wanted,
            rate_per_second=rate_per_second,
            matched=counted.matched,
            counted_all=counted.complete,
            looks_again_at=now + SECOND_LOOK if kind in OF_HELD else None,
            next_step_at=now,
            created_at=now,
            created_by=by,
            updated_at=now,
            expires_at=now + self.limits(tenant).retention,
        )
        if not self.store.create(fresh, asked) and asked:
            fresh = self.store.asked_before(tenant, asked) or fresh
        return self._at_work(fresh)

    def job(self, tenant: str, job_id: str) -> tuple[Job, JobCounts]:
        found = self.store.job(tenant, job_id) if ids.is_id("job", job_id) else None
        if found is None:
            raise NotFoundError("there is no such job")
        return found, self.progress.of([job_id])[job_id]

    def jobs(
        self, tenant: str, *, limit: int, cursor: str | None = None
    ) -> tuple[list[tuple[Job, JobCounts]], str | None]:
        """One page, newest first, and the cursor of the next."""
        check_cursor(cursor, partial(ids.is_id, "job"))
        found = self.store.jobs(tenant, page=limit + 1, below=cursor)
        page, next_cursor = cut_page(found, limit, lambda each: each.id)
        progress = self.progress.of([each.id for each in page])
        return [(each, progress[each.id]) for each in page], next_cursor

    def pause(self, tenant: str, job_id: str, *, by: str) -> Job:
        return self._changed(tenant, job_id, partial(job.paused, now=self.now(), by=by))

    def resume(self, tenant: str, job_id: str) -> Job:
        if not self.job(tenant, job_id)[0].is_starting:
            self._check_room(tenant)
        return self._changed(tenant, job_id, partial(job.resumed, now=self.now()))

    def cancel(self, tenant: str, job_id: str, *, by: str) -> Job:
        """End it. Deliveries that it has started go on."""
        return self._changed(tenant, job_id, partial(job.cancelled, now=self.now(), by=by))

    def change_rate(self, tenant: str, job_id: str, rate_per_second: float) -> Job:
        change = partial(job.at_rate, rate_per_second=rate_per_second, now=self.now())
        return self._changed(tenant, job_id, change)

    def running(self, tenant: str) -> list[Job]:
        """Those that start deliveries now, newest first."""
        newest = islice(self.store.jobs(tenant, page=JOBS_LOOKED_AT), JOBS_LOOKED_AT)
        return [each for each in newest if each.is_starting]

    def _changed(self, tenant: str, job_id: str, change: Callable[[Job], Job]) -> Job:
        self.job(tenant, job_id)
        return self._at_work(self.store.change(tenant, job_id, change))

    def _at_work(self, of: Job) -> Job:
        if of.next_step_at is not None:
            self.runs.start(of)
        return of

    def _checked(self, kind: JobKind, wanted: DeliveryFilter) -> DeliveryFilter:
        if not all(ids.is_id("ep", each) for each in wanted.endpoint_ids):
            raise InvalidError.of([Violation("/filter/endpoint", "is not the id of an endpoint")])
        if wanted.event_id is not None and not ids.is_id("evt", wanted.event_id):
            raise InvalidError.of([Violation("/filter/event_id", "is not the id of an event")])
        return job.wanted_by(kind, wanted, self.now())

    def _check_room(self, tenant: str) -> None:
        if len(self.running(tenant)) >= MOST_RUNNING:
            raise ConflictError(
                f"{MOST_RUNNING} jobs are running: wait for one, or pause one",
                code="too_many_jobs",
            )

    def _endpoint_ids(self, tenant: str, kind: JobKind) -> Sequence[str]:
        if kind is JobKind.EXPORT:
            return self.reader.all_endpoints(tenant)
        return [each.id for each in self.config.endpoints(tenant)]

    def _counted(self, tenant: str, kind: JobKind, wanted: DeliveryFilter) -> JobEstimate:
        until = self.now().timestamp() + MOST_COUNT_SECONDS
        matched, oldest, newest = 0, None, None
        for endpoint_id in wanted.endpoint_ids or self._endpoint_ids(tenant, kind):
            of_one = wanted.model_copy(update={"endpoint_ids": (endpoint_id,)})
            position = None
            while True:
                if matched >= MOST_COUNTED or self.now().timestamp() > until:
                    return JobEstimate(
                        matched=matched, complete=False, oldest=oldest, newest=newest
                    )
                found, position = self.reader.lists.page(
                    tenant, of_one, limit=COUNT_PAGE, after=position
                )
                matched += len(found)
                for each in found:
                    oldest = min(oldest or each.created_at, each.created_at)
                    newest = max(newest or each.created_at, each.created_at)
                if position is None:
                    break
        return JobEstimate(matched=matched, complete=True, oldest=oldest, newest=newest)


@dataclass(frozen=True)
class EndpointResumer:
    configuration: EndpointService
    jobs: JobService

    def resume(
        self,
        tenant: str,
        endpoint_id: str,
        held: HeldAction,
        *,
        rate_per_second: float,
        by: str,
        expected_version: int | None = None,
    ) -> tuple[Endpoint, Job | None]:
        """Enable the endpoint, then start the job. Asking again, it goes on where it broke off."""
        endpoint = self.configuration.expected(tenant, endpoint_id, expected_version)
        if endpoint.status is not EndpointStatus.ENABLED:
            endpoint = self.configuration.change(
                tenant, endpoint_id, {"status": "enabled"}, by=by, expected_version=expected_version
            )
        if held is HeldAction.KEEP:
            return endpoint, None
        kind = JobKind(held)
        of_it = DeliveryFilter(endpoint_ids=(endpoint_id,), status=DeliveryStatus.HELD)
        for running in self.jobs.running(tenant):
            if (running.kind, running.wanted) == (kind, of_it):
                return endpoint, running
        job = self.jobs.start(tenant, kind, of_it, rate_per_second=rate_per_second, by=by)
        return endpoint, job
