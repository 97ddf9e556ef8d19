"""Which endpoints an event goes to: one decision per endpoint, with its reason (design.md §7).

In turn: does the endpoint want the type, is it switched on, does one of its rules fire, is its
condition met. What matches while the endpoint is paused, or disabled by us, is held.
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
    HELD = "held"  # matched, and kept until the endpoint is enabled again
    OFF = "off"  # switched off by its owner: not tracked
    TYPE_NOT_WANTED = "type_not_wanted"
    RULE_NOT_MET = "rule_not_met"
    CONDITION_NOT_MET = "condition_not_met"


@dataclass(frozen=True)
class Decision:
    """What becomes of one event at one version of an endpoint; `reason` is one short sentence."""

    endpoint_id: str
    endpoint_version: int
    verdict: Verdict
    reason: str | None = None


def check_triggers(spec: EndpointSpec) -> None:
    """Raise InvalidError that names each condition and filter that cannot be evaluated."""
    written = [("/condition", spec.condition)] + [
        (f"/rules/{index}/filter", rule.filter) for index, rule in enumerate(spec.rules)
    ]
    violations = [each for field, text in written if text for each in check_condition(text, field)]
    if violations:
        raise InvalidError.of(violations)


def wants(patterns: Iterable[str], event_type: str) -> bool:
    """Whether one of the patterns is this type, or a prefix of it that ends in `*`."""
    return any(
        event_type.startswith(pattern[:-1]) if pattern.endswith("*") else event_type == pattern
        for pattern in patterns
    )


def decide(endpoint: Endpoint, event: Event) -> Decision:
    """Decide, without raising, whatever was stored and published.

    Rules speak of changes, so they do not concern an event that carries no `change`: an endpoint
    with rules for customers and the pattern `Order*` gets its orders.
    """
    verdict, reason = _verdict(endpoint, event)
    return Decision(endpoint.id, endpoint.version, verdict, reason)


def _verdict(endpoint: Endpoint, event: Event) -> tuple[Verdict, str | None]:
    if not wants(endpoint.event_types, event.type):
        return Verdict.TYPE_NOT_WANTED, f"the endpoint does not subscribe to {event.type}"
    if endpoint.is_off:
        return Verdict.OFF, "the endpoint was switched off by its owner"
    if event.change and endpoint.rules:
        unmet = _unmet_rules(endpoint.rules, event.change, event)
        if unmet:
            return Verdict.RULE_NOT_MET, unmet
    if endpoint.condition:
        evaluation = evaluate(endpoint.condition, document(event))
        if not evaluation.matched:
            return Verdict.CONDITION_NOT_MET, evaluation.reason
    if endpoint.status is EndpointStatus.DISABLED:
        return Verdict.HELD, endpoint.status_reason or "the endpoint was disabled for its failures"
    if endpoint.status is EndpointStatus.PAUSED:
        return Verdict.HELD, "the endpoint is paused"
    return Verdict.MATCHED, None


def _unmet_rules(rules: Iterable[Rule], change: Change, event: Event) -> str | None:
    """None when a rule fires; else why the last rule for the changed entity does not."""
    unmet: str | None = f"no rule is about {change.entity}"
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
    fires = {
        Operation.INSERT: rule.on_insert,
        Operation.UPDATE: rule.on_update,
        Operation.DELETE: rule.on_delete,
    }[change.operation]
    if not fires:
        return f"the rule for {rule.entity} does not fire on {change.operation}"
    if isinstance(fires, tuple) and not set(fires) & set(change.fields):
        changed = ", ".join(change.fields[:5]) or "no field by name"
        return f"the rule for {rule.entity} fires on other fields; changed: {changed}"
    return None
