from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorn.core.errors import InvalidError
from posthorn.models import Change, Endpoint, EndpointSpec, Event, Rule
from posthorn.subscriptions.matching import Decision, Verdict, check_triggers, decide, matches_type
from tests.unit.samples import changes, endpoint, event, objects, stored

CUSTOMER = "CustomerChangedNotification"


def verdict(change: dict[str, Any] | None, *rules: dict[str, Any]) -> tuple[Verdict, str | None]:
    decision = decide(endpoint(rules=rules), event(type=CUSTOMER, change=change))
    return decision.verdict, decision.reason


def changed(operation: str, *fields: str) -> dict[str, Any]:
    return {"entity": "tClientCustomer", "operation": operation, "fields": fields}


@pytest.mark.parametrize(
    ("patterns", "event_type", "wanted"),
    [
        (["OrderReceivedEvent"], "OrderReceivedEvent", True),
        (["OrderReceivedEvent"], "OrderReceivedEventV2", False),
        (["orderreceivedevent"], "OrderReceivedEvent", False),
        (["Order*"], "OrderReceivedEvent", True),
        (["Order*"], "Order", True),
        (["Order*"], "PreOrder", False),
        (["Sku.*"], "SkuX", False),
        (["Sku.*"], "Sku.changed", True),
        (["Job*", "Order*"], "OrderReceivedEvent", True),
        (["*"], "anything", True),
        ([], "anything", False),
    ],
)
def test_a_pattern_is_a_name_or_the_beginning_of_one(
    patterns: list[str], event_type: str, wanted: bool
) -> None:
    assert matches_type(patterns, event_type) is wanted


@given(st.text("AB.", max_size=4), st.text("AB.", max_size=5), st.booleans())
def test_a_wildcard_takes_exactly_the_names_that_go_on_from_its_prefix(
    prefix: str, name: str, wild: bool
) -> None:
    taken = name[: len(prefix)] == prefix if wild else name == prefix
    assert matches_type([prefix + "*" * wild], name) is taken


def test_an_endpoint_without_triggers_gets_each_event_of_a_type_it_wants() -> None:
    target = endpoint(event_types=["Sku*"])
    assert decide(target, event()) == Decision(target.id, 3, Verdict.MATCHED)


@pytest.mark.parametrize(
    ("fields", "expected", "reason"),
    [
        (
            {"event_types": ["Order*"]},
            Verdict.TYPE_NOT_WANTED,
            "the endpoint does not subscribe to SkuOnHandBreakPointNotification",
        ),
        (
            {"status": "disabled", "disabled_by": "owner"},
            Verdict.OFF,
            "the endpoint was disabled by its owner",
        ),
        ({"status": "disabled"}, Verdict.OFF, "the endpoint was disabled by its owner"),
        (
            {"condition": "data.OnHandValue > data.MinimumValue"},
            Verdict.CONDITION_NOT_MET,
            "data.OnHandValue > data.MinimumValue is false: 4 > 5",
        ),
        ({"status": "paused"}, Verdict.HELD, "the endpoint is paused"),
        (
            {"status": "disabled", "disabled_by": "gone", "status_reason": "it answered 410"},
            Verdict.HELD,
            "it answered 410",
        ),
        (
            {"status": "disabled", "disabled_by": "failing"},
            Verdict.HELD,
            "the endpoint was disabled after failures",
        ),
        (
            {"status": "paused", "condition": "`false`"},
            Verdict.CONDITION_NOT_MET,
            "`false` is false",
        ),
        (
            {"status": "disabled", "disabled_by": "owner", "condition": "`false`"},
            Verdict.OFF,
            "the endpoint was disabled by its owner",
        ),
    ],
)
def test_an_event_that_is_not_delivered_has_a_reason(
    fields: dict[str, Any], expected: Verdict, reason: str
) -> None:
    decision = decide(endpoint(**fields), event())
    assert (decision.verdict, decision.reason) == (expected, reason)


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ({"on_insert": True}, changed("insert")),
        ({"on_delete": True}, changed("delete")),
        ({"on_update": True}, changed("update")),
        ({"on_update": True}, changed("update", "City")),
        ({"on_update": ["Email", "City"]}, changed("update", "City", "Zip")),
        ({"on_update": True, "filter": "data.CustomerId == `7`"}, changed("update")),
        ({"on_update": True, "filter": "contains(change.fields, 'Zip')"}, changed("update", "Zip")),
    ],
)
def test_a_rule_fires_on_the_entity_operation_and_fields_it_names(
    rule: dict[str, Any], change: dict[str, Any]
) -> None:
    target = endpoint(rules=[{"entity": "tClientCustomer", **rule}])
    decision = decide(target, event({"CustomerId": 7}, type=CUSTOMER, change=change))
    assert decision.verdict is Verdict.MATCHED


@pytest.mark.parametrize(
    ("rule", "change", "reason"),
    [
        (
            {"entity": "tClientCustomerFlag", "on_insert": True},
            changed("insert"),
            "there is no rule for tClientCustomer",
        ),
        (
            {"entity": "tClientCustomer", "on_insert": True},
            changed("delete"),
            "the rule for tClientCustomer does not include delete",
        ),
        (
            {"entity": "tClientCustomer", "on_update": []},
            changed("update", "City"),
            "the rule for tClientCustomer does not include update",
        ),
        (
            {"entity": "tClientCustomer", "on_update": ["Email"]},
            changed("update", "City", "Zip"),
            "the rule for tClientCustomer names other fields; changed: City, Zip",
        ),
        (
            {"entity": "tClientCustomer", "on_update": ["Email"]},
            changed("update"),
            "the rule for tClientCustomer names other fields; changed: no named field",
        ),
        (
            {"entity": "tClientCustomer", "on_insert": True, "filter": "data.CustomerId == `8`"},
            changed("insert"),
            "in the rule for tClientCustomer, data.CustomerId == `8` is false: null == 8",
        ),
    ],
)
def test_a_rule_that_does_not_fire_says_why(
    rule: dict[str, Any], change: dict[str, Any], reason: str
) -> None:
    assert verdict(change, rule) == (Verdict.RULE_NOT_MET, reason)


def test_one_rule_that_fires_is_enough() -> None:
    never = {"entity": "tClientCustomer", "on_insert": True}
    fires = {"entity": "tClientCustomer", "on_delete": True}
    assert verdict(changed("delete"), never, fires, never) == (Verdict.MATCHED, None)


def test_rules_do_not_concern_an_event_that_carries_no_change() -> None:
    assert verdict(None, {"entity": "tClientCustomer"}) == (Verdict.MATCHED, None)


def test_a_condition_is_asked_after_the_rules() -> None:
    rules = [{"entity": "tClientCustomer", "on_insert": True}]
    target = endpoint(rules=rules, condition="change.operation == 'delete'")
    decision = decide(target, event(change=changed("insert")))
    assert decision.verdict is Verdict.CONDITION_NOT_MET


def test_every_condition_and_filter_that_cannot_be_compiled_is_named() -> None:
    spec = EndpointSpec(
        name="ERP",
        url="https://erp.example.com/",
        event_types=("*",),
        condition="a &&",
        rules=(Rule(entity="t", filter="a == `1`"), Rule(entity="t", filter="nope()")),
    )
    with pytest.raises(InvalidError) as caught:
        check_triggers(spec)
    fields = [violation.field for violation in caught.value.violations]
    assert fields == ["/condition", "/rules/1/filter"]


rules = st.builds(
    Rule,
    entity=st.sampled_from(["tOrder", "tClientCustomer"]),
    on_insert=st.booleans(),
    on_update=st.booleans() | st.lists(st.sampled_from(["Email", "City"]), max_size=2).map(tuple),
    on_delete=st.booleans(),
    filter=st.none() | stored,
)
endpoints = st.builds(
    endpoint,
    event_types=st.lists(st.sampled_from(["*", "Sku*", "Order*", "JobCompletedEvent"]), min_size=1),
    condition=st.none() | stored,
    rules=st.lists(rules, max_size=3),
    status=st.sampled_from(["enabled", "paused", "disabled"]),
    disabled_by=st.sampled_from([None, "owner", "gone", "failing"]),
)


def odd_event(data: dict[str, Any], event_type: str, change: Change | None) -> Event:
    return event(data, type=event_type, change=change)


@given(
    target=endpoints,
    published=st.builds(
        odd_event,
        data=objects,
        event_type=st.sampled_from(["SkuChangedNotification", "OrderReceivedEvent", "X"]),
        change=st.none() | changes,
    ),
)
def test_no_event_and_no_stored_endpoint_make_a_decision_raise(
    target: Endpoint, published: Event
) -> None:
    decision = decide(target, published)
    assert (decision.endpoint_id, decision.endpoint_version) == (target.id, target.version)
    assert (decision.reason is None) is (decision.verdict is Verdict.MATCHED)
