"""What is known of an export's parts, in LogTable beside their job: how long, and which bytes.

job#{job id}    part#{number}    one part
"""

from dataclasses import dataclass

from posthorn.aws.dynamodb import Table
from posthorn.jobs.model import Job
from posthorn.models import Item, Model, expiry


class Part(Model):
    """One file of an export: so many lines, and the digest of its bytes as they are stored."""

    number: int  # of the slice that it holds
    lines: int
    size_bytes: int
    sha256: str

    @property
    def name(self) -> str:
        return f"part-{self.number:05d}.ndjson.gz"


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
