"""Refusals say what is wrong, where, and in words that stay the same for programs."""

import re
from typing import Any

import pytest
from pydantic import ValidationError

from posthorn.core import errors
from posthorn.core.errors import InvalidError, PosthornError, Violation
from posthorn.core.problem_details import invalid, pointer_of, problem
from posthorn.models import EndpointSpec, EventTypeSpec, Model, TenantSpec

WORKING: dict[str, Any] = {"name": "ERP", "url": "https://erp.example.com", "event_types": ["*"]}
SPECS: dict[type[Model], dict[str, Any]] = {
    EndpointSpec: WORKING,
    EventTypeSpec: {"schema": {"type": "object"}, "example": {}},
    TenantSpec: {"name": "Acme"},
}
WRONG: list[Any] = [
    *(None, True, -1, 1.5, 1e300, float("nan"), "", "a b!", "x" * 5000, "\ud800", 10**5000),
    *([], [1], [[]], [""], ["a!"], ["x"] * 200, {}, {"a b": "x"}, {"a": "\n"}, {"nmae": 1}),
    *({"kind": "bsic"}, {"kind": "basic", "username": "a:b", "password": ""}, {"scheme": "v2"}),
    *({"kind": "bearer", "token": "a b"}, {"kind": "api_key", "header": "a b", "value": "\n"}),
    *({"kind": "oauth2", "client_id": "\n", "scope": "\n", "client_auth": "bodi"}, {"kind": 1}),
    *({"kind": "schedule", "delays_seconds": [0, "x", 1e9]}, {"kind": "schedule", "delays": 1}),
    *({"kind": "exponential", "factor": "x", "max_attempts": 1.5}, {"endpoints": "x"}),
    *({"mode": "envelop"}, {"mode": "data", "include": [1]}, {"mode": "custom"}),
    *([{"entity": "", "on_update": 5, "on_insert": "maybe", "filter": 1}], [{"name": ""}]),
]
NOT_PLAIN = re.compile(
    r"[\^\[\]{}\\|$]|Input|should|pydantic|valid|\b(str|int|float|bool|dict|tuple|None|NoneType|"
    r"string_type|discriminator|tag|instance|dictionary|boolean|integer)\b"
)
REFUSALS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, PosthornError)
]


def refusal(**fields: Any) -> InvalidError:
    with pytest.raises(ValidationError) as found:
        EndpointSpec.model_validate({**WORKING, **fields})
    return invalid(found.value.errors())


@pytest.mark.parametrize("kind", REFUSALS)
def test_every_refusal_has_a_title_a_status_and_a_code(kind: type[PosthornError]) -> None:
    document = problem(kind("because"))

    assert document["title"]
    assert document["status"] == kind.status
    assert document["type"] == f"urn:posthorn:problem:{document['code']}"
    assert document["detail"] == "because"


def test_no_two_refusals_share_a_code() -> None:
    assert len({kind.code for kind in REFUSALS}) == len(REFUSALS)


def test_broken_rules_are_told_field_by_field() -> None:
    error = InvalidError("/a: no", [Violation("/a", "no"), Violation("/b/0", "nor this")])

    assert problem(error)["errors"] == [
        {"field": "/a", "message": "no"},
        {"field": "/b/0", "message": "nor this"},
    ]


@pytest.mark.parametrize(
    ("location", "written"),
    [
        ((), ""),
        (("name",), "/name"),
        (("event_types", 3), "/event_types/3"),
        (("retry", "schedule", "delays_seconds", 0), "/retry/delays_seconds/0"),
        (("auth", "oauth2", "token_url"), "/auth/token_url"),
        (("payload", "custom", "expression"), "/payload/expression"),
        (("rules", 2, "on_update"), "/rules/2/on_update"),
        (("headers", "x a", "[key]"), "/headers/x a"),
        (("metadata", "a/b~c"), "/metadata/a~1b~0c"),
        (("metadata", "schedule"), "/metadata/schedule"),
    ],
)
def test_a_pointer_leads_to_what_was_sent(location: tuple[str | int, ...], written: str) -> None:
    assert pointer_of(location) == written


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"nmae": "x"}, "/nmae", "unknown field"),
        ({"retry": {"kind": "schedule", "delay": 1}}, "/retry/delay", "unknown field"),
        ({"auth": {"kind": "basic", "username": "a"}}, "/auth/password", "required"),
        ({"auth": {}}, "/auth/kind", "required"),
        ({"payload": 5}, "/payload", "must be an object"),
        ({"headers": []}, "/headers", "must be an object"),
        (
            {"retry": {"kind": "schedule", "delays_seconds": [604_800, 1]}},
            "/retry",
            "the delays must add up to at most 7 days",
        ),
    ],
)
def test_what_breaks_a_model_is_told_in_plain_words(
    fields: dict[str, Any], field: str, message: str
) -> None:
    assert refusal(**fields).violations == (Violation(field, message),)


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"payload": {"mode": "envelop"}}, "/payload/mode", "did you mean envelope?"),
        ({"status": "Enable"}, "/status", "must be one of enabled, paused, disabled"),
        ({"status": "Enable"}, "/status", "did you mean enabled?"),
        ({"method": "pst"}, "/method", "did you mean POST?"),
        ({"auth": {"kind": "bsic"}}, "/auth/kind", "did you mean basic?"),
    ],
)
def test_a_wrong_choice_names_all_and_the_nearest(
    fields: dict[str, Any], field: str, message: str
) -> None:
    (violation,) = refusal(**fields).violations

    assert violation.field == field
    assert message in violation.message


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (spec, field.alias or name)
        for spec in SPECS
        for name, field in spec.model_fields.items()
        if field.annotation is not Any
    ],
)
def test_no_message_shows_a_regular_expression_or_how_it_is_programmed(
    spec: type[Model], field: str
) -> None:
    messages: set[str] = set()
    for value in WRONG:
        try:
            spec.model_validate({**SPECS[spec], field: value})
        except ValidationError as error:
            messages |= {each.message for each in invalid(error.errors()).violations}

    assert messages
    assert [each for each in messages if NOT_PLAIN.search(each)] == []


@pytest.mark.parametrize(
    "fields",
    [
        {"auth": {"kind": "hunter2"}},
        {"auth": "hunter2"},
        {"auth": {"kind": "bearer", "token": "hunter2\n"}},
        {"auth": {"kind": "bearer", "token": ["hunter2"]}},
        {"auth": {"kind": "api_key", "header": "x-key", "value": "hunter2\r\nx: y"}},
        {"headers": {"x-key": "hunter2\n"}},
        {"method": "hunter2"},
        {"timeout_seconds": "hunter2"},
        {"status": "hunter2"},
        {"event_types": ["hunter2!"]},
        {"rules": [{"entity": "a", "on_update": "hunter2"}]},
    ],
)
def test_what_was_sent_is_never_repeated(fields: dict[str, Any]) -> None:
    assert "hunter2" not in str(problem(refusal(**fields)))


def test_a_finding_about_a_parameter_names_the_parameter() -> None:
    finding = {"type": "int_parsing", "loc": ("query", "limit"), "msg": "no", "parameter": "limit"}

    assert invalid([finding]).violations == (Violation("limit", "must be a whole number"),)
