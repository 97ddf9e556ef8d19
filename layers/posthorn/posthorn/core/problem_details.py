"""Errors as RFC 9457 problem details, and validation errors in plain words."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from posthorn.core.errors import InvalidError, PosthornError, Violation, pointer

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
# Every code of an API error, with its status and meaning.
CODES: dict[str, tuple[int, str]] = {
    "malformed_json": (400, "the body is not valid JSON in UTF-8"),
    "forbidden": (403, "the key lacks the scope, or acts for another tenant"),
    "not_found": (404, "the tenant has no such resource, or does not exist"),
    "attempt_running": (409, "an attempt is running: try again in a moment"),
    "builtin_event_type": (409, "a built-in event type cannot be deleted, only replaced"),
    "deliveries_to_come": (409, "deliveries of the event are not finished: wait, or cancel them"),
    "endpoint_deleted": (409, "the endpoint of the delivery was deleted"),
    "endpoint_not_enabled": (409, "the endpoint of the delivery is paused or disabled"),
    "idempotency_key_reused": (409, "the idempotency key was used for another request"),
    "incompatible_change": (409, "events that are accepted now would be refused"),
    "job_all_started": (409, "the job has started all its deliveries"),
    "job_not_paused": (409, "the job is not paused and has not failed"),
    "job_not_running": (409, "the job has ended, or is paused"),
    "nothing_to_cancel": (409, "the delivery is finished"),
    "payload_erased": (409, "the payload of the event was erased"),
    "tenant_in_use": (409, "the tenant still has endpoints"),
    "test_delivery": (409, "the delivery is a test: run another test instead"),
    "test_required": (409, "this version of the endpoint has not passed a test"),
    "too_many_endpoints": (409, "the tenant has reached its limit of endpoints"),
    "too_many_jobs": (409, "the tenant has reached its limit of running jobs"),
    "stale_version": (412, "the endpoint was changed since it was read"),
    "too_large": (413, "the data of the event is larger than 256 KiB"),
    "unsupported_media_type": (415, "the content type of the body is not supported"),
    "cursor_of_another_list": (422, "the cursor belongs to a list with other filters or order"),
    "id_reused": (422, "an earlier event of the request has the same id and other content"),
    "invalid_field": (422, "a field or parameter is invalid; `errors` names each"),
    "schema_violation": (
        422,
        "the data violates the schema of its type; `errors` names each field",
    ),
    "tenant_required": (422, "an admin key must name the tenant in the header `posthorn-tenant`"),
    "unknown_event_type": (422, "the event type is not in the catalogue"),
    "limited": (429, "the tenant has used up its tests of this minute"),
    "internal": (500, "an internal error: the request may be tried again"),
    "unavailable": (503, "an AWS service did not answer: try again"),
}
_EXAMPLE_ERRORS = {
    "cursor_of_another_list": (
        Violation("cursor", "belongs to a list with other filters or in another order"),
    ),
    "id_reused": (
        Violation("/id", "is that of an earlier event of this request with other content"),
    ),
    "incompatible_change": (Violation("/PartNo", "is required now"),),
    "invalid_field": (Violation("/retry/delays_seconds/0", "must be at least 0.1"),),
    "schema_violation": (Violation("/data/ClientId", "is not of type integer"),),
    "tenant_required": (Violation("posthorn-tenant", "is missing"),),
    "unknown_event_type": (Violation("/type", "StockCounted is not in the catalogue"),),
}
# A tagged union adds its tag to the location: `retry.schedule.delays_seconds` is the field
# `/retry/delays_seconds`.
_TAGS = {
    "retry": {"schedule", "exponential"},
    "auth": {"none", "basic", "bearer", "api_key", "oauth2"},
    "payload": {"envelope", "data", "cloudevents", "custom"},
}
# By pydantic's type of the error. Types that are not listed here become "is not valid".
_MESSAGES = {
    "missing": "required",
    "union_tag_not_found": "required",
    "extra_forbidden": "unknown field",
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "must be an object"),
    **dict.fromkeys(("list_type", "tuple_type"), "must be a list"),
    **dict.fromkeys(("string_type", "string_unicode"), "must be a string"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "must be a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "must be a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "must be true or false"),
    **dict.fromkeys(("finite_number", "int_parsing_size"), "is out of range"),
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} items",
    "too_long": "must have at most {max_length} items",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:g}",
    "timezone_aware": "must have a time zone, such as Z",
}


class Problem(BaseModel):
    """An error as RFC 9457 defines it. `code` is for programs, `detail` for people."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str = Field(description="`urn:posthorn:problem:` and the code")
    title: str
    status: int
    code: str
    detail: str
    errors: tuple[Violation, ...] = Field(
        default=(),
        description="each violation: a JSON pointer into the body, or the name of a parameter",
        exclude_if=lambda errors: not errors,
    )


def problem(error: PosthornError) -> dict[str, Any]:
    """The body of a response with `application/problem+json`."""
    violations = error.violations if isinstance(error, InvalidError) else ()
    return _problem(error.code, error.status, error.detail, violations)


def example(code: str) -> dict[str, Any]:
    """An example of the error with this code."""
    status, meaning = CODES[code]
    return _problem(code, status, meaning, _EXAMPLE_ERRORS.get(code, ()))


def _problem(
    code: str, status: int, detail: str, violations: tuple[Violation, ...]
) -> dict[str, Any]:
    return Problem(
        type=f"urn:posthorn:problem:{code}",
        title=_TITLES[status],
        status=status,
        code=code,
        detail=detail,
        errors=violations,
    ).model_dump(mode="json")


def invalid(findings: Sequence[Mapping[str, Any]], *, under: str = "") -> InvalidError:
    """The error for pydantic's findings in a body. Input values are never repeated.

    A finding with a `parameter` concerns that parameter of the request instead.
    """
    return InvalidError.of(
        [
            Violation(finding.get("parameter") or under + _field(finding), _message(finding))
            for finding in findings
        ]
    )


def pointer_of(location: Sequence[str | int]) -> str:
    """The JSON pointer of a pydantic location."""
    parts = [
        part
        for before, part in zip(("", *location), location, strict=False)
        if part not in _TAGS.get(str(before), ())
    ]
    return pointer(*(parts[:-1] if parts[-1:] == ["[key]"] else parts))


def _field(finding: Mapping[str, Any]) -> str:
    """The pointer to the field; pydantic locates a wrong tag of a union at the union."""
    tag = finding["ctx"]["discriminator"] if finding["type"].startswith("union_tag") else ""
    return pointer_of(finding["loc"]) + (pointer(tag.strip("'")) if tag else "")


def _message(finding: Mapping[str, Any]) -> str:
    kind, context = finding["type"], finding.get("ctx", {})
    if kind in ("value_error", "broken_rule"):  # raised by our own models, in plain words
        return str(finding["msg"]).removeprefix("Value error, ")
    if kind in ("enum", "literal_error"):
        return _choices(context["expected"], finding.get("input"))
    if kind == "union_tag_invalid":
        return _choices(context["expected_tags"], context["tag"])
    if kind.startswith("datetime"):
        return "must be a time as in 2026-11-23T10:00:00Z"
    if context.get("min_length") == 1:
        return "must not be empty"
    return _MESSAGES.get(kind, "is not valid").format(**context)


def _choices(quoted: str, sent: object) -> str:
    """Name the allowed values, and the one that is nearest to what was sent."""
    values = re.findall("'([^']*)'", quoted)
    in_lower_case = {value.lower(): value for value in values}
    near = get_close_matches(sent.lower(), in_lower_case, n=1) if isinstance(sent, str) else []
    hint = f"; did you mean {in_lower_case[near[0]]}?" if near else ""
    return f"must be {'one of ' if values[1:] else ''}{', '.join(values)}{hint}"
