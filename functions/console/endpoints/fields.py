"""Conversion of the endpoint form to the API's fields, and of the API's errors to form fields."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from console.endpoints import durations
from console.endpoints.form import ANY_UPDATE, SOME_UPDATES, EndpointForm, Row, lines
from console.web.errors import FieldErrors
from posthorn.core.errors import InvalidError, Violation
from posthorn.core.problem_details import invalid
from posthorn.models import MASK, Endpoint, EndpointSpec
from posthorn.subscriptions.field_paths import split_paths

_AUTH_FIELDS = {
    "basic": ("username", "password"),
    "bearer": ("token",),
    "api_key": ("header", "value"),
    "oauth2": (
        "token_url",
        "client_id",
        "client_secret",
        "scope",
        "client_auth",
        "audience",
        "resource",
    ),
}
_SECRETS = {"password", "token", "value", "client_secret"}
_RETRY_FIELDS = ("first_delay_seconds", "factor", "max_delay_seconds", "max_attempts")
_REQUIRED = {"required", "must not be empty"}
_NUMBERS = {"must be a number", "must be a whole number"}
_AUTHORITY = re.compile(r"https?://([^/?#\s@]+)", re.IGNORECASE)


def fields_of(form: EndpointForm) -> dict[str, Any]:
    """The fields as JSON values. Text that cannot be converted is left for the models to refuse.

    An endpoint without a name is named after its host.
    """
    texts = form.texts
    return {
        "name": texts["name"] or _host(texts["url"]),
        "description": texts["description"],
        "url": texts["url"],
        "method": texts["method"],
        "event_types": list(dict.fromkeys((*form.types, *lines(texts["patterns"])))),
        "condition": texts["condition"] or None,
        "rules": [_rule(row) for row in form.rows["rules"]],
        "payload": _payload(texts),
        "headers": {row["name"]: _header_value(row) for row in form.rows["headers"]},
        "auth": _auth(texts),
        "tls": _tls(texts),
        "signing": {"scheme": texts["signing/scheme"]},
        "timeout_seconds": durations.read(texts["timeout_seconds"]),
        "follow_redirects": bool(texts["follow_redirects"]),
        "retry": _retry(texts),
        "status": texts["status"],
        "metadata": {row["name"]: row["value"] for row in form.rows["metadata"]},
    }


def spec_of(form: EndpointForm) -> EndpointSpec:
    """Raise InvalidError with the API's field names; `placed` maps them to form fields."""
    broken = [*_repeated(form, "headers"), *_repeated(form, "metadata")]
    try:
        spec = EndpointSpec.model_validate(fields_of(form))
    except ValidationError as error:
        raise InvalidError.of([*invalid(error.errors()).violations, *broken]) from None
    if broken:
        raise InvalidError.of(broken)
    return spec


def changes_of(form: EndpointForm, saved: Endpoint) -> dict[str, Any]:
    """The fields in which the form differs from the saved endpoint, without the status."""
    told, spec = fields_of(form), spec_of(form)
    return {
        name: told[name]
        for name in EndpointSpec.model_fields
        if name != "status" and _compared(spec, name) != _compared(saved, name)
    }


def _compared(spec: EndpointSpec, name: str) -> Any:
    """The value of a field in a form that compares equal whatever the order."""
    value = getattr(spec, name)
    return set(value) if name == "event_types" else value


def _host(url: str) -> str:
    """The host as it is written; the URL's own check reports an invalid one."""
    found = _AUTHORITY.match(url)
    return found[1][:128] if found else "Endpoint"


def _rule(row: Row) -> dict[str, Any]:
    some = lines(row["fields"])
    return {
        "entity": row["entity"],
        "on_insert": bool(row["on_insert"]),
        "on_update": some if row["on_update"] == SOME_UPDATES else row["on_update"] == ANY_UPDATE,
        "on_delete": bool(row["on_delete"]),
        "filter": row["filter"] or None,
    }


def _payload(texts: Mapping[str, str]) -> dict[str, Any]:
    mode = texts["payload/mode"]
    if mode == "data":
        include, exclude = (
            split_paths(texts[f"payload/{name}"]) for name in ("include", "exclude")
        )
        return {"mode": mode, "include": include or None, "exclude": exclude}
    return {
        "mode": mode,
        **({"expression": texts["payload/expression"]} if mode == "custom" else {}),
    }


def _header_value(row: Row) -> str:
    return MASK if row["kept"] and not row["value"] else row["value"]


def _auth(texts: Mapping[str, str]) -> dict[str, Any]:
    kind = texts["auth/kind"]
    auth: dict[str, Any] = {"kind": kind}
    for name in _AUTH_FIELDS.get(kind, ()):
        value = texts[f"auth/{name}"]
        is_kept = name in _SECRETS and not value and texts["auth/kept"] == kind
        auth[name] = MASK if is_kept else value
    if kind == "oauth2":
        rows = [line.strip() for line in texts["auth/parameters"].splitlines() if line.strip()]
        pairs = [line.partition("=") for line in rows]
        auth["parameters"] = {name: value for name, _, value in pairs}
    return auth


def _tls(texts: Mapping[str, str]) -> dict[str, str]:
    names = ("client_certificate", "client_key", "ca_certificate")
    tls = {name: texts[f"tls/{name}"].replace("\r\n", "\n").strip() for name in names}
    if texts["tls/kept"] and tls["client_certificate"] and not tls["client_key"]:
        tls["client_key"] = MASK
    return tls


def _retry(texts: Mapping[str, str]) -> dict[str, Any]:
    kind = texts["retry/kind"]
    if kind == "exponential":
        return {"kind": kind} | {
            name: _number(name, texts[f"retry/{name}"]) for name in _RETRY_FIELDS
        }
    delays = lines(texts["retry/delays_seconds"])
    return {"kind": kind, "delays_seconds": [durations.read(each) for each in delays]}


def _number(name: str, text: str) -> float | str:
    return durations.read(text) if name.endswith("_seconds") else text


def _repeated(form: EndpointForm, name: str) -> list[Violation]:
    seen: set[str] = set()
    broken = []
    for at, row in enumerate(form.rows[name]):
        if row["name"] in seen:
            broken.append(Violation(f"/{name}/#{at}", "this name is there twice"))
        seen.add(row["name"])
    return broken


# --- errors ---------------------------------------------------------------------------------------


def placed(form: EndpointForm, refusal: InvalidError) -> FieldErrors:
    """The violations at the fields of the form, worded for the person who fills it in."""
    found = [_placed(form, each) for each in FieldErrors.of(refusal)]
    return FieldErrors(tuple(dict.fromkeys(found)))


def _placed(form: EndpointForm, violation: Violation) -> Violation:
    whole = re.sub(r"^(endpoint|changes)/", "", violation.field)
    top, _, rest = whole.partition("/")
    place = _PLACES.get(top, _as_it_is)(form, rest)
    field = f"{top}/{place}" if place and top != "event_types" else place or top
    return Violation(field, _worded(form, field, whole, violation.message))


def _as_it_is(form: EndpointForm, rest: str) -> str:
    return rest


def _row_place(form: EndpointForm, top: str, rest: str) -> str:
    """The index of the row with this name; the API names the header only."""
    if rest.startswith("#"):
        return rest[1:]
    name = rest.replace("~1", "/").replace("~0", "~")
    names = [row["name"] for row in form.rows[top]]
    return str(names.index(name)) if name in names else ""


def _type_place(form: EndpointForm, rest: str) -> str:
    return "patterns" if rest.isdecimal() and int(rest) >= len(form.types) else "event_types"


def _rule_place(form: EndpointForm, rest: str) -> str:
    at, _, name = rest.partition("/")
    return f"{at}/fields" if name.startswith("on_update/") else rest


def _first_place(form: EndpointForm, rest: str) -> str:
    return rest.partition("/")[0]


def _named_place(top: str) -> Callable[[EndpointForm, str], str]:
    return lambda form, rest: _row_place(form, top, rest)


_PLACES: dict[str, Callable[[EndpointForm, str], str]] = {
    "headers": _named_place("headers"),
    "metadata": _named_place("metadata"),
    "event_types": _type_place,
    "rules": _rule_place,
    "payload": lambda form, rest: _first_place(form, rest) or "mode",
    "retry": lambda form, rest: _first_place(form, rest) or "kind",
    "auth": lambda form, rest: rest or "kind",
}


def _worded(form: EndpointForm, field: str, whole: str, message: str) -> str:
    if field == "event_types" and message in _REQUIRED:
        return "choose at least one type, or write a pattern"
    if field == "retry/delays_seconds" and message in _NUMBERS:
        at = whole.rpartition("/")[2]
        part = lines(form.texts[field])[int(at)] if at.isdecimal() else form.texts[field]
        return f"“{part}” is no length of time: write 5 s, 2 min or 6 h"
    if message in _REQUIRED:
        return "required"
    if message in _NUMBERS and field.endswith("_seconds"):
        return "must be a length of time, such as 5 s, 2 min or 6 h"
    return message
