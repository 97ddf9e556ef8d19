"""JMESPath expressions over an event, checked as far as can be before there is one.

Text and depth are bounded here, the work of a search in interpreter.py.
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
    LexerError,
    ParseError,
)
from jmespath.functions import Functions
from jmespath.lexer import Lexer

from posthorn.models import Event, iso

MAX_CHARACTERS = 4096  # the longest that models.py lets through
MAX_DEPTH = 64  # keeps parser and interpreter far from Python's recursion limit

_FUNCTIONS = Functions.FUNCTION_TABLE
_OPENING = {"lparen", "lbracket", "lbrace", "filter"}
_CLOSING = {"rparen", "rbracket", "rbrace"}
_TOO_DEEP = f"is nested deeper than {MAX_DEPTH}"
_EXPREF_ARGUMENT = {"map": 0, "sort_by": 1, "min_by": 1, "max_by": 1}
# What jmespath lets through from Python: `contains('a', `1`)` is a TypeError, `ceil` of infinity an
# OverflowError, a long chain of equal arrays a RecursionError.
FAILURES = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)

Node = Any  # jmespath's tree: dicts with type, value, children
Token = Any  # jmespath's tokens: dicts with type, value, start


class ExpressionError(Exception):
    """The text is no expression, or the expression fails on this event. Reads as a predicate."""


@dataclass(frozen=True)
class Expression:
    text: str
    tree: Node


def document(event: Event) -> dict[str, Any]:
    """What expressions see of an event, under the names it was published with."""
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
    """Check an expression; raise ExpressionError that says what is wrong, and in which column."""
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(f"is longer than {MAX_CHARACTERS} characters")
    try:
        with warnings.catch_warnings():
            # Of literals that are no JSON: `_check_tokens` refuses them.
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
    except FAILURES as error:
        raise ExpressionError("cannot be read as JMESPath") from error
    _check_tree(tree, tokens)
    return Expression(text, tree)


def tokenize(text: str) -> list[Token]:
    return list(Lexer().tokenize(text))


def nesting(tokens: list[Token]) -> Iterator[tuple[Token, int]]:
    """Each token with the number of brackets that are open before it."""
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
            raise _at(token["start"], "has a literal that is no JSON; a string is written 'so'")


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
                # Elsewhere it is no JSON value, and shows as a memory address.
                raise _at(start, f"has an `&` that is no argument of {', '.join(_EXPREF_ARGUMENT)}")


def _starts(tokens: list[Token]) -> dict[str, Iterator[int]]:
    """Where functions and `&` stand; `_in_order` meets their nodes in the same order."""
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
    # jmespath binds `!` closer than the dot, so that `!data.Active` would be null for every event.
    if left["type"] == "not_expression":
        raise ExpressionError("negates a name before a dot; `!(a.b)` is meant by `!a.b`")


def _check_call(node: Node, start: int) -> None:
    name, given = node["value"], len(node["children"])
    known = _FUNCTIONS.get(name)
    if known is None:
        raise _at(start, f"calls {name}(), which is unknown")
    least = len(known["signature"])
    is_variadic = known["signature"][-1].get("variadic", False)
    if given < least or (given > least and not is_variadic):
        count = f"{'at least ' if is_variadic else ''}{least}"
        raise _at(start, f"gives {name}() {given} arguments, and it takes {count}")
