"""Paths to fields of an event's data: `customer.email`, `lines.*.sku`, `"shop.region".code`.

Steps are joined by dots. A step is a name of letters, digits and `_ - : @ #`; any name in double
quotes, with the escapes of JSON; or `*`, each member of a list. A name also applies to each object
of a list, so `lines.sku` and `lines.*.sku` are the same field.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MAX_CHARACTERS = 256
_STEP = re.compile(r'(\*)|([\w:@#-]+)|("(?:[^"\\]|\\.)*")')
_SYNTAX = 'must be field names joined by dots, as in customer.email, lines.*.sku or "shop.region"'
_QUOTES = 'any other name is written in double quotes, as in "shop.region".code'


class PathError(ValueError):
    """The text is not a path; the message reads as a predicate."""


@dataclass(frozen=True)
class Each:
    """The step `*`."""


EACH = Each()
Step = str | Each
Path = tuple[Step, ...]
Tree = dict[Step, Any]  # steps to the paths below them; an empty dict means the whole field


def parse_path(text: str) -> Path:
    """Raise PathError for text that is not a path."""
    if len(text) > MAX_CHARACTERS:
        raise PathError(f"must have at most {MAX_CHARACTERS} characters")
    steps: list[Step] = []
    at = 0
    while match := _STEP.match(text, at):
        steps.append(EACH if match[1] else match[2] or _unquoted(match[3]))
        at = match.end()
        if at == len(text):
            return tuple(steps)
        if text[at] != ".":
            break
        at += 1
    if at < len(text) and text[at] not in ". ":
        raise PathError(f"has an unexpected {text[at]!a} at character {at + 1}: {_QUOTES}")
    raise PathError(_SYNTAX)


def _unquoted(quoted: str) -> str:
    try:
        name = json.loads(quoted)
        name.encode()
    except ValueError:
        raise PathError(f"has a quoted name that is not text in JSON: {quoted!a}") from None
    return str(name)


def split_paths(text: str) -> list[str]:
    """The paths in a text, separated by lines or by commas outside quotes."""
    parts = re.findall(r'(?:"(?:[^"\\\n]|\\.)*"|[^,\n])+', text)
    return [part.strip() for part in parts if part.strip()]


def tree(texts: Iterable[str]) -> Tree:
    """The paths as a tree; a path includes the longer ones that begin with it."""
    whole: Tree = {}
    for path in sorted(map(parse_path, texts), key=len):
        branch = whole
        *above, last = path
        for step in above:
            if branch.get(step) == {}:
                break
            branch = branch.setdefault(step, {})
        else:
            branch.setdefault(last, {})
    return whole


def pick(value: Any, paths: Tree) -> Any:
    """Keep only the fields of the paths."""
    if isinstance(value, list):
        if paths.get(EACH) == {}:
            return value
        below = _of_members(paths)
        return [pick(each, below) for each in value if isinstance(each, (dict, list))]
    if not isinstance(value, Mapping):
        return value
    return {
        name: pick(field, paths[name]) if paths[name] else field
        for name, field in value.items()
        if name in paths and (not paths[name] or isinstance(field, (dict, list)))
    }


def drop(value: Any, paths: Tree) -> Any:
    """Leave out the fields of the paths."""
    if isinstance(value, list):
        if paths.get(EACH) == {}:
            return []
        below = _of_members(paths)
        return [drop(each, below) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {
        name: drop(field, paths[name]) if name in paths else field
        for name, field in value.items()
        if paths.get(name) != {}
    }


def exists(value: Any, path: Path) -> bool:
    """Whether the value has a field at the path."""
    if not path:
        return True
    if isinstance(value, list):
        rest = path[1:] if path[0] == EACH else path
        return any(exists(each, rest) for each in value)
    found = isinstance(value, Mapping) and path[0] in value
    return found and exists(value[path[0]], path[1:])


def _of_members(paths: Tree) -> Tree:
    """The paths that apply to each member of a list."""
    named = {step: below for step, below in paths.items() if step != EACH}
    return _merged(named, paths.get(EACH, {}))


def _merged(one: Tree, other: Tree) -> Tree:
    both = {
        step: _merged(one[step], other[step]) if one[step] and other[step] else {}
        for step in one.keys() & other.keys()
    }
    return {**one, **other, **both}
