"""Trigger conditions: JMESPath expressions over the event.

Only the value true meets a condition: not a number, null or an error. The reason names the first
operand of `&&` that is false, with the values it compared.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from posthorn.core.errors import Violation
from posthorn.subscriptions.jmespath_expressions import (
    Expression,
    ExpressionError,
    Interpreter,
    nesting,
    parse,
    tokenize,
)

# About 50 ms: enough to filter 4,000 lines, and to evaluate a thousand endpoints in a minute.
MAX_STEPS = 20_000
_SIGNS = {"eq": "==", "ne": "!=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


@dataclass(frozen=True)
class Evaluation:
    """Whether the event meets the condition; if not, the reason in one short sentence."""

    matched: bool
    reason: str | None = None


def check_condition(text: str, field: str) -> list[Violation]:
    """The violation of an invalid condition in this field of a request, with the column."""
    try:
        _clauses(text)
    except ExpressionError as error:
        return [Violation(field, str(error))]
    return []


def evaluate(condition: str, document: Mapping[str, Any]) -> Evaluation:
    """Evaluate over `jmespath_expressions.document`. Never raises."""
    search = Interpreter(MAX_STEPS)
    value: Any = None
    try:
        for clause in _clauses(condition):
            value, compared = _value(clause, document, search)
            if _is_false(value):
                return _unmet(f"{_cut(clause.text, 120)} is {_described(clause, value, compared)}")
    except ExpressionError as error:
        return _unmet(f"the condition {error}")
    if value is not True:
        return _unmet(f"the condition gives {_show(value)}, not true or false")
    return Evaluation(True)


@lru_cache(maxsize=4096)
def _clauses(text: str) -> tuple[Expression, ...]:
    """The operands of the outermost `&&`; evaluated in order they give the value of the whole."""
    whole = parse(text)
    if whole.tree["type"] != "and_expression":
        return (whole,)
    outer = [token for token, depth in nesting(tokenize(text)) if depth == 0]
    if any(token["type"] in ("or", "pipe") for token in outer):
        return (whole,)
    clauses, start = [], 0
    for token in outer:
        if token["type"] in ("and", "eof"):
            clauses.append(parse(text[start : token["start"]].strip()))
            start = token["start"] + len("&&")
    return tuple(clauses)


def _value(
    clause: Expression, document: Mapping[str, Any], search: Interpreter
) -> tuple[Any, list[Any]]:
    """The value of a clause, and the values it compared."""
    tree = clause.tree
    if tree["type"] != "comparator":
        return search.evaluate(tree, document), []
    left, right = (search.evaluate(side, document) for side in tree["children"])
    return search.compare(tree["value"], left, right), [left, right]


def _described(clause: Expression, value: Any, compared: list[Any]) -> str:
    if not compared:
        return _show(value)
    comparison = f" {_SIGNS[clause.tree['value']]} ".join(map(_show, compared))
    if value is None:
        return f"not met: {comparison} needs two numbers or two strings"
    return f"false: {comparison}"


def _unmet(reason: str) -> Evaluation:
    # An unpaired surrogate cannot be stored.
    return Evaluation(False, reason.encode("utf-8", "backslashreplace").decode())


def _is_false(value: Any) -> bool:
    """Whether JMESPath treats the value as false."""
    return value is None or value is False or (isinstance(value, (str, list, dict)) and not value)


def _show(value: Any) -> str:
    if value and isinstance(value, (list, dict)):
        return f"an {'array' if isinstance(value, list) else 'object'} of {len(value)}"
    try:
        shown = json.dumps(_cut(value, 60) if isinstance(value, str) else value, ensure_ascii=False)
    except ValueError:  # Python converts at most 4,300 digits
        return "a very long number"
    return _cut(shown, 80)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
