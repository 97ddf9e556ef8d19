"""Refusals as RFC 9457 problem details, and pydantic's findings as rules broken by fields."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from posthorn.core.errors import InvalidError, PosthornError, Violation

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
# Every code that an answer of the API may carry, with its status and what it means.
CODES: dict[str, tuple[int, str]] = {
    "malformed_json": (400, "the body is not JSON in UTF-8"),
    "forbidden": (403, "the key has not the scope for this"),
    "not_found": (404, "there is no such thing for this tenant, or no such tenant"),
    "attempt_running": (409, "an attempt is being made now: try again in a moment"),
    "builtin_event_type": (409, "a built-in type cannot be deleted, but changed"),
    "deliveries_to_come": (409, "deliveries of the event are still to come: wait, or cancel them"),
    "endpoint_deleted": (409, "the delivery's endpoint was deleted"),
    "endpoint_not_enabled": (409, "the delivery's endpoint is paused or disabled"),
    "idempotency_key_reused": (409, "the key was used for another request"),
    "incompatible_change": (409, "events that are accepted now would be refused"),
    "job_all_started": (409, "all deliveries of the job are on their way"),
    "job_not_paused": (409, "the job is not paused, nor has it failed"),
    "job_not_running": (409, "the job has ended, or is paused"),
    "nothing_to_cancel": (409, "the delivery has come to its end"),
    "payload_erased": (409, "the payload of the event was erased"),
    "tenant_in_use": (409, "the tenant still has endpoints"),
    "test_delivery": (409, "it was a test, which is made again and not resent"),
    "test_required": (409, "this version has not passed a test yet"),
    "too_many_endpoints": (409, "the tenant has as many endpoints as it may have"),
    "too_many_jobs": (409, "the tenant has as many jobs running as it may have"),
    "stale_version": (412, "somebody changed the endpoint in between"),
    "too_large": (413, "the data of the event is larger than 256 KiB"),
    "unsupported_media_type": (415, "the body is of a type that is not read"),
    "cursor_of_another_list": (422, "the cursor comes from a list with other filters"),
    "invalid_field": (422, "a field or parameter breaks a rule; `errors` names each"),
    "schema_violation": (422, "the data breaks the schema of its type; `errors` names each field"),
    "tenant_required": (422, "an admin key names the tenant in the header `posthorn-tenant`"),
    "unknown_event_type": (422, "the type is not in the catalogue"),
    "limited": (429, "the tenant has tested too often in this minute"),
    "internal": (500, "something broke here: the request may be tried again"),
    "unavailable": (503, "a service of AWS did not answer: try again"),
}
_EXAMPLE_ERRORS = {
    "cursor_of_another_list": (Violation("cursor", "comes from a list with other filters"),),
    "incompatible_change": (Violation("/PartNo", "is required now"),),
    "invalid_field": (Violation("/retry/delays_seconds/0", "must be at least 0.1"),),
    "schema_violation": (Violation("/data/ClientId", "is not of type integer"),),
    "tenant_required": (Violation("posthorn-tenant", "is missing"),),
    "unknown_event_type": (Violation("/type", "is not in the catalogue"),),
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


class Problem(BaseModel):
    """A refusal, as RFC 9457 says. `code` is for programs, `detail` for people."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str = Field(description="`urn:posthorn:problem:` and the code")
    title: str
    status: int
    code: str
    detail: str
    errors: tuple[Violation, ...] = Field(
        default=(),
        description="each broken rule: a JSON pointer into the body, or the name of a parameter",
        exclude_if=lambda errors: not errors,
    )


def problem(error: PosthornError) -> dict[str, Any]:
    """The body of an answer with `application/problem+json`."""
    broken = error.violations if isinstance(error, InvalidError) else ()
    return _problem(error.code, error.status, error.detail, broken)


def example(code: str) -> dict[str, Any]:
    """What a refusal with this code looks like."""
    status, meaning = CODES[code]
    return _problem(code, status, meaning, _EXAMPLE_ERRORS.get(code, ()))


def _problem(code: str, status: int, detail: str, broken: tuple[Violation, ...]) -> dict[str, Any]:
    return Problem(
        type=f"urn:posthorn:problem:{code}",
        title=_TITLES[status],
        status=status,
        code=code,
        detail=detail,
        errors=broken,
    ).model_dump(mode="json")


def invalid(findings: Sequence[Mapping[str, Any]], *, under: str = "") -> InvalidError:
    """Make the error for what pydantic found in a body. Input values are never repeated.

    A finding with a `parameter` is about that parameter of the request instead.
    """
    violations = [
        Violation(finding.get("parameter") or under + pointer(finding["loc"]), _sentence(finding))
        for finding in findings
    ]
    return InvalidError.of(violations)


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
