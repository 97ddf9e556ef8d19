"""The documents of the repository, their tables and code spans."""

import re

from tests.support.template_facts import ROOT

DOCUMENTS = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (
        *sorted(ROOT.glob("*.md")),
        *sorted((ROOT / "docs").glob("*.md")),
    )
}
README, OPERATIONS = DOCUMENTS["README.md"], DOCUMENTS["docs/operations.md"]
ARCHITECTURE, DECISIONS = DOCUMENTS["docs/architecture.md"], DOCUMENTS["docs/decisions.md"]


def table(document: str, first_column: str) -> list[list[str]]:
    """The rows below the heading whose first column is this one."""
    rows = document.partition(f"| {first_column} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def code(document: str) -> list[str]:
    """The code spans of the text."""
    return re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", document, flags=re.DOTALL))


def slugs(document: str) -> set[str]:
    """The anchors of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", document, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
