"""The log's filters, read from its form and its URLs."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self, TypeVar
from urllib.parse import urlencode

from console.log import words as log_words
from console.pages.wording import clock
from console.web.request import Fields
from posthorn.core.errors import InvalidError, Violation
from posthorn.deliveries.filters import DeliveryFilter, Order, StatusClass, WithTests
from posthorn.models import DeliveryStatus, Outcome, iso

RANGES = {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7)}
RANGE_WORDS = {
    "": "Any time",
    "1h": "Last hour",
    "24h": "Last 24 hours",
    "7d": "Last 7 days",
    "custom": "From … to …",
}
TEXT_SIZES = range(2, 257)  # characters of `q`, as in the API
_E = TypeVar("_E", bound=StrEnum)


@dataclass(frozen=True)
class LogFilters:
    """The filters as text; an empty one does not filter.

    `q` is searched in the payload too. `as_of` is the time of the first page, to which "the last
    hour" refers on all pages.
    """

    q: str = ""
    endpoint: str = ""
    event_type: str = ""
    status: str = ""
    outcome: str = ""
    status_code: str = ""
    range: str = ""
    since: str = ""
    until: str = ""
    order: str = ""
    test: str = ""
    event_id: str = ""
    as_of: str = ""

    @classmethod
    def read(cls, query: Fields) -> Self:
        """The filters of a query or a form. Two times without a range are a custom range.

        A text is searched in the longest range that a search allows.
        """
        values = {each.name: query.get(each.name) for each in fields(cls)}
        if not values["range"] and (values["since"] or values["until"]):
            values["range"] = "custom"
        if values["q"] and not values["range"]:
            values["range"] = "7d"
        if values["range"] != "custom":
            values["since"] = values["until"] = ""
        if values["order"] == Order.NEWEST:
            values["order"] = ""
        return cls(**values)

    @classmethod
    def of(cls, wanted: DeliveryFilter) -> Self:
        """The filters of a DeliveryFilter, with exact times."""
        is_ranged = wanted.since or wanted.until
        return cls(
            endpoint=next(iter(wanted.endpoint_ids), ""),
            event_type=wanted.event_type or "",
            status=wanted.status or "",
            outcome=wanted.outcome or "",
            status_code=wanted.status_class or "",
            range="custom" if is_ranged else "",
            since=iso(wanted.since) if wanted.since else "",
            until=iso(wanted.until) if wanted.until else "",
            event_id=wanted.event_id or "",
        )

    def wanted(self, now: datetime) -> DeliveryFilter:
        """Raise InvalidError that names each invalid filter."""
        broken: list[Violation] = []
        span = self._span(now, broken)
        if self.q and len(self.q) not in TEXT_SIZES:
            broken.append(
                Violation("q", f"takes {TEXT_SIZES.start} to {TEXT_SIZES[-1]} characters")
            )
        wanted = DeliveryFilter(
            endpoint_ids=(self.endpoint,) if self.endpoint else (),
            event_type=self.event_type or None,
            event_id=self.event_id or None,
            status=_one_of(DeliveryStatus, "status", self.status, broken),
            outcome=_one_of(Outcome, "outcome", self.outcome, broken),
            status_class=_one_of(StatusClass, "status_code", self.status_code, broken),
            since=span[0],
            until=span[1],
            test=_one_of(WithTests, "test", self.test, broken) or WithTests.EXCLUDE,
            order=_one_of(Order, "order", self.order, broken) or Order.NEWEST,
        )
        if broken:
            raise InvalidError.of(broken)
        return wanted

    def query(self, **changes: str) -> str:
        """The filters as the query of a URL, with these changes."""
        pairs = {**asdict(self), **changes}
        return urlencode({name: value for name, value in pairs.items() if value})

    def words(self, names: Mapping[str, str]) -> Iterator[str]:
        """One phrase per filter; `names` are the endpoints' names by id."""
        if self.q:
            yield f"“{self.q}”"
        if self.endpoint:
            yield f"to {names.get(self.endpoint, self.endpoint)}"
        if self.event_type:
            yield self.event_type
        if self.event_id:
            yield f"event {self.event_id}"
        yield from _called(self.status, log_words.STATUSES)
        yield from _called(self.outcome, log_words.OUTCOMES)
        yield from _called(self.status_code, log_words.STATUS_CLASSES)
        if self.range in RANGES:
            yield RANGE_WORDS[self.range].lower()
        if self.since:
            yield f"since {self.since}"
        if self.until:
            yield f"until {self.until}"
        if self.test == WithTests.INCLUDE:
            yield "with tests"
        if self.test == WithTests.ONLY:
            yield "only tests"

    @property
    def is_narrowed(self) -> bool:
        return any(value for name, value in asdict(self).items() if name not in ("order", "as_of"))

    @property
    def is_replayable(self) -> bool:
        """Whether a job can use them: at least one filter, no text and no tests."""
        return not self.q and not self.test and self.is_narrowed

    @property
    def has_more(self) -> bool:
        """Whether a filter is set that the form shows in its folded part."""
        return bool(self.outcome or self.status_code or self.order or self.test) or (
            self.range == "custom"
        )

    @property
    def since_local(self) -> str:
        return _in_form(self.since)

    @property
    def until_local(self) -> str:
        return _in_form(self.until)

    def _span(
        self, now: datetime, broken: list[Violation]
    ) -> tuple[datetime | None, datetime | None]:
        if self.range in RANGES:
            until = _moment("as_of", self.as_of, broken) or now
            return until - RANGES[self.range], until if self.q else None
        if self.range not in RANGE_WORDS:
            broken.append(Violation("range", f"is none of {', '.join(RANGES)} and custom"))
        return _moment("since", self.since, broken), _moment("until", self.until, broken)


def of_wanted(wanted: DeliveryFilter, names: Mapping[str, str]) -> list[str]:
    """A job's filters as phrases."""
    spoken = {
        name: clock(moment)
        for name, moment in (("since", wanted.since), ("until", wanted.until))
        if moment
    }
    return list(replace(LogFilters.of(wanted), **spoken).words(names))


def _called(value: str, words: Mapping[_E, str]) -> Iterator[str]:
    yield from (word.lower() for each, word in words.items() if each == value)


def _one_of(kind: type[_E], name: str, text: str, broken: list[Violation]) -> _E | None:
    if not text:
        return None
    try:
        return kind(text)
    except ValueError:
        broken.append(Violation(name, f"is none of {', '.join(kind)}"))
        return None


def _moment(name: str, text: str, broken: list[Violation]) -> datetime | None:
    """A time without a zone is in UTC."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        broken.append(Violation(name, "is not a time, such as 2026-11-23T10:00"))
        return None


def _in_form(text: str) -> str:
    """A time as the value of its input: in UTC, without a zone."""
    moment = _moment("", text, [])
    return f"{moment:%Y-%m-%dT%H:%M:%S}" if moment else ""
