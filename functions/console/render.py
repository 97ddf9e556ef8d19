"""Templates to HTML. Everything is escaped, and a name that is not there is an error."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from console import assets, wording
from console.answer import Page
from console.request import Request
from console.session import csrf_token
from posthorn import wiring
from posthorn.models import Scope, iso
from posthorn.sessions import Session

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Place:
    """An entry of the navigation: where it leads, and what else belongs to it."""

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


def render(page: Page, request: Request, session: Session | None, *, flash: str = "") -> str:
    """Make the HTML. Beside its values a template finds what is named here."""
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
    made.globals |= {"asset": assets.address, "navigation": NAVIGATION, "Scope": Scope}
    made.filters |= {
        "ago": wording.ago,
        "clock": wording.clock,
        "count": wording.count,
        "iso": iso,
        "pretty": pretty,
        "span": wording.span,
    }
    return made


def pretty(value: object) -> str:
    """As JSON, for people to read."""
    return json.dumps(value, indent=2, ensure_ascii=False)
