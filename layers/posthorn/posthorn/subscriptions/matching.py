"""Match an event with endpoints: one decision per endpoint, with its reason.

Checked in this order: event types, disabled by the owner, rules, condition. A matching event is
held while the endpoint is paused or disabled by Posthorn.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from posthorn.core.errors import InvalidError
from posthorn.models import Change, Endpoint, EndpointSpec, EndpointStatus, Event, Operation, Rule
from posthorn.subscriptions.conditions import check_condition, evaluate
from posthorn.subscriptions.jmespath_expressions import document


class Verdict(StrEnum):
    MATCHED = "matched"
    HELD = "held"  # matched, but kept until the endpoint is enabled again
    OFF = "off"  # disabled by its owner
    TYPE_NOT_WANTED = "type_not_wanted"
    RULE_NOT_MET = "rule_not_met"
    CONDITION_NOT_MET = "condition_not_met"


@dataclass(frozen=True)
class Decision:
    """The decision about one event at one endpoint version; `reason` is one short sentence."""

    endpoint_id: str
    endpoint_version: int
    verdict: Verdict
    reason: str | None = None


def check_triggers(spec: EndpointSpec) -> None:
    """Raise InvalidError for each invalid condition and filter."""
    expressions = [("/condition", spec.condition)] + [
        (f"/rules/{index}/filter", rule.filter) for index, rule in enumerate(spec.rules)
    ]
    violations = [
        each for field, text in expressions if text for each in check_condition(text, field)
    ]
    if violations:
        raise InvalidError.of(violations)


def matches_type(patterns: Iterable[str], event_type: str) -> bool:
    """Whether a pattern is this type, or a prefix of it followed by `*`."""
    return any(
        event_type.startswith(pattern[:-1]) if pattern.endswith("*") else event_type == pattern
        for pattern in patterns
    )


def decisions(endpoints: Iterable[Endpoint], event: Event) -> tuple[Decision, ...]:
    """One decision per endpoint whose types include the event's; no other endpoint has one."""
    return tuple(
        decide(endpoint, event)
        for endpoint in endpoints
        if matches_type(endpoint.event_types, event.type)
    )


def decide(endpoint: Endpoint, event: Event) -> Decision:
    """Decide about one endpoint. Never raises.

    Rules apply to events with a `change` only: an endpoint with rules for customers and the pattern
    `Order*` gets all orders.
    """
    verdict, reason = _verdict(endpoint, event)
    return Decision(endpoint.id, endpoint.version, verdict, reason)


def type_not_wanted(event_type: str) -> str:
    return f"the endpoint does not subscribe to {event_type}"


def _verdict(endpoint: Endpoint, event: Event) -> tuple[Verdict, str | None]:
    if not matches_type(endpoint.event_types, event.type):
        return Verdict.TYPE_NOT_WANTED, type_not_wanted(event.type)
    if endpoint.is_off:
        return Verdict.OFF, "the endpoint was disabled by its owner"
    if event.change and endpoint.rules:
        unmet = _unmet_rules(endpoint.rules, event.change, event)
        if unmet:
            return Verdict.RULE_NOT_MET, unmet
    if endpoint.condition:
        evaluation = evaluate(endpoint.condition, document(event))
        if not evaluation.matched:
            return Verdict.CONDITION_NOT_MET, evaluation.reason
    if endpoint.status is EndpointStatus.DISABLED:
        return Verdict.HELD, endpoint.status_reason or "the endpoint was disabled after failures"
    if endpoint.status is EndpointStatus.PAUSED:
        return Verdict.HELD, "the endpoint is paused"
    return Verdict.MATCHED, None


def _unmet_rules(rules: Iterable[Rule], change: Change, event: Event) -> str | None:
    """None if a rule matches; else the reason of the last rule for the changed entity."""
    unmet: str | None = f"there is no rule for {change.entity}"
    for rule in rules:
        if rule.entity == change.entity:
            unmet = _unmet_rule(rule, change, event)
            if unmet is None:
                break
    return unmet


def _unmet_rule(rule: Rule, change: Change, event: Event) -> str | None:
    unmet = _unmet_operation(rule, change)
    if unmet is None and rule.filter:
        evaluation = evaluate(rule.filter, document(event))
        unmet = evaluation.reason and f"in the rule for {rule.entity}, {evaluation.reason}"
    return unmet


def _unmet_operation(rule: Rule, change: Change) -> str | None:
    included = {
        Operation.INSERT: rule.on_insert,
        Operation.UPDATE: rule.on_update,
        Operation.DELETE: rule.on_delete,
    }[change.operation]
    if not included:
        return f"the rule for {rule.entity} does not include {change.operation}"
    if isinstance(included, tuple) and not set(included) & set(change.fields):
        changed = ", ".join(change.fields[:5]) or "no named field"
        return f"the rule for {rule.entity} names other fields; changed: {changed}"
    return None
