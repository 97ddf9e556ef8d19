"""The attempts of a delivery on a page: as many in full as the page's size allows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from console.log import curl, excerpts
from console.log.excerpts import BodyExcerpt, Excerpt
from posthorn.deliveries.views import AttemptView, DeliveryWithAttempts

# All in bytes of HTML. A further attempt opens on the same page, or is downloaded.
ALL = 85_000  # of the page; the last attempt, or the requested one, is always shown
CLOSED, MARKUP = 1_100, 4_500  # of a closed attempt; and of an open one without headers and bodies
FEW = 15  # closed attempts, which leave room for the open one
BODY_OF_FEW, BODY, OTHER_BODY = 8_000, 3_000, 1_500
CURL, CURL_BODY = 6_000, 2_500
HEADER, HEADERS = 300, 6_000
PHASES = {
    "dns": "DNS",
    "connect": "Connect",
    "tls": "TLS",
    "reused": "Connection reused",
    "first_byte": "First byte",
    "rest": "Rest",
}


@dataclass(frozen=True)
class TimingBar:
    """One phase of an attempt; `x` and `width` are percentages of its duration."""

    phase: str
    words: str
    milliseconds: int
    x: float
    width: float


@dataclass(frozen=True)
class ShownHeaders:
    """`left_out` is the number of headers not shown, `size` the bytes of HTML of those shown."""

    shown: tuple[tuple[str, Excerpt], ...]
    left_out: int
    size: int


@dataclass(frozen=True)
class Details:
    """The details of an attempt. The request's body is shown once: each attempt sends the same."""

    request_headers: ShownHeaders
    request_body: BodyExcerpt | None
    response_headers: ShownHeaders
    response_body: BodyExcerpt | None
    bars: tuple[TimingBar, ...]
    curl: Excerpt

    @property
    def size(self) -> int:
        """Its approximate size in bytes of HTML."""
        bodies = [each for each in (self.request_body, self.response_body) if each]
        texts = [text for each in bodies for text in (each.raw, each.pretty) if text]
        told = sum(excerpts.html_size(each.text) for each in (*texts, self.curl))
        return MARKUP + told + self.request_headers.size + self.response_headers.size


@dataclass(frozen=True)
class ShownAttempt:
    """`details` is None if the attempt opens on a page of its own."""

    attempt: AttemptView
    is_open: bool
    details: Details | None


def shown(delivery: DeliveryWithAttempts, opened: int | None) -> list[ShownAttempt]:
    """The attempts, newest first. `opened` is the number of the open one, None for the last."""
    attempts = delivery.attempts
    numbers = {each.number for each in attempts}
    chosen = opened if opened in numbers else max(numbers, default=0)
    details: dict[int, Details] = {}
    left = ALL - CLOSED * len(attempts)
    for each in sorted(attempts, key=lambda each: (each.number != chosen, -each.number)):
        told = _details(delivery, each, is_chosen=each.number == chosen)
        left -= told.size
        if left < 0 and each.number != chosen:
            break
        details[each.number] = told
    return [
        ShownAttempt(each, each.number == chosen, details.get(each.number))
        for each in reversed(attempts)
    ]


def _details(delivery: DeliveryWithAttempts, attempt: AttemptView, *, is_chosen: bool) -> Details:
    sent, came = attempt.request, attempt.response
    first = BODY_OF_FEW if len(delivery.attempts) <= FEW else BODY
    most = first if is_chosen else OTHER_BODY
    return Details(
        request_headers=_headers(sent.headers),
        request_body=excerpts.body(delivery.body, most) if delivery.body and is_chosen else None,
        response_headers=_headers(came.headers if came else {}),
        response_body=excerpts.body(came.body, most) if came and came.body else None,
        bars=tuple(_bars(attempt)),
        curl=excerpts.excerpt(command(delivery, attempt, with_body=is_chosen), CURL),
    )


def _headers(headers: Mapping[str, str]) -> ShownHeaders:
    shown: list[tuple[str, Excerpt]] = []
    size = 0
    for name, value in headers.items():
        told = excerpts.excerpt(value, HEADER)
        size += excerpts.html_size(name) + excerpts.html_size(told.text) + len("<dt></dt><dd></dd>")
        if size > HEADERS:
            break
        shown.append((name, told))
    return ShownHeaders(tuple(shown), len(headers) - len(shown), size)


def command(delivery: DeliveryWithAttempts, attempt: AttemptView, *, with_body: bool) -> str:
    """The attempt as a shell command; a long body is read from a file."""
    sent = attempt.request
    body = delivery.body or ""
    is_long = not with_body or excerpts.excerpt(body, CURL_BODY).is_cut
    return curl.command(
        sent.method,
        sent.url,
        sent.headers,
        body=delivery.body,
        body_file=body_file(delivery.event_id) if body and is_long else None,
    )


def body_file(event_id: str) -> str:
    """The file name of the downloaded body."""
    return f"{event_id}.txt"


def _bars(attempt: AttemptView) -> Iterator[TimingBar]:
    whole = max(attempt.duration_ms, sum(attempt.timings_ms.values()), 1)
    spent = {**attempt.timings_ms, "rest": attempt.duration_ms - sum(attempt.timings_ms.values())}
    begun = 0
    for phase, words in PHASES.items():
        milliseconds = spent.get(phase, 0)
        if milliseconds > 0 or phase in attempt.timings_ms:
            width = max(0, milliseconds) * 100 / whole
            yield TimingBar(
                phase, words, milliseconds, round(begun * 100 / whole, 2), round(width, 2)
            )
            begun += max(0, milliseconds)
