"""/docs: the OpenAPI document as one page that loads nothing else and runs no script.

Swagger UI, which Powertools ships, was tried: 1.7 MB of script, and 360 accessibility violations on
this document, where this page has none (docs/decisions.md).
"""

import base64
import hashlib
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler import Response
from jinja2 import Environment, FileSystemLoader, Template
from markupsafe import Markup, escape

_TEMPLATES = Path(__file__).parent / "templates"
_PLURALS = {"string": "strings", "integer": "integers", "number": "numbers", "object": "objects"}
Schema = Mapping[str, Any]


def answer(document: Schema) -> Response[str]:
    style = (_TEMPLATES / "docs.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    )
    body = _template().render(document=document, style=Markup(style))  # noqa: S704 - our own file
    headers: dict[str, str | list[str]] = {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "public, max-age=300",
    }
    return Response(200, "text/html; charset=utf-8", body, headers=headers)


@cache
def _template() -> Template:
    environment = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True)
    environment.filters |= {
        "code": _code,
        "breakable": _breakable,
        "model_name": _model_name,
        "types": _types,
        "rules": _rules,
        "pretty": _pretty,
    }
    environment.globals["curl"] = _curl
    return environment.get_template("docs.html")


def _code(text: str) -> Markup:
    """Text whose parts between backticks are code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped


def _breakable(path: str) -> Markup:
    """A path that a narrow column may break after each slash."""
    return Markup(str(escape(path)).replace("/", "/<wbr>"))  # noqa: S704 - escaped


def _model_name(name: str) -> str:
    """The name of a model; `Listed_EndpointView_` is the generated name of a page."""
    return re.sub(r"^Listed_(\w+)_$", r"page of \1", name)


def _types(schema: Schema, schemas: Schema) -> Iterator[tuple[str, str | None]]:
    """Each type that a value may have, in words, with the name of its model if it has one."""
    for choice in schema.get("anyOf") or schema.get("oneOf") or ():
        yield from _types(choice, schemas)
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        yield " | ".join(schemas[name].get("enum", ())) or _model_name(name), name
    elif "enum" in schema:
        yield " | ".join(map(str, schema["enum"])), None
    elif schema.get("type") == "array":
        for text, model in _types(schema.get("items", {}), schemas):
            yield f"list of {_PLURALS.get(text, text)}", model
    elif isinstance(schema.get("additionalProperties"), dict):
        for text, model in _types(schema["additionalProperties"], schemas):
            yield f"object of {_PLURALS.get(text, text)}", model
    elif "anyOf" not in schema and "oneOf" not in schema:
        is_time = schema.get("format") == "date-time"
        yield "time" if is_time else schema.get("type", "anything"), None


def _rules(schema: Schema) -> Iterator[str]:
    """The bounds of a value in words, and its default."""
    for each in (schema, *schema.get("anyOf", ())):
        yield from _between(each.get("minimum"), each.get("maximum"), "{}")
        yield from _between(each.get("minLength"), each.get("maxLength"), "{} characters")
        yield from _between(each.get("minItems"), each.get("maxItems"), "{} items")
        yield from _between(None, each.get("maxProperties"), "{} entries")
        if "pattern" in each:
            yield f"pattern `{each['pattern']}`"
    if schema.get("default") not in (None, "", [], {}):
        yield f"default `{json.dumps(schema['default'], ensure_ascii=False)}`"


def _between(least: float | None, most: float | None, shape: str) -> Iterator[str]:
    bounds = {"at least": least, "at most": most}
    found = [f"{word} {bound:g}" for word, bound in bounds.items() if bound is not None]
    if found:
        yield shape.format(" and ".join(found))


def _curl(method: str, path: str, operation: Schema) -> str:
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            example = parameter["schema"].get("examples", [1])[0]
            path = path.replace(f"{{{parameter['name']}}}", str(example))
    bodies = operation.get("requestBody", {}).get("content", {})
    implied = "post" if bodies else "get"
    verb = "" if method == implied else f"-X {method.upper()} "
    lines = [f"curl {verb}$API{path}", '-H "Authorization: Bearer $KEY"']
    for media_type, content in list(bodies.items())[:1]:
        example = next(iter(content["examples"].values()))["value"]
        lines += [f"-H 'content-type: {media_type}'", f"-d {shlex.quote(_pretty(example))}"]
    return " \\\n  ".join(lines)


def _pretty(value: Any) -> str:
    """JSON with each short list or object on a line of its own."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    short = re.compile(r"([\[{])\n\s+([^\[\]{}]{0,70}?)\n\s*([\]}])")
    return short.sub(lambda match: match[1] + re.sub(r"\n\s+", " ", match[2]) + match[3], text)
