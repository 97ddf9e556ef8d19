"""Export: the files that one step of such a job writes, and the view of them.

Each batch of the job is one file, named after the number of the batch, with one delivery a line. A
repeated batch writes the same file again, and the last one writes the manifest.

job#{job id}    part#{number}    a row of LogTable: length and digest of one part
"""

import gzip
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

from pydantic import Field

from posthorn.aws.dynamodb import Table
from posthorn.aws.s3 import LINK_SECONDS, ExportBucket
from posthorn.core import api_examples
from posthorn.core.errors import Violation
from posthorn.deliveries import views
from posthorn.deliveries.queries import LogLists
from posthorn.deliveries.reader import DeliveryReader
from posthorn.deliveries.store import EventHistory
from posthorn.deliveries.views import DeliveryWithAttempts
from posthorn.jobs import batches
from posthorn.jobs.model import BatchOutcome, Job, JobStatus, Skipped
from posthorn.jobs.store import Batch, JobStore
from posthorn.models import Change, Item, Model, Time, expiry
from posthorn.subscriptions.matching import Decision

RETENTION = timedelta(days=7)  # as ExportBucket in template.yaml
MAX_LINKS = 1000  # parts in an answer of at most 6 MB; the manifest has them all
MANIFEST = "manifest.json"


class Part(Model):
    """One file of an export, with the digest of its stored (compressed) bytes."""

    number: int  # of its batch
    lines: int
    size_bytes: int
    sha256: str

    @property
    def name(self) -> str:
        return f"part-{self.number:05d}.ndjson.gz"


class ExportedEvent(Model):
    """The event of a line, with the decision about each endpoint when the event came."""

    id: str
    published_id: str | None
    type: str
    time: Time
    accepted_at: Time
    data: Any
    erased_at: Time | None
    erased_by: str | None
    change: Change | None
    warnings: tuple[Violation, ...]
    decisions: tuple[Decision, ...]


class ExportLine(Model):
    """One line of a part: a delivery with its attempts, and its event."""

    delivery: DeliveryWithAttempts
    event: ExportedEvent


class PartView(Model):
    name: str
    lines: int
    size_bytes: int
    sha256: str = Field(description="Of the compressed bytes of the file")
    url: str | None = Field(description="Link to the file, valid for 15 minutes")


class ExportView(Model):
    """The files of an export. The manifest is written last and lists them as well."""

    model_config = api_examples.shown(api_examples.EXPORT)

    parts: list[PartView]
    manifest_url: str | None = Field(description="Null until all parts are written")
    links_expire_at: Time | None
    kept_until: Time = Field(description="The files are deleted after this time")


class Manifest(Model):
    """The list of an export's parts, as a file of the export."""

    job_id: str
    tenant: str
    filter: dict[str, Any]
    asked_at: Time
    lines: int
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class ExportStore:
    table: Table

    def put(self, job: Job, part: Part) -> None:
        key = {"pk": f"job#{job.id}", "sk": f"part#{part.number:05d}"}
        self.table.put({**key, "document": part.model_dump_json(), **expiry(job.expires_at)})

    def parts(self, job: Job) -> list[Part]:
        """The parts written so far, in order."""
        values: Item = {"pk": f"job#{job.id}", "prefix": "part#"}
        rows = self.table.query("#pk = :pk AND begins_with(#sk, :prefix)", values)
        return [Part.model_validate_json(row["document"]) for row in rows]


@dataclass(frozen=True)
class Exporter:
    reader: DeliveryReader
    lists: LogLists
    jobs: JobStore
    store: ExportStore
    bucket: ExportBucket

    def step(self, job: Job) -> BatchOutcome:
        """Write the current batch, or the next one; UnavailableError means to repeat it.

        Deliveries that have expired since are skipped. For a cancelled job nothing is written.
        """
        if job.status is JobStatus.CANCELLED:
            return batches.empty(job).outcome(Counter())
        batch = self.jobs.current_batch(job)
        if batch is None:
            endpoint_ids = self.reader.all_endpoints(job.tenant)  # of deleted ones as well
            next_batch = batches.next_batch(job, self.lists, endpoint_ids)
            batch = self.jobs.pin_batch(job, next_batch)
        content, lines = self._packed(job, batch)
        if lines:
            self._put(job, batch.number, content, lines)
        if batch.is_last:
            self._put_manifest(job)
        gone = len(batch.event_ids) - lines
        return batch.outcome(Counter({Skipped.GONE: gone} if gone else {}))

    def view(self, job: Job, now: datetime) -> ExportView:
        """The files written so far; with links until they are deleted."""
        kept_until = job.created_at + RETENTION
        linked = now < kept_until
        done = job.status is JobStatus.COMPLETED
        return ExportView(
            parts=[
                PartView(
                    **part.model_dump(exclude={"number"}),
                    name=part.name,
                    url=self.bucket.link(_key(job, part.name)) if linked else None,
                )
                for part in self.store.parts(job)[:MAX_LINKS]
            ],
            manifest_url=self.bucket.link(_key(job, MANIFEST)) if linked and done else None,
            links_expire_at=now + timedelta(seconds=LINK_SECONDS) if linked else None,
            kept_until=kept_until,
        )

    def _packed(self, job: Job, batch: Batch) -> tuple[bytes, int]:
        """The bytes and the number of lines of a batch's file; one event in memory at a time.

        The gzip header has no time and no name, so that the same lines make the same bytes.
        """
        packed, lines = BytesIO(), 0
        with gzip.GzipFile(filename="", fileobj=packed, mode="wb", mtime=0) as file:
            for text in self._lines(job, batch):
                file.write(text)
                lines += 1
        return packed.getvalue(), lines

    def _lines(self, job: Job, batch: Batch) -> Iterator[bytes]:
        if not batch.event_ids:
            return
        name = self.reader.endpoint_name(job.tenant, batch.endpoint_id)
        for event_id in batch.event_ids:
            history = self.reader.log.history(job.tenant, event_id)
            if history and batch.endpoint_id in history.records:
                yield _line(history, batch.endpoint_id, name).model_dump_json().encode() + b"\n"

    def _put(self, job: Job, number: int, content: bytes, lines: int) -> None:
        part = Part(
            number=number,
            lines=lines,
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
        )
        self.bucket.put(_key(job, part.name), content, "application/gzip")
        self.store.put(job, part)

    def _put_manifest(self, job: Job) -> None:
        parts = tuple(self.store.parts(job))
        manifest = Manifest(
            job_id=job.id,
            tenant=job.tenant,
            filter=job.filter.model_dump(mode="json", exclude_defaults=True),
            asked_at=job.created_at,
            lines=sum(part.lines for part in parts),
            parts=parts,
        )
        document = manifest.model_dump_json(indent=2).encode()
        self.bucket.put(_key(job, MANIFEST), document, "application/json")


def _key(job: Job, name: str) -> str:
    return f"exports/{job.tenant}/{job.id}/{name}"


def _line(history: EventHistory, endpoint_id: str, endpoint_name: str | None) -> ExportLine:
    event, erasure = history.event, history.event.erasure
    return ExportLine(
        delivery=views.of_record(event, history.records[endpoint_id], endpoint_name),
        event=ExportedEvent(
            **event.model_dump(exclude={"tenant", "traceparent", "data", "erasure", "cloud"}),
            data=None if erasure else event.data,
            erased_at=erasure and erasure.at,
            erased_by=erasure and erasure.by,
            decisions=history.decisions,
        ),
    )
