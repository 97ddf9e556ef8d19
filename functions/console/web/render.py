"""Rendering of templates. Everything is escaped, and an undefined name is an error."""

import json
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from console.log import words as log_words
from console.pages import charts, wording
from console.web import assets
from console.web.answer import Page
from console.web.request import PageRequest
from console.web.session import csrf_token
from posthorn import wiring
from posthorn.models import MASK, Scope, iso
from posthorn.tenants.console_sessions import Session

MOST_SHOWN = 12_000  # characters of a body
TEMPLATES = Path(__file__).parents[1] / "templates"


@dataclass(frozen=True)
class Place:
    """An entry of the navigation: its path, and further paths that belong to it."""

    name: str
    path: str
    needs: Scope
    below: tuple[str, ...]

    def holds(self, path: str) -> bool:
        return path == self.path or path.startswith(self.below)


NAVIGATION = (
    Place("Events", "/console", Scope.CONFIG_READ, ("/console/types/",)),
    Place("Endpoints", "/console/endpoints", Scope.CONFIG_READ, ("/console/endpoints/",)),
    Place(
        "Log",
        "/console/log",
        Scope.LOGS_READ,
        ("/console/log/", "/console/deliveries/", "/console/events/"),
    ),
    Place("Jobs", "/console/jobs", Scope.LOGS_READ, ("/console/jobs/",)),
    Place("Dashboard", "/console/dashboard", Scope.LOGS_READ, ("/console/dashboard/",)),
)


def render(page: Page, request: PageRequest, session: Session | None, *, flash: str = "") -> str:
    """Render the HTML. A template has its values and the names defined here."""
    template = environment().get_template(page.template)
    return template.render(
        page.values,
        session=session,
        csrf=csrf_token(session) if session else "",
        here=request.path,
        flash=flash,
        now=wiring.now(),
    )


@cache
def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals |= {
        "asset": assets.address,
        "navigation": NAVIGATION,
        "MASK": MASK,
        "Scope": Scope,
        "sparkline": charts.sparkline,
        "words": log_words,
    }
    made.filters |= {
        "ago": wording.ago,
        "clock": wording.clock,
        "count": wording.count,
        "field": wording.field,
        "iso": iso,
        "percent": wording.percent,
        "pretty": pretty,
        "pretty_text": pretty_text,
        "sentence": wording.sentence,
        "short_clock": wording.short_clock,
        "span": wording.span,
    }
    return made


def pretty(value: object) -> str:
    """The value as indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def pretty_text(text: str, most: int = MOST_SHOWN) -> str:
    """A body as readable text: indented JSON, cut to the size of a page."""
    with suppress(ValueError, RecursionError):  # other text is unchanged
        text = pretty(json.loads(text))
    rest = len(text) - most
    return f"{text[:most]}\n… and {rest:,} characters more" if rest > 0 else text
