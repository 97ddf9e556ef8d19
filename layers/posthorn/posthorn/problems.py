"""Refusals as RFC 9457 problem details, and pydantic's findings as rules broken by fields."""

from collections.abc import Mapping, Sequence
from typing import Any

from posthorn.errors import InvalidError, PosthornError, Violation

_TITLES = {
    400: "Malformed request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    412: "Changed in between",
    413: "Too large",
    415: "Unsupported media type",
    422: "Invalid request",
    429: "Too many requests",
    500: "Internal error",
    503: "Temporarily unavailable",
}
# A union puts the choice into the location: `retry.schedule.delays_seconds` is what its sender
# wrote as `/retry/delays_seconds`.
_LABELS = {
    "retry": {"schedule", "exponential"},
    "auth": {"none", "basic", "bearer", "api_key", "oauth2"},
    "payload": {"envelope", "data", "cloudevents", "custom"},
    "on_update": {"bool", "tuple[str, ...]"},
}
_MESSAGES = {
    "extra_forbidden": "unknown field",
    "missing": "required",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "union_tag_not_found": "{discriminator} is required",
    "union_tag_invalid": "{discriminator} must be one of {expected_tags}",
}


def problem(error: PosthornError) -> dict[str, Any]:
    """The body of an answer with `application/problem+json`."""
    document: dict[str, Any] = {
        "type": f"urn:posthorn:problem:{error.code}",
        "title": _TITLES[error.status],
        "status": error.status,
        "code": error.code,
        "detail": error.detail,
    }
    if isinstance(error, InvalidError) and error.violations:
        document["errors"] = [
            {"field": each.field, "message": each.message} for each in error.violations
        ]
    return document


def invalid(findings: Sequence[Mapping[str, Any]], *, under: str = "") -> InvalidError:
    """Make the error for what pydantic found in a body. Input values are never repeated.

    A finding with a `parameter` is about that parameter of the request instead.
    """
    violations = [
        Violation(finding.get("parameter") or under + pointer(finding["loc"]), _sentence(finding))
        for finding in findings
    ]
    first = violations[0]
    return InvalidError(f"{first.field or 'the body'}: {first.message}", violations)


def pointer(location: Sequence[str | int]) -> str:
    """Write a pydantic location as a JSON pointer (RFC 6901)."""
    parts = [
        part
        for before, part in zip(("", *location), location, strict=False)
        if part not in _LABELS.get(str(before), ())
    ]
    if parts[-1:] == ["[key]"]:
        del parts[-1]
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


def _sentence(finding: Mapping[str, Any]) -> str:
    message = _MESSAGES.get(finding["type"])
    if message:
        return message.format(**finding.get("ctx", {}))
    return str(finding["msg"]).removeprefix("Value error, ")
