"""The forms of a page as a browser reads them: their fields with the values in the page."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

_UNSENT = {"checkbox", "radio"}


@dataclass
class Form:
    action: str
    fields: dict[str, list[str]] = field(default_factory=dict)

    def filled(self, **changes: str | list[str]) -> dict[str, str | list[str]]:
        """The fields to send, with some values replaced; `__` in a name is written for `/`."""
        given = {name.replace("__", "/"): value for name, value in changes.items()}
        return {**self.fields, **given}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._area: str | None = None
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        name = told.get("name", "")
        if tag == "form":
            self.forms.append(Form(told.get("action", "")))
        elif tag == "input" and name and (told.get("type") not in _UNSENT or "checked" in told):
            self._add(name, told.get("value", ""))
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            if "selected" in told or self._select not in self.forms[-1].fields:
                self.forms[-1].fields[self._select] = [told.get("value", "")]
        elif tag == "textarea":
            self._area = name
            self._add(name, "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = None
        elif tag == "select":
            self._select = None

    def handle_data(self, data: str) -> None:
        if self._area:
            self.forms[-1].fields[self._area][-1] += data

    def _add(self, name: str, value: str) -> None:
        if self.forms:
            self.forms[-1].fields.setdefault(name, []).append(value)


def forms(page: str) -> Iterator[Form]:
    reader = _Reader()
    reader.feed(page)
    return iter(reader.forms)


def form(page: str, action: str) -> Form:
    """The form of the page with this action."""
    return next(each for each in forms(page) if each.action == action)
