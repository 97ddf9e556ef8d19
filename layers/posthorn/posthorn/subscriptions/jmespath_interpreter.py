"""The interpreter of expressions: jmespath's own, with a budget of steps.

JMESPath cannot loop, but it can double what it holds at each step (`[@, @][] | [@, @][] | …`). So a
search may take only so many steps: one for each node visited, and one for each value that a
function, a flattening, or a comparison of arrays and objects has to touch.
"""

from typing import Any

from jmespath.exceptions import JMESPathTypeError
from jmespath.functions import TYPES_MAP, Functions
from jmespath.visitor import TreeInterpreter

from posthorn.subscriptions.jmespath_expressions import FAILURES, Expression, ExpressionError, Node

MAX_STEPS = 200_000  # about 0.5 s: enough for 5,000 order lines of ten fields
_CALLS = Functions()


def search(expression: Expression, document: Any) -> Any:
    """Evaluate; raise ExpressionError when that fails or takes too many steps."""
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
            wrong = f"calls {error.function_name}() with {given}, and it takes {wanted}"
            raise ExpressionError(wrong) from error
        except FAILURES as error:
            raise ExpressionError(f"fails on this event: {str(error)[:100]}") from error

    def visit(self, node: Node, *args: Any, **kwargs: Any) -> Any:
        self._charge(1)
        return super().visit(node, *args, **kwargs)

    def visit_comparator(self, node: Node, value: Any) -> Any:
        left, right = (self.visit(child, value) for child in node["children"])
        return self.compare(node["value"], left, right)

    def compare(self, operator: str, left: Any, right: Any) -> bool | None:
        """Order two numbers or two strings, or give None, as JMESPath has it; equal takes any."""
        if isinstance(left, (list, dict)) and isinstance(right, (list, dict)):
            self._charge(weight(left, self._steps) + weight(right, self._steps))
        kinds = {_kind(left), _kind(right)}
        if operator in ("eq", "ne") or kinds in ({"number"}, {"string"}):
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
        if node["value"] in ("to_string", "contains"):  # these go all the way down
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
    return len(value) // 64 if isinstance(value, str) else 0  # text is copied fast


def weight(value: Any, enough: int) -> int:
    """How many values there are, all the way down; stops counting at `enough`."""
    weight, stack = 1, [value]
    while stack and weight <= enough:
        each = stack.pop()
        weight += _size(each)
        if isinstance(each, (list, dict)):
            stack.extend(each.values() if isinstance(each, dict) else each)
    return weight
