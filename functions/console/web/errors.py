"""Violations at the fields of a form, and errors as pages."""

from collections.abc import Iterator
from dataclasses import dataclass

from console.web.answer import Page, page
from posthorn.core.errors import InvalidError, PosthornError, Violation
from posthorn.core.problem_details import problem


@dataclass(frozen=True)
class FieldErrors:
    """The violations of a form. A field has the name of its JSON pointer without the first `/`.

    So `url` of a form is `/url` of the API, and `auth/token` is `/auth/token`.
    """

    violations: tuple[Violation, ...] = ()

    @classmethod
    def of(cls, refusal: InvalidError) -> "FieldErrors":
        return cls(refusal.violations or (Violation("", refusal.detail),))

    def at(self, name: str) -> str:
        """The message about this field, or an empty text."""
        return "; ".join(each.message for each in self if each.field == name)

    def __iter__(self) -> Iterator[Violation]:
        return iter(Violation(each.field.lstrip("/"), each.message) for each in self.violations)

    def __bool__(self) -> bool:
        return bool(self.violations)


NO_ERRORS = FieldErrors()


def error_page(error: PosthornError) -> Page:
    told = problem(error)
    return page(
        "error.html",
        status=error.status,
        title=told["title"],
        detail=error.detail,
        violations=FieldErrors.of(error) if isinstance(error, InvalidError) else NO_ERRORS,
    )
