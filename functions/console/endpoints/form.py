"""The endpoint form: its values as typed, or as filled from a stored endpoint.

A field has the name of its JSON pointer in the API without the first `/`. Lists and mappings are
rows: a header is `headers/0/name` and `headers/0/value`. No page contains a secret: a stored one is
shown as kept, and a typed one must be entered again when the form is shown again.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Self

from console.endpoints import durations
from console.web.request import Fields
from posthorn.endpoints.secret_masking import looks_secret
from posthorn.models import DEFAULT_RETRY_DELAYS_SECONDS, MASK, EndpointSpec, Rule

Row = Mapping[str, str]
TEXTS = MappingProxyType(
    {
        **{"name": "", "description": "", "url": "", "method": "POST"},
        **{"patterns": "", "condition": ""},
        "payload/mode": "envelope",
        **{"payload/include": "", "payload/exclude": "", "payload/expression": ""},
        **{"auth/kind": "none", "auth/kept": ""},
        **{"auth/username": "", "auth/password": "", "auth/token": ""},
        **{"auth/header": "", "auth/value": ""},
        **{"auth/token_url": "", "auth/client_id": "", "auth/client_secret": ""},
        **{"auth/scope": "", "auth/client_auth": "basic"},
        **{"auth/audience": "", "auth/resource": "", "auth/parameters": ""},
        **{"tls/client_certificate": "", "tls/client_key": "", "tls/ca_certificate": ""},
        "tls/kept": "",
        **{"signing/scheme": "v1", "timeout_seconds": "15", "follow_redirects": ""},
        "retry/kind": "schedule",
        "retry/delays_seconds": durations.listed(DEFAULT_RETRY_DELAYS_SECONDS),
        **{"retry/first_delay_seconds": "5 s", "retry/factor": "2"},
        **{"retry/max_delay_seconds": "6 h", "retry/max_attempts": "10"},
        **{"status": "enabled", "version": ""},
    }
)
ROWS = MappingProxyType(
    {
        "headers": ("name", "value", "kept"),
        "rules": ("entity", "on_insert", "on_update", "fields", "on_delete", "filter"),
        "metadata": ("name", "value"),
    }
)
MOST_ROWS = 60  # more than any list allows
SECRETS = ("auth/password", "auth/token", "auth/value", "auth/client_secret")
NO_UPDATE, ANY_UPDATE, SOME_UPDATES = "", "any", "some"
YES = "yes"
_ROW_FIELD = re.compile(r"(headers|rules|metadata)/([0-9]{1,6})/(\w+)")
_SPACES_COUNT = {"auth/password", "auth/client_secret"}  # values that may begin or end with a space


@dataclass(frozen=True)
class EndpointForm:
    """`types` holds the chosen names; `patterns` is a text with one pattern per line."""

    texts: Mapping[str, str]
    types: tuple[str, ...]
    rows: Mapping[str, tuple[Row, ...]]
    to_retype: frozenset[str] = frozenset()  # typed secrets that are not shown again

    @classmethod
    def blank(cls, types: tuple[str, ...] = (), **texts: str) -> Self:
        return cls({**TEXTS, **texts}, types, dict.fromkeys(ROWS, ()))

    @classmethod
    def read(cls, sent: Fields) -> Self:
        """The submitted form, without empty rows."""
        texts = {name: sent.get(name, default) for name, default in TEXTS.items()}
        texts |= {name: (sent.all(name) or ("",))[-1] for name in _SPACES_COUNT}
        return cls(texts, tuple(dict.fromkeys(sent.all("event_types"))), _read_rows(sent))

    @classmethod
    def of(cls, spec: EndpointSpec, catalogue: Collection[str], *, version: str = "") -> Self:
        """The form of a stored endpoint; masked secrets are marked as kept."""
        chosen = [each for each in spec.event_types if each in catalogue]
        others = [each for each in spec.event_types if each not in catalogue]
        texts = {
            **{name: getattr(spec, name) for name in ("name", "description", "url", "method")},
            "patterns": "\n".join(others),
            "condition": spec.condition or "",
            "signing/scheme": spec.signing.scheme,
            "timeout_seconds": durations.number(spec.timeout_seconds),
            "follow_redirects": YES if spec.follow_redirects else "",
            **{"status": spec.status.value, "version": version},
            **_auth_texts(spec),
            **_tls_texts(spec),
            **_payload_texts(spec),
            **_retry_texts(spec),
        }
        rows = {
            "headers": tuple(_header_row(*each) for each in spec.headers.items()),
            "rules": tuple(map(_rule_row, spec.rules)),
            "metadata": tuple(
                {"name": name, "value": text} for name, text in spec.metadata.items()
            ),
        }
        return cls({**TEXTS, **texts}, tuple(chosen), rows)

    def shown(self) -> Self:
        """The form for a page: without the typed secrets."""
        typed = {name for name in SECRETS if self.texts[name]}
        hidden = {f"headers/{at}" for at, row in enumerate(self.rows["headers"]) if _is_typed(row)}
        headers = tuple(
            {**row, "value": "", "kept": ""} if f"headers/{at}" in hidden else row
            for at, row in enumerate(self.rows["headers"])
        )
        kept = {"auth/kept": ""} if typed else {}
        if self.texts["tls/client_key"]:
            typed.add("tls/client_key")
            kept["tls/kept"] = ""
        return replace(
            self,
            texts={**self.texts, **dict.fromkeys(typed, ""), **kept},
            rows={**self.rows, "headers": headers},
            to_retype=frozenset(typed | hidden),
        )

    def with_row(self, name: str) -> Self:
        """The form with one more empty row; unchanged if there is no such list."""
        if name not in ROWS:
            return self
        return self._with_rows(name, (*self.rows[name], dict.fromkeys(ROWS[name], "")))

    def without_row(self, at: str) -> Self:
        """The form without the row at `headers/0`; unchanged if there is none."""
        name, _, number = at.partition("/")
        rows = self.rows.get(name, ())
        return self._with_rows(
            name, tuple(row for place, row in enumerate(rows) if str(place) != number)
        )

    def _with_rows(self, name: str, rows: tuple[Row, ...]) -> Self:
        return replace(self, rows={**self.rows, name: rows}) if name in ROWS else self


def lines(text: str) -> list[str]:
    """The entries of a text, separated by lines or commas."""
    return [part.strip() for part in re.split(r"[,\n]", text) if part.strip()]


def version_sent(sent: Fields) -> int:
    """The version for which the form was made; 0, which no endpoint has, if it is missing."""
    text = sent.get("version")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 6 else 0


def _read_rows(sent: Fields) -> dict[str, tuple[Row, ...]]:
    found: dict[str, dict[int, dict[str, str]]] = {name: {} for name in ROWS}
    for name, value in sent.pairs:
        match = _ROW_FIELD.fullmatch(name)
        if match and match[3] in ROWS[match[1]]:
            found[match[1]].setdefault(int(match[2]), {})[match[3]] = value.strip()
    return {
        name: tuple(
            {**dict.fromkeys(ROWS[name], ""), **rows[at]}
            for at in sorted(rows)
            if any(rows[at].values())
        )[:MOST_ROWS]
        for name, rows in found.items()
    }


def _is_typed(header: Row) -> bool:
    return looks_secret(header["name"]) and bool(header["value"])


def _header_row(name: str, value: str) -> Row:
    is_kept = value == MASK
    return {"name": name, "value": "" if is_kept else value, "kept": YES if is_kept else ""}


def _rule_row(rule: Rule) -> Row:
    some = rule.on_update if isinstance(rule.on_update, tuple) else ()
    update = SOME_UPDATES if isinstance(rule.on_update, tuple) else ANY_UPDATE
    return {
        "entity": rule.entity,
        "on_insert": YES if rule.on_insert else "",
        "on_update": update if rule.on_update is not False else NO_UPDATE,
        "fields": ", ".join(some),
        "on_delete": YES if rule.on_delete else "",
        "filter": rule.filter or "",
    }


def _auth_texts(spec: EndpointSpec) -> dict[str, str]:
    fields = spec.auth.model_dump()
    parameters = fields.pop("parameters", {})
    stored = {f"auth/{name}": str(value) for name, value in fields.items()}
    kept = any(stored.get(name) == MASK for name in SECRETS)
    return {
        **{name: "" if value == MASK else value for name, value in stored.items()},
        "auth/parameters": "\n".join(f"{name}={value}" for name, value in parameters.items()),
        "auth/kept": spec.auth.kind if kept else "",
    }


def _tls_texts(spec: EndpointSpec) -> dict[str, str]:
    kept = YES if spec.tls.client_key == MASK else ""
    stored = {f"tls/{name}": value for name, value in spec.tls.model_dump().items()}
    return {**stored, "tls/client_key": "" if kept else spec.tls.client_key, "tls/kept": kept}


def _payload_texts(spec: EndpointSpec) -> dict[str, str]:
    stored = spec.payload.model_dump()
    return {
        "payload/mode": spec.payload.mode,
        "payload/include": "\n".join(stored.get("include") or ()),
        "payload/exclude": "\n".join(stored.get("exclude") or ()),
        "payload/expression": stored.get("expression", ""),
    }


def _retry_texts(spec: EndpointSpec) -> dict[str, str]:
    stored = spec.retry.model_dump()
    kind = stored.pop("kind")
    texts = {f"retry/{name}": _written(name, value) for name, value in stored.items()}
    return {"retry/kind": kind, **texts}


def _written(name: str, value: float | tuple[float, ...]) -> str:
    if isinstance(value, tuple):
        return durations.listed(value)
    is_length = name.endswith("_seconds")
    return durations.written(value) if is_length else durations.number(value)
