"""What an export holds, line by line, and how it looks from outside."""

from typing import Any

from pydantic import Field

from posthorn.core import api_examples as examples
from posthorn.core.errors import Violation
from posthorn.deliveries import views
from posthorn.deliveries.store import EventHistory
from posthorn.deliveries.views import DeliveryWithAttempts
from posthorn.jobs.export_store import Part
from posthorn.models import Change, Model, Time


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
