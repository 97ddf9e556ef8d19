"""Jobs as their callers use them: count, start, watch, pause, resume and cancel."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from itertools import islice

from posthorn.aws.config_table import ConfigStore
from posthorn.core import api_examples, ids
from posthorn.core.errors import ConflictError, NotFoundError
from posthorn.deliveries.filters import DeliveryFilter, check_ids
from posthorn.deliveries.reader import DeliveryReader
from posthorn.endpoints.service import EndpointService
from posthorn.jobs import transitions
from posthorn.jobs.model import OF_HELD, SECOND_LOOK, Job, JobCounts, JobKind
from posthorn.jobs.runner import JobExecutions
from posthorn.jobs.store import JobRequest, JobStore
from posthorn.jobs.tracker import JobTracker
from posthorn.models import DeliveryStatus, EffectiveLimits, Endpoint, EndpointStatus, Model, Time
from posthorn.models.paging import check_cursor, cut_page

MAX_RUNNING = 5  # jobs of one tenant that start deliveries at the same time
DISCARD_RATE = 100.0  # per second, the highest of a job; it sends nothing
MAX_COUNTED = 10_000
MAX_COUNT_SECONDS = 10  # an HTTP API gives up after 30
COUNT_PAGE = 500
NEWEST_JOBS = 100  # are searched for running ones


class HeldAction(StrEnum):
    """The decision about the held deliveries of an endpoint that is enabled again."""

    DRAIN = "drain"  # deliver them, oldest first
    DISCARD = "discard"  # cancel them
    KEEP = "keep"  # leave them held, for a later job


class JobEstimate(Model):
    """The deliveries that match a filter. When `complete` is false, more than `matched` do."""

    model_config = api_examples.shown(
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
    executions: JobExecutions
    tracker: JobTracker
    limits: Callable[[str], EffectiveLimits]
    now: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]

    def count(self, tenant: str, kind: JobKind, filter: DeliveryFilter) -> JobEstimate:
        """Count the deliveries for such a job, up to MAX_COUNTED or for MAX_COUNT_SECONDS."""
        return self._estimate(tenant, kind, self._checked(kind, filter))

    def start(
        self,
        tenant: str,
        kind: JobKind,
        filter: DeliveryFilter,
        *,
        rate_per_second: float,
        by: str,
        asked: JobRequest | None = None,
        is_limited: bool = True,
    ) -> Job:
        """Record the job, then start its execution; after a crash in between, the sweeper does.

        A second request with the same idempotency key gets the job of the first. Unless it
        `is_limited`, it may run beside as many others as there are.
        """
        known = self.store.made_by(tenant, asked) if asked else None
        if known:
            return self._executed(known)
        filter = self._checked(kind, filter)
        if is_limited:
            self._check_limit(tenant)
        estimate = self._estimate(tenant, kind, filter)
        now = self.now()
        job = Job(
            id=ids.new("job", now, self.random_bytes(ids.RANDOM_BYTES)),
            tenant=tenant,
            kind=kind,
            filter=filter,
            rate_per_second=rate_per_second,
            matched=estimate.matched,
            counted_all=estimate.complete,
            looks_again_at=now + SECOND_LOOK if kind in OF_HELD else None,
            next_step_at=now,
            created_at=now,
            created_by=by,
            updated_at=now,
            expires_at=now + self.limits(tenant).retention,
        )
        if not self.store.create(job, asked) and asked:
            job = self.store.made_by(tenant, asked) or job
        return self._executed(job)

    def job(self, tenant: str, job_id: str) -> tuple[Job, JobCounts]:
        job = self.store.job(tenant, job_id) if ids.is_id("job", job_id) else None
        if job is None:
            raise NotFoundError("there is no such job")
        return job, self.tracker.counts([job_id])[job_id]

    def jobs(
        self, tenant: str, *, limit: int, cursor: str | None = None
    ) -> tuple[list[tuple[Job, JobCounts]], str | None]:
        """One page, newest first, and the cursor of the next."""
        check_cursor(cursor, partial(ids.is_id, "job"))
        found = self.store.jobs(tenant, page=limit + 1, below=cursor)
        page, next_cursor = cut_page(found, limit, lambda each: each.id)
        counts = self.tracker.counts([each.id for each in page])
        return [(each, counts[each.id]) for each in page], next_cursor

    def pause(self, tenant: str, job_id: str, *, by: str) -> Job:
        return self._changed(tenant, job_id, partial(transitions.paused, now=self.now(), by=by))

    def resume(self, tenant: str, job_id: str) -> Job:
        if not self.job(tenant, job_id)[0].is_starting:
            self._check_limit(tenant)
        return self._changed(tenant, job_id, partial(transitions.resumed, now=self.now()))

    def cancel(self, tenant: str, job_id: str, *, by: str) -> Job:
        """End the job. Deliveries that it has started continue."""
        return self._changed(tenant, job_id, partial(transitions.cancelled, now=self.now(), by=by))

    def change_rate(self, tenant: str, job_id: str, rate_per_second: float) -> Job:
        change = partial(transitions.at_rate, rate_per_second=rate_per_second, now=self.now())
        return self._changed(tenant, job_id, change)

    def running(self, tenant: str) -> list[Job]:
        """The jobs that are starting deliveries, newest first."""
        newest = islice(self.store.jobs(tenant, page=NEWEST_JOBS), NEWEST_JOBS)
        return [each for each in newest if each.is_starting]

    def _changed(self, tenant: str, job_id: str, change: Callable[[Job], Job]) -> Job:
        self.job(tenant, job_id)
        return self._executed(self.store.change(tenant, job_id, change))

    def _executed(self, job: Job) -> Job:
        if job.next_step_at is not None:
            self.executions.start(job)
        return job

    def _checked(self, kind: JobKind, filter: DeliveryFilter) -> DeliveryFilter:
        check_ids(filter, within="/filter/")
        return transitions.filter_for(kind, filter, self.now())

    def _check_limit(self, tenant: str) -> None:
        if len(self.running(tenant)) >= MAX_RUNNING:
            raise ConflictError(
                f"only {MAX_RUNNING} jobs may run at once: pause one, or wait for one",
                code="too_many_jobs",
            )

    def _endpoint_ids(self, tenant: str, kind: JobKind) -> Sequence[str]:
        if kind is JobKind.EXPORT:
            return self.reader.all_endpoints(tenant)
        return [each.id for each in self.config.endpoints(tenant)]

    def _estimate(self, tenant: str, kind: JobKind, filter: DeliveryFilter) -> JobEstimate:
        until = self.now().timestamp() + MAX_COUNT_SECONDS
        matched, oldest, newest = 0, None, None
        for endpoint_id in filter.endpoint_ids or self._endpoint_ids(tenant, kind):
            of_one = filter.model_copy(update={"endpoint_ids": (endpoint_id,)})
            position = None
            while True:
                if matched >= MAX_COUNTED or self.now().timestamp() > until:
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
    endpoints: EndpointService
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
        """Enable the endpoint, then start the job. A repeated call completes an interrupted one."""
        endpoint = self.endpoints.at_version(tenant, endpoint_id, expected_version)
        if endpoint.status is not EndpointStatus.ENABLED:
            endpoint = self.endpoints.change(
                tenant, endpoint_id, {"status": "enabled"}, by=by, expected_version=expected_version
            )
        if held is HeldAction.KEEP:
            return endpoint, None
        kind = JobKind(held)
        filter = DeliveryFilter(endpoint_ids=(endpoint_id,), status=DeliveryStatus.HELD)
        for running in self.jobs.running(tenant):
            if (running.kind, running.filter) == (kind, filter):
                return endpoint, running
        job = self.jobs.start(tenant, kind, filter, rate_per_second=rate_per_second, by=by)
        return endpoint, job


@dataclass(frozen=True)
class EndpointRemover:
    """Deletes an endpoint, and cancels the deliveries that were held for it.

    Those that wait for an attempt are cancelled when it is due.
    """

    endpoints: EndpointService
    jobs: JobService

    def delete(
        self, tenant: str, endpoint_id: str, *, by: str, expected_version: int | None = None
    ) -> Job | None:
        """Delete it; return the job that discards what is held, or None if nothing is."""
        self.endpoints.delete(tenant, endpoint_id, by=by, expected_version=expected_version)
        held = DeliveryFilter(endpoint_ids=(endpoint_id,), status=DeliveryStatus.HELD)
        found, _ = self.jobs.reader.page(tenant, held, limit=1)
        if not found:
            return None
        return self.jobs.start(
            tenant,
            JobKind.DISCARD,
            held,
            rate_per_second=DISCARD_RATE,
            by=by,
            is_limited=False,
        )
