"""Enable an endpoint again, and decide what becomes of what was held for it meanwhile."""

from dataclasses import dataclass
from enum import StrEnum

from posthorn.deliveries.filters import DeliveryFilter
from posthorn.endpoints.service import EndpointService
from posthorn.jobs.model import Job, JobKind
from posthorn.jobs.service import JobService
from posthorn.models import DeliveryStatus, Endpoint, EndpointStatus


class HeldAction(StrEnum):
    DRAIN = "drain"  # deliver it, oldest first
    DISCARD = "discard"  # cancel it
    KEEP = "keep"  # leave it held, for a job later on


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
