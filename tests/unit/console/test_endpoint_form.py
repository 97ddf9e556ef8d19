"""The form of an endpoint has exactly the settings of the API."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.endpoints import durations
from console.endpoints.fields import placed, spec_of
from console.endpoints.form import ROWS, SECRETS, EndpointForm
from console.web.request import Fields
from posthorn.core.errors import InvalidError
from posthorn.models import MASK, EndpointSpec

CATALOGUE = ("OrderReceivedEvent", "JobCompletedEvent")
words = st.text("abcXYZ019._-", min_size=1, max_size=8)
lengths = st.floats(0.1, 1000, allow_nan=False) | st.integers(1, 5000).map(float)
lists = st.lists(words, max_size=3, unique=True)
rules = st.builds(
    lambda entity, insert, update, delete, text: {
        "entity": entity,
        "on_insert": insert,
        "on_update": update,
        "on_delete": delete,
        "filter": text,
    },
    words,
    st.booleans(),
    st.booleans() | lists.filter(bool),
    st.booleans(),
    st.none() | words,
)
auths = st.one_of(
    st.just({"kind": "none"}),
    st.builds(lambda a, b: {"kind": "basic", "username": a, "password": b}, words, words),
    st.builds(lambda a: {"kind": "bearer", "token": a}, words | st.just(MASK)),
    st.builds(lambda a, b: {"kind": "api_key", "header": a, "value": b}, words, words),
    st.builds(
        lambda a, b, c, d, e: {
            "kind": "oauth2",
            "token_url": a,
            "client_id": b,
            "client_secret": c,
            "client_auth": d,
            "audience": a,
            "parameters": e,
        },
        *(words, words, words | st.just(MASK), st.sampled_from(["basic", "body"])),
        st.dictionaries(st.sampled_from(["tenant", "x-y"]), st.sampled_from(["", "se", "a=b"])),
    ),
)
payloads = st.one_of(
    st.sampled_from([{"mode": "envelope"}, {"mode": "cloudevents"}]),
    st.builds(
        lambda some, none: {"mode": "data", "include": some or None, "exclude": none}, lists, lists
    ),
    st.builds(lambda text: {"mode": "custom", "expression": text}, words),
)
retries = st.one_of(
    st.builds(
        lambda delays: {"kind": "schedule", "delays_seconds": delays}, st.lists(lengths, max_size=5)
    ),
    st.builds(
        lambda first, factor, most, attempts: {
            "kind": "exponential",
            "first_delay_seconds": first,
            "factor": factor,
            "max_delay_seconds": most,
            "max_attempts": attempts,
        },
        *(lengths, st.floats(1, 10), lengths, st.integers(1, 50)),
    ),
)
specs = st.fixed_dictionaries(
    {
        "name": words,
        "url": words.map(lambda text: f"https://{text}/hook"),
        "event_types": st.lists(
            st.sampled_from(CATALOGUE) | st.sampled_from(["*", "Order*", "Other"]),
            min_size=1,
            max_size=4,
            unique=True,
        ),
    },
    optional={
        "description": words,
        "method": st.sampled_from(["POST", "PUT", "PATCH"]),
        "condition": words,
        "rules": st.lists(rules, max_size=3),
        "payload": payloads,
        "headers": st.dictionaries(st.text("abc-", min_size=1, max_size=5), words, max_size=3),
        "auth": auths,
        "signing": st.sampled_from([{"scheme": "v1"}, {"scheme": "v1a"}]),
        "timeout_seconds": st.floats(1, 30) | st.integers(1, 30),
        "follow_redirects": st.booleans(),
        "retry": retries,
        "status": st.sampled_from(["enabled", "paused", "disabled"]),
        "metadata": st.dictionaries(words, words, max_size=3),
    },
)


def sent(form: EndpointForm) -> Fields:
    """The fields that a browser sends for an untouched form."""
    pairs = [*form.texts.items(), *(("event_types", each) for each in form.types)]
    for name, rows in form.rows.items():
        pairs += [
            (f"{name}/{at}/{part}", text)
            for at, row in enumerate(rows)
            for part, text in row.items()
        ]
    return Fields(tuple(parse_qsl(urlencode(pairs), keep_blank_values=True)))


def with_sets(spec: EndpointSpec) -> dict[str, Any]:
    return {**spec.model_dump(), "event_types": set(spec.event_types)}


@given(specs)
def test_an_untouched_form_is_the_stored_endpoint(fields: dict[str, Any]) -> None:
    spec = EndpointSpec.model_validate(fields)

    there_and_back = spec_of(EndpointForm.read(sent(EndpointForm.of(spec, CATALOGUE))))

    assert with_sets(there_and_back) == with_sets(spec)


@given(specs)
def test_a_form_that_is_shown_holds_no_secret_that_was_typed(fields: dict[str, Any]) -> None:
    spec = EndpointSpec.model_validate({**fields, "headers": {"x-token": "hidden-4711"}})

    shown = EndpointForm.of(spec, CATALOGUE).shown()

    assert not any(shown.texts[name] for name in SECRETS)
    assert "hidden-4711" not in str(shown)


@given(lengths)
def test_a_length_of_time_is_read_as_it_was_written(seconds: float) -> None:
    assert durations.read(durations.written(seconds)) == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "seconds"), [("5", 5), ("1.5 s", 1.5), ("2 min", 120), ("6H", 21600), ("1 day", 86400)]
)
def test_a_length_of_time_is_read_as_people_write_it(text: str, seconds: float) -> None:
    assert durations.read(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5 parsecs", "1e9", "-5", "5,5", "1.2.3", "٣"])
def test_an_invalid_duration_is_kept_as_typed(text: str) -> None:
    assert durations.read(text) == text


def form(**changes: Any) -> EndpointForm:
    """A valid form with these changes."""
    rows = {name: changes.pop(name, ()) for name in ROWS}
    types = changes.pop("types", ("OrderReceivedEvent",))
    texts = {name.replace("__", "/"): text for name, text in changes.items()}
    blank = EndpointForm.blank(types, **{"url": "https://erp.example.com/hook", **texts})
    return EndpointForm(blank.texts, blank.types, rows)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"url": ""}, "url", "required"),
        ({"types": ()}, "event_types", "choose at least one"),
        ({"patterns": "Order*\nWhat?"}, "patterns", "beginning followed by *"),
        ({"timeout_seconds": "ages"}, "timeout_seconds", "a length of time"),
        ({"retry__delays_seconds": "5 s, soon"}, "retry/delays_seconds", "“soon” is no length"),
        ({"retry__kind": "exponential", "retry__factor": "x"}, "retry/factor", "must be a number"),
        ({"auth__kind": "bearer"}, "auth/token", "visible ASCII characters"),
        ({"auth__kind": "basic", "auth__username": "a:b"}, "auth/username", "colon"),
        ({"payload__mode": "custom"}, "payload/expression", "required"),
        ({"headers": ({"name": "a b", "value": "x", "kept": ""},)}, "headers/0", "letters"),
        ({"metadata": ({"name": "", "value": "x"},)}, "metadata/0", "required"),
    ],
)
def test_each_error_is_at_its_field(changes: dict[str, Any], field: str, words: str) -> None:
    typed = form(**changes)

    with pytest.raises(InvalidError) as refusal:
        spec_of(typed)

    assert words in placed(typed, refusal.value).at(field)
    assert {each.field for each in placed(typed, refusal.value)} == {field}


def test_a_header_that_is_there_twice_is_refused_at_its_row() -> None:
    row = {"name": "x-shop", "value": "se", "kept": ""}
    typed = form(headers=(row, {**row, "value": "no"}))

    with pytest.raises(InvalidError) as refusal:
        spec_of(typed)

    assert "twice" in placed(typed, refusal.value).at("headers/1")


def test_an_endpoint_without_a_name_is_called_as_its_host() -> None:
    assert spec_of(form(url="https://erp.example.com:8443/a?b=c")).name == "erp.example.com:8443"


def test_rows_can_be_added_and_taken_away() -> None:
    begun = form(headers=({"name": "a", "value": "1", "kept": ""},))

    added = begun.with_row("headers")
    assert [row["name"] for row in added.rows["headers"]] == ["a", ""]
    assert added.without_row("headers/0").rows["headers"] == (
        {"name": "", "value": "", "kept": ""},
    )
    assert begun.with_row("nothing") == begun.without_row("nothing/0") == begun
