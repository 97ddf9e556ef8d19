"""Valid settings that never fire are named, with the nearest right name."""

from typing import Any

import pytest

from posthorn.endpoints.spec_warnings import MAX_WARNINGS, spec_warnings
from posthorn.events.event_types import builtin
from posthorn.models import EndpointSpec

WORKING: dict[str, Any] = {"name": "ERP", "url": "https://erp.example.com", "event_types": ["*"]}
STOCK = {"event_types": ["SkuOnHandBreakPointNotification"]}
CUSTOMER = {"event_types": ["CustomerChangedNotification"]}
ORDER = {"event_types": ["OrderReceivedEvent"]}


def warned(**fields: Any) -> list[tuple[str, str, str | None]]:
    spec = EndpointSpec.model_validate({**WORKING, **fields})
    return [(each.field, each.message, each.suggestion) for each in spec_warnings(spec, builtin())]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"event_types": ["Order*", "JobCompletedEvent"]},
        {**STOCK, "condition": "data.OnHandValue < data.MinimumValue && type != 'x'"},
        {**STOCK, "condition": "contains(['SE1'], data.WarehouseCode) && change.operation == 'x'"},
        {**STOCK, "condition": "length(data.Lines[?Sku == 'a']) == `1` || `true`"},
        {"condition": "data.Anything == 'x'", "event_types": ["Unknown*", "OrderReceivedEvent"]},
        {**CUSTOMER, "rules": [{"entity": "tClientCustomer", "on_update": True}]},
        {**ORDER, "payload": {"mode": "data", "include": ["ClientId"], "exclude": ["Email"]}},
        {
            **ORDER,
            "payload": {"mode": "custom", "expression": "{id: data.ClientOrderRef, at: time}"},
        },
    ],
)
def test_settings_that_can_fire_have_no_warning(fields: dict[str, Any]) -> None:
    assert [each for each in warned(**fields) if not each[0].startswith("/event_types")] in (
        [],
        [("/condition", "no event type of the endpoint has data.Anything", None)],
        [
            (
                "/condition",
                "no event type of the endpoint has data.Lines",
                None,
            )
        ],
    )


@pytest.mark.parametrize(
    ("fields", "field", "message", "suggestion"),
    [
        (
            {"event_types": ["OrderRecievedEvent"]},
            "/event_types/0",
            "OrderRecievedEvent is not in the catalogue",
            "did you mean OrderReceivedEvent?",
        ),
        (
            {"event_types": ["orders*"]},
            "/event_types/0",
            "no event type of the catalogue begins with orders",
            None,
        ),
        (
            {**ORDER, "condition": '"true"'},
            "/condition",
            "true is the name of a field here",
            "write `true` with backticks",
        ),
        (
            {**ORDER, "condition": 'data.Source == "WEB"'},
            "/condition",
            '"WEB" in double quotes is the name of a field, which no event has',
            "write text in single quotes: 'WEB'",
        ),
        (
            {**ORDER, "condition": "Source == 'WEB'"},
            "/condition",
            "an event has no field Source outside its data",
            "did you mean data.Source?",
        ),
        (
            {**ORDER, "condition": "data.Emial != null"},
            "/condition",
            "no event type of the endpoint has data.Emial",
            "did you mean data.Email?",
        ),
        (
            {**CUSTOMER, "condition": "change.entitty == 'tClientCustomer'"},
            "/condition",
            "an event's change has no field entitty",
            "did you mean change.entity?",
        ),
        (
            {**CUSTOMER, "rules": [{"entity": "tClientCustomr", "on_insert": True}]},
            "/rules/0/entity",
            "no event type of the endpoint has the entity tClientCustomr",
            "did you mean tClientCustomer?",
        ),
        (
            {**CUSTOMER, "rules": [{"entity": "tClientCustomer"}]},
            "/rules/0",
            "no change is switched on: the rule never fires",
            None,
        ),
        (
            {**ORDER, "rules": [{"entity": "tOrder", "on_update": True}]},
            "/rules",
            "no event type of the endpoint is a notification, and rules concern these only",
            None,
        ),
        (
            {**ORDER, "payload": {"mode": "data", "exclude": ["customer.email", "email"]}},
            "/payload/exclude/1",
            "email is in no example of the endpoint's event types",
            "did you mean Email?",
        ),
        (
            {**ORDER, "payload": {"mode": "custom", "expression": "{a: data.OrderNumber}"}},
            "/payload/expression",
            "no event type of the endpoint has data.OrderNumber",
            None,
        ),
    ],
)
def test_a_setting_that_never_fires_is_named(
    fields: dict[str, Any], field: str, message: str, suggestion: str | None
) -> None:
    assert (field, message, suggestion) in warned(**fields)


def test_the_number_of_warnings_is_limited() -> None:
    assert len(warned(event_types=[f"Nothing{n}" for n in range(50)])) == MAX_WARNINGS
