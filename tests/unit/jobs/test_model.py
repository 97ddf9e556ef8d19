"""The stored form of a job."""

import json
from datetime import UTC, datetime

from posthorn.deliveries.filters import DeliveryFilter
from posthorn.jobs.model import Job, JobKind
from posthorn.models import DeliveryStatus

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


def test_a_job_keeps_the_names_under_which_it_is_stored() -> None:
    job = Job(
        id="job_1",
        tenant="acme",
        kind=JobKind.REPLAY,
        filter=DeliveryFilter(status=DeliveryStatus.DEAD),
        matched=1,
        batches=2,
        created_at=NOW,
        created_by="me",
        updated_at=NOW,
        expires_at=NOW,
    )

    stored = job.model_dump_json(exclude_defaults=True)

    document = json.loads(stored)
    assert (document["wanted"], document["slices"]) == ({"status": "dead"}, 2)
    assert Job.model_validate_json(stored) == job
