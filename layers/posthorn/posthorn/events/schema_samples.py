"""Generate an example from a schema, for an imported event type without one."""

from dataclasses import dataclass
from typing import Any

from posthorn.events.json_schema import Schema, resolve

_MAX_VALUES, _MAX_DEPTH = 1000, 20  # a schema may contain itself
_OPTIONAL_DEPTH = 3  # below it only required fields
_UPPER = {"maximum": 0, "exclusiveMaximum": 1}
_LOWER = {"minimum": 0, "exclusiveMinimum": 1}
_TEXTS = {
    "date-time": "2026-11-23T10:00:00Z",
    "date": "2026-11-23",
    "time": "10:00:00Z",
    "duration": "P1D",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "0192f1c4-5a3e-7cc1-9d0b-3f6a1f2b8c11",
}


def example_of(schema: Schema) -> Any:
    """A plausible value for a valid schema (`json_schema.flaws`), which may still violate it."""
    return _Example(schema).value(schema, 0)


@dataclass
class _Example:
    root: Schema
    left: int = _MAX_VALUES

    def value(self, node: Any, depth: int) -> Any:
        self.left -= 1
        if not isinstance(node, dict) or self.left < 0 or depth > _MAX_DEPTH:
            return None
        for keyword in ("example", "const", "default"):
            if keyword in node:
                return node[keyword]
        for keyword in ("examples", "enum"):
            if node.get(keyword):
                return node[keyword][0]
        if "$ref" in node:
            return self.value(resolve(self.root, node["$ref"]), depth + 1)
        for keyword in ("oneOf", "anyOf"):
            if node.get(keyword):
                return self.value(node[keyword][0], depth + 1)
        return self._typed(node, depth)

    def _typed(self, node: Schema, depth: int) -> Any:
        named = node.get("type", "object" if node.keys() & {"properties", "allOf"} else "string")
        kinds = named if isinstance(named, list) else [named]
        match next((kind for kind in kinds if kind != "null"), "null"):
            case "object":
                return self._object(node, depth)
            case "array":
                count = max(
                    int(node.get("minItems", 0)), "items" in node and depth < _OPTIONAL_DEPTH
                )
                return [self.value(node.get("items"), depth + 1) for _ in range(min(count, 10))]
            case "integer" | "number":
                return _number(node)
            case "string":
                return _text(node)
            case "boolean":
                return True
        return None

    def _object(self, node: Schema, depth: int) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for part in node.get("allOf", ()):
            partial = self.value(part, depth + 1)
            value |= partial if isinstance(partial, dict) else {}
        declared, required = node.get("properties", {}), node.get("required", [])
        for name in declared if depth < _OPTIONAL_DEPTH else required:
            value[name] = self.value(declared.get(name), depth + 1)
        return value


def _number(node: Schema) -> Any:
    most = [node[name] - less for name, less in _UPPER.items() if name in node]
    least = [node[name] + more for name, more in _LOWER.items() if name in node]
    return max([min([1, *most]), *least])


def _text(node: Schema) -> str:
    least, most = int(min(node.get("minLength", 0), 1000)), int(node.get("maxLength", 1000))
    return _TEXTS.get(node.get("format", ""), "text").ljust(least, "x")[:most]
