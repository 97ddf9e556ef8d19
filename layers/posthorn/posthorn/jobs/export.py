"""Export: what one step of such a job writes, and what is shown of it.

Each slice of the job is a file of its own, named after the slice, one delivery a line. Doing a
slice again writes the same file anew, and the manifest comes with the last one.
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
from posthorn.core import api_examples as examples
from posthorn.core.errors import Violation
from posthorn.deliveries import views
from posthorn.deliveries.queries import LogLists
from posthorn.deliveries.reader import DeliveryReader
from posthorn.deliveries.store import EventHistory
from posthorn.deliveries.views import DeliveryWithAttempts
from posthorn.jobs import slices as job_pages
from posthorn.jobs.model import Job, JobStatus, Skipped, Slice
from posthorn.jobs.store import Batch, JobStore
from posthorn.models import Change, Item, Model, Time, expiry

KEPT = timedelta(days=7)  # as ExportBucket of template.yaml keeps its files
MOST_SHOWN = 1000  # parts with a link, in an answer of at most 6 MB; the manifest has them all
MANIFEST = "manifest.json"


class Part(Model):
    """One file of an export: so many lines, and the digest of its bytes as they are stored."""

    number: int  # of the slice that it holds
    lines: int
    size_bytes: int
    sha256: str

    @property
    def name(self) -> str:
        return f"part-{self.number:05d}.ndjson.gz"


class ExportedDecision(Model):
    endpoint_id: str
    endpoint_version: int
    verdict: str
    reason: str | None


class ExportedEvent(Model):
    """The event of a line, with what was decided about each endpoint when it came."""

    id: str
    published_id: str | None
    type: str
    time: Time
    accepted_at: Time
    data: dict[str, Any] | None
    erased_at: Time | None
    erased_by: str | None
    change: Change | None
    warnings: tuple[Violation, ...]
    decisions: tuple[ExportedDecision, ...]


class ExportLine(Model):
    """One line of a part: a delivery with its attempts, and its event."""

    delivery: DeliveryWithAttempts
    event: ExportedEvent


class PartView(Model):
    name: str
    lines: int
    size_bytes: int
    sha256: str = Field(description="Of the file's bytes, compressed as they are")
    url: str | None = Field(description="Reads the file, for a quarter of an hour")


class ExportView(Model):
    """The files of an export. The manifest, which is written last, lists them as well."""

    model_config = examples.shown(examples.EXPORT)

    parts: list[PartView]
    manifest_url: str | None = Field(description="There once all parts are")
    links_expire_at: Time | None
    kept_until: Time = Field(description="The files are deleted some time after")


class Manifest(Model):
    """What an export consists of, as a file beside its parts."""

    job_id: str
    tenant: str
    filter: dict[str, Any]
    asked_at: Time
    lines: int
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class ExportStore:
    table: Table

    def put(self, of: Job, part: Part) -> None:
        """Note a part, or note it anew."""
        key = {"pk": f"job#{of.id}", "sk": f"part#{part.number:05d}"}
        self.table.put({**key, "document": part.model_dump_json(), **expiry(of.expires_at)})

    def parts(self, of: Job) -> list[Part]:
        """Those written so far, in order."""
        values: Item = {"pk": f"job#{of.id}", "prefix": "part#"}
        rows = self.table.query("#pk = :pk AND begins_with(#sk, :prefix)", values)
        return [Part.model_validate_json(row["document"]) for row in rows]


@dataclass(frozen=True)
class Exporter:
    reader: DeliveryReader
    lists: LogLists
    jobs: JobStore
    store: ExportStore
    bucket: ExportBucket

    def step(self, of: Job) -> Slice:
        """Write the next slice, or once more the one in hand; UnavailableError to do it again.

        A delivery that has expired meanwhile is skipped. Of a cancelled job, nothing is written.
        """
        if of.status is JobStatus.CANCELLED:
            return Slice(of.slices + 1, 0, 0, {}, of.position or "", is_last=True)
        hand = self.jobs.hand(of) or self.jobs.pin_batch(of, self._next(of))
        content, lines = self._packed(of, hand)
        if lines:
            self._put(of, hand.number, content, lines)
        if hand.is_last:
            self._put_manifest(of)
        gone = len(hand.event_ids) - lines
        return Slice(
            number=hand.number,
            size=len(hand.event_ids),
            started=lines,
            skipped=Counter({Skipped.GONE: gone}) if gone else {},
            position=hand.position,
            is_last=hand.is_last,
        )

    def view(self, of: Job, now: datetime) -> ExportView:
        """What is written so far; links only while the files are kept."""
        kept_until = of.created_at + KEPT
        linked = now < kept_until
        done = of.status is JobStatus.COMPLETED
        return ExportView(
            parts=[
                PartView(
                    **part.model_dump(exclude={"number"}),
                    name=part.name,
                    url=self.bucket.link(_key(of, part.name)) if linked else None,
                )
                for part in self.store.parts(of)[:MOST_SHOWN]
            ],
            manifest_url=self.bucket.link(_key(of, MANIFEST)) if linked and done else None,
            links_expire_at=now + timedelta(seconds=LINK_SECONDS) if linked else None,
            kept_until=kept_until,
        )

    def _next(self, of: Job) -> Batch:
        """Find the deliveries of the next slice, those of deleted endpoints among them."""
        hand = job_pages.none_left(of)
        endpoint_ids = self.reader.all_endpoints(of.tenant)
        for hand in job_pages.following(of, self.lists, endpoint_ids):
            if hand.event_ids:
                break
        return hand

    def _packed(self, of: Job, hand: Batch) -> tuple[bytes, int]:
        """The bytes of a slice's file and how many lines they are; one event in memory at a time.

        Without time and name in the gzip header: the same lines are the same bytes.
        """
        packed, lines = BytesIO(), 0
        with gzip.GzipFile(filename="", fileobj=packed, mode="wb", mtime=0) as file:
            for text in self._lines(of, hand):
                file.write(text)
                lines += 1
        return packed.getvalue(), lines

    def _lines(self, of: Job, hand: Batch) -> Iterator[bytes]:
        if not hand.event_ids:
            return
        name = self.reader.endpoint_name(of.tenant, hand.endpoint_id)
        for event_id in hand.event_ids:
            history = self.reader.log.history(of.tenant, event_id)
            if history and hand.endpoint_id in history.records:
                yield line(history, hand.endpoint_id, name).model_dump_json().encode() + b"\n"

    def _put(self, of: Job, number: int, content: bytes, lines: int) -> None:
        part = Part(
            number=number,
            lines=lines,
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
        )
        self.bucket.put(_key(of, part.name), content, "application/gzip")
        self.store.put(of, part)

    def _put_manifest(self, of: Job) -> None:
        parts = tuple(self.store.parts(of))
        manifest = Manifest(
            job_id=of.id,
            tenant=of.tenant,
            filter=of.wanted.model_dump(mode="json", exclude_defaults=True),
            asked_at=of.created_at,
            lines=sum(part.lines for part in parts),
            parts=parts,
        )
        document = manifest.model_dump_json(indent=2).encode()
        self.bucket.put(_key(of, MANIFEST), document, "application/json")


def _key(of: Job, name: str) -> str:
    return f"exports/{of.tenant}/{of.id}/{name}"


def line(history: EventHistory, endpoint_id: str, endpoint_name: str | None) -> ExportLine:
    event, erasure = history.event, history.event.erasure
    decisions = tuple(
        ExportedDecision(**{name: getattr(each, name) for name in ExportedDecision.model_fields})
        for each in history.decisions
    )
    return ExportLine(
        delivery=views.of_record(event, history.records[endpoint_id], endpoint_name),
        event=ExportedEvent(
            **event.model_dump(exclude={"tenant", "traceparent", "data", "erasure"}),
            data=None if erasure else event.data,
            erased_at=erasure and erasure.at,
            erased_by=erasure and erasure.by,
            decisions=decisions,
        ),
    )
