"""Errors: refusals, and failures of our own. The behaviour of an endpoint is never one of these.

PosthornError
├── MalformedError        400  the body is not valid JSON
├── InvalidError          422  the request breaks a rule; `violations` name field and rule
├── NotFoundError         404  the tenant has no such resource
├── ForbiddenError        403  the key lacks the scope or acts for another tenant
├── ConflictError         409  the state of the resource does not allow the request
├── StaleVersionError     412  the resource was changed since it was read (`If-Match`)
├── TooLargeError         413  a limit of bytes is exceeded
├── UnsupportedMediaError 415  the content type is not supported
├── LimitedError          429  a limit of requests is exceeded
└── UnavailableError      503  an AWS service refused or did not answer: try again
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Violation:
    """One broken rule. `field` is a JSON pointer into the request body, or a parameter's name."""

    field: str
    message: str


def pointer(*parts: str | int) -> str:
    """A JSON pointer (RFC 6901) of these parts."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


class PosthornError(Exception):
    """The base class. `status` is the HTTP status, `code` the stable slug for programs."""

    status = 500
    code = "internal"

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code


class MalformedError(PosthornError):
    status = 400
    code = "malformed_json"


class InvalidError(PosthornError):
    status = 422
    code = "invalid_field"

    def __init__(
        self, detail: str, violations: Sequence[Violation] = (), *, code: str | None = None
    ) -> None:
        super().__init__(detail, code=code)
        self.violations = tuple(violations)

    @staticmethod
    def of(violations: Sequence[Violation], *, code: str | None = None) -> "InvalidError":
        """The error for one or more violations; its detail repeats the first."""
        first = violations[0]
        return InvalidError(f"{first.field or 'the body'}: {first.message}", violations, code=code)

    @staticmethod
    def at(field: str, message: str, *, code: str | None = None) -> "InvalidError":
        """The error for one violation."""
        return InvalidError.of([Violation(field, message)], code=code)


class NotFoundError(PosthornError):
    status = 404
    code = "not_found"


class ForbiddenError(PosthornError):
    status = 403
    code = "forbidden"


class ConflictError(PosthornError):
    status = 409
    code = "conflict"


class StaleVersionError(PosthornError):
    status = 412
    code = "stale_version"


class TooLargeError(PosthornError):
    status = 413
    code = "too_large"


class UnsupportedMediaError(PosthornError):
    status = 415
    code = "unsupported_media_type"


class LimitedError(PosthornError):
    status = 429
    code = "limited"


class UnavailableError(PosthornError):
    status = 503
    code = "unavailable"
