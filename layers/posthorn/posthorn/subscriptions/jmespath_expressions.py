"""JMESPath expressions over an event: checked when saved, evaluated with a budget of steps.

JMESPath has no loops, but an expression can double its data at each step (`[@, @][] | [@, @][] |
…`). So an evaluation may take a limited number of steps: one for each visited node, and one for
each value that a function, a flattening, or a comparison of arrays and objects processes.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import jmespath
from jmespath.exceptions import (
    EmptyExpressionError,
    IncompleteExpressionError,
    JMESPathTypeError,
    LexerError,
    ParseError,
)
from jmespath.functions import TYPES_MAP, Functions, signature
from jmespath.lexer import Lexer
from jmespath.visitor import TreeInterpreter

from posthorn.core.json_values import equal, number
from posthorn.models import Event, iso

MAX_CHARACTERS = 4096  # the limit of CustomPayload.expression
MAX_DEPTH = 64  # keeps parser and interpreter far from Python's recursion limit
MAX_STEPS = 200_000  # about 0.5 s: enough for 5,000 order lines of ten fields


class _JsonFunctions(Functions):
    """The functions of JMESPath; those that compare or read numbers do it as JSON does."""

    @signature({"types": ["array", "string"]}, {"types": []})
    def _func_contains(self, subject: Any, search: Any) -> Any:
        if isinstance(subject, list):
            return any(equal(each, search) for each in subject)
        return search in subject

    @signature({"types": []})
    def _func_to_number(self, value: Any) -> int | float | None:
        if isinstance(value, str):
            return number(value)
        return value if _kind(value) == "number" else None


_CALLS = _JsonFunctions()
_OPENING = {"lparen", "lbracket", "lbrace", "filter"}
_CLOSING = {"rparen", "rbracket", "rbrace"}
_TOO_DEEP = f"is nested deeper than {MAX_DEPTH}"
_EXPREF_ARGUMENT = {"map": 0, "sort_by": 1, "min_by": 1, "max_by": 1}
# Errors of Python that jmespath does not catch: `contains('a', `1`)` is a TypeError, `ceil` of
# infinity an OverflowError.
_FAILURES = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)

Node = Any  # of jmespath's tree: a dict with type, value, children
Token = Any  # of jmespath: a dict with type, value, start


class ExpressionError(Exception):
    """The expression is invalid or fails on an event; the message reads as a predicate."""


@dataclass(frozen=True)
class Expression:
    text: str
    tree: Node


def document(event: Event) -> dict[str, Any]:
    """The document that expressions are evaluated on, with the names of the publication."""
    return {
        "id": event.id,
        "type": event.type,
        "tenant": event.tenant,
        "time": iso(event.time),
        "data": event.data,
        "change": event.change and event.change.model_dump(mode="json"),
    }


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """Parse and check an expression; raise ExpressionError with the column of the error."""
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(f"is longer than {MAX_CHARACTERS} characters")
    try:
        with warnings.catch_warnings():
            # For literals that are not JSON, which `_check_tokens` refuses.
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            tokens = tokenize(text)
            _check_tokens(text, tokens)
            tree = jmespath.compile(text).parsed
    except (EmptyExpressionError, IncompleteExpressionError) as error:
        raise _at(len(text), "ends too early") from error
    except LexerError as error:
        raise _at(error.lexer_position, f"has an error: {error.message}") from error
    except ParseError as error:
        found = repr(error.token_value) if error.lex_position < len(text) else "end"
        hint = f"; a number is written `{found}`" if isinstance(error.token_value, int) else ""
        raise _at(error.lex_position, f"has an unexpected {found}{hint}") from error
    except RecursionError as error:
        raise ExpressionError(_TOO_DEEP) from error
    except _FAILURES as error:
        raise ExpressionError("is not valid JMESPath") from error
    _check_tree(tree, tokens)
    return Expression(text, tree)


def tokenize(text: str) -> list[Token]:
    return list(Lexer().tokenize(text))


def nesting(tokens: list[Token]) -> Iterator[tuple[Token, int]]:
    """Each token with the number of open brackets before it."""
    depth = 0
    for token in tokens:
        depth -= token["type"] in _CLOSING
        yield token, depth
        depth += token["type"] in _OPENING


def _at(position: int, wrong: str) -> ExpressionError:
    return ExpressionError(f"{wrong} (column {position + 1})")


def _check_tokens(text: str, tokens: list[Token]) -> None:
    for token, depth in nesting(tokens):
        if depth > MAX_DEPTH:
            raise _at(token["start"], _TOO_DEEP)
        written = text[token["start"] :]
        is_bare = isinstance(token["value"], str) and not written[1:].lstrip().startswith('"')
        if token["type"] == "literal" and written[0] == "`" and is_bare:
            raise _at(
                token["start"], "has a literal that is not JSON; a string is written as 'text'"
            )


def _check_tree(tree: Node, tokens: list[Token]) -> None:
    starts = _starts(tokens)
    allowed: set[int] = set()
    for node, depth in _in_order(tree):
        if depth > MAX_DEPTH:
            raise ExpressionError(_TOO_DEEP)
        if node["type"] in ("subexpression", "value_projection"):
            _check_negation(node["children"][0])
        if node["type"] == "function_expression":
            _check_call(node, next(starts[node["type"]]))
            if (place := _EXPREF_ARGUMENT.get(node["value"])) is not None:
                allowed.add(id(node["children"][place]))
        if node["type"] == "expref":
            start = next(starts[node["type"]])
            if id(node) not in allowed:
                # Elsewhere its value is not JSON and would be shown as a memory address.
                raise _at(
                    start, f"has an `&` outside the arguments of {', '.join(_EXPREF_ARGUMENT)}"
                )


def _starts(tokens: list[Token]) -> dict[str, Iterator[int]]:
    """The positions of functions and `&`; `_in_order` yields their nodes in the same order."""
    return {
        "expref": (each["start"] for each in tokens if each["type"] == "expref"),
        "function_expression": (
            each["start"]
            for each, following in pairwise(tokens)
            if (each["type"], following["type"]) == ("unquoted_identifier", "lparen")
        ),
    }


def _in_order(tree: Node) -> Iterator[tuple[Node, int]]:
    """Each node with its depth, in the order of the text."""
    stack = [(tree, 1)]
    while stack:
        node, depth = stack.pop()
        yield node, depth
        children = node["children"] if node["type"] != "slice" else []
        if node["type"] == "filter_projection":
            left, right, condition = children
            children = [left, condition, right]
        stack.extend((child, depth + 1) for child in reversed(children))


def _check_negation(left: Node) -> None:
    # In jmespath `!` binds closer than the dot, so `!data.Active` would be null for every event.
    if left["type"] == "not_expression":
        raise ExpressionError("negates a name before a dot: write `!(a.b)` instead of `!a.b`")


def _check_call(node: Node, start: int) -> None:
    name, given = node["value"], len(node["children"])
    known = _CALLS.FUNCTION_TABLE.get(name)
    if known is None:
        raise _at(start, f"calls {name}(), which does not exist")
    least = len(known["signature"])
    is_variadic = known["signature"][-1].get("variadic", False)
    if given < least or (given > least and not is_variadic):
        count = f"{'at least ' if is_variadic else ''}{least}"
        raise _at(start, f"calls {name}() with {given} arguments instead of {count}")


def search(expression: Expression, document: Any) -> Any:
    """Evaluate; raise ExpressionError on failure or after MAX_STEPS."""
    return Interpreter().evaluate(expression.tree, document)


class Interpreter(TreeInterpreter):
    """jmespath's interpreter with a budget that all its evaluations share."""

    def __init__(self, steps: int = MAX_STEPS) -> None:
        super().__init__()
        self._steps = steps

    def evaluate(self, tree: Node, document: Any) -> Any:
        try:
            return self.visit(tree, document)
        except JMESPathTypeError as error:
            given = TYPES_MAP.get(error.actual_type, error.actual_type)
            wanted = " or ".join(error.expected_types)
            wrong = f"calls {error.function_name}() with {given} instead of {wanted}"
            raise ExpressionError(wrong) from error
        except _FAILURES as error:
            raise ExpressionError(f"fails on this event: {str(error)[:100]}") from error

    def visit(self, node: Node, *args: Any, **kwargs: Any) -> Any:
        self._charge(1)
        return super().visit(node, *args, **kwargs)

    def visit_comparator(self, node: Node, value: Any) -> Any:
        left, right = (self.visit(child, value) for child in node["children"])
        return self.compare(node["value"], left, right)

    def compare(self, operator: str, left: Any, right: Any) -> bool | None:
        """Compare as JMESPath does: None for an order of other than two numbers or two strings."""
        if isinstance(left, (list, dict)) and isinstance(right, (list, dict)):
            self._charge(weight(left, self._steps) + weight(right, self._steps))
        if operator in ("eq", "ne"):
            return equal(left, right) is (operator == "eq")
        kinds = {_kind(left), _kind(right)}
        if kinds in ({"number"}, {"string"}):
            return bool(self.COMPARATOR_FUNC[operator](left, right))
        return None

    def visit_flatten(self, node: Node, value: Any) -> Any:
        base = self.visit(node["children"][0], value)
        if isinstance(base, list):
            self._charge(sum(len(each) for each in base if isinstance(each, list)))
        evaluated: Node = {**node, "children": [_literal(base)]}
        return super().visit_flatten(evaluated, value)

    def visit_slice(self, node: Node, value: Any) -> Any:
        self._charge(_size(value))
        return super().visit_slice(node, value)

    def visit_function_expression(self, node: Node, value: Any) -> Any:
        arguments = [self.visit(child, value) for child in node["children"]]
        self._charge(sum(_size(each) for each in arguments))
        if node["value"] in ("to_string", "contains"):  # they traverse nested values
            self._charge(sum(weight(each, self._steps) for each in arguments))
        if node["value"] == "join" and isinstance(arguments[1], list):
            separators = _size(arguments[0]) * len(arguments[1])
            self._charge(separators + sum(_size(each) for each in arguments[1]))
        return _CALLS.call_function(node["value"], arguments)

    def _charge(self, steps: int) -> None:
        self._steps -= steps
        if self._steps < 0:
            raise ExpressionError("takes too many steps on this event")


def _literal(value: Any) -> Node:
    return {"type": "literal", "value": value, "children": []}


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "string"
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return "number" if is_number else "other"


def _size(value: Any) -> int:
    if isinstance(value, (list, dict)):
        return len(value)
    return len(value) // 64 if isinstance(value, str) else 0  # text is fast to copy


def weight(value: Any, enough: int) -> int:
    """The number of values including nested ones; counts to `enough` only."""
    weight, stack = 1, [value]
    while stack and weight <= enough:
        each = stack.pop()
        weight += _size(each)
        if isinstance(each, (list, dict)):
            stack.extend(each.values() if isinstance(each, dict) else each)
    return weight
