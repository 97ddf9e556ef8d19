"""/docs: the API's description as a page. It brings all that it needs, and runs no script."""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler import Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from posthorn.http_api import reference_page as api_pages

_TEMPLATES = Path(__file__).parent / "templates"


def answer(document: dict[str, Any]) -> Response[str]:
    style = (_TEMPLATES / "docs.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    )
    body = _template().render(page=api_pages.page(document), style=Markup(style))  # noqa: S704 - ours
    headers: dict[str, str | list[str]] = {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "public, max-age=300",
    }
    return Response(200, "text/html; charset=utf-8", body, headers=headers)


@cache
def _template() -> Any:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined
    )
    environment.filters |= {
        "coded": _coded,
        "breakable": _breakable,
        "model_name": api_pages.shown_name,
    }
    return environment.get_template("docs.html")


def _coded(text: str) -> Markup:
    """What is between backticks is code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped


def _breakable(path: str) -> Markup:
    """A path, where a narrow column may break it."""
    return Markup(str(escape(path)).replace("/", "/<wbr>"))  # noqa: S704 - escaped
