"""The body of a delivery: what each payload mode makes of an event (design.md §6).

The same payload and event give the same bytes, whichever version renders them: JSON without
spaces, in UTF-8, names in the order in which they were published.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from posthorn.core.errors import InvalidError, Violation
from posthorn.models import (
    CloudEventsPayload,
    CustomPayload,
    DataPayload,
    EnvelopePayload,
    Event,
    Payload,
    iso,
)
from posthorn.subscriptions.jmespath_expressions import (
    ExpressionError,
    document,
    parse,
    search,
    weight,
)

MAX_BYTES = 256 * 1024  # of a custom payload: as much as an event may have (design.md §3)
MAX_PATH_CHARACTERS = 256
CONTENT_TYPE = "application/json"
CLOUDEVENTS_CONTENT_TYPE = "application/cloudevents+json"

_TOO_LARGE = f"the payload is larger than {MAX_BYTES // 1024} KiB"
_PLAIN: dict[str, Payload] = {
    "envelope": EnvelopePayload(),
    "data": DataPayload(mode="data"),
    "cloudevents": CloudEventsPayload(mode="cloudevents"),
}


class PayloadError(InvalidError):
    """No payload can be made of this event: an outcome of the attempt, no failure of ours."""

    code = "payload_error"


def is_plain(payload: Payload) -> bool:
    """Whether the mode's name alone says how to make the payload again."""
    return payload == _PLAIN.get(payload.mode)


def plain(mode: str) -> Payload:
    return _PLAIN[mode]


def content_type(payload: Payload) -> str:
    return CLOUDEVENTS_CONTENT_TYPE if payload.mode == "cloudevents" else CONTENT_TYPE


def check_payload(payload: Payload, field: str = "/payload") -> None:
    """Raise InvalidError that names each expression or path that cannot be used."""
    violations: list[Violation] = []
    if isinstance(payload, CustomPayload):
        try:
            parse(payload.expression)
        except ExpressionError as error:
            violations.append(Violation(f"{field}/expression", str(error)))
    if isinstance(payload, DataPayload):
        for name, paths in (("include", payload.include or ()), ("exclude", payload.exclude)):
            for index, path in enumerate(paths):
                if not all(path.split(".")) or len(path) > MAX_PATH_CHARACTERS:
                    wrong = "is no field name, nor names joined by dots"
                    violations.append(Violation(f"{field}/{name}/{index}", wrong))
    if violations:
        raise InvalidError.of(violations)


def render(payload: Payload, event: Event) -> bytes:
    """Make the body; raise PayloadError when there is none to be made of this event."""
    try:
        content = _content(payload, event)
        text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError, RecursionError) as error:
        raise PayloadError(f"the payload cannot be written as JSON: {error}") from error
    # Half a surrogate pair has no UTF-8; with its backslash it is the escape that JSON has for it.
    body = text.encode("utf-8", "backslashreplace")
    # The other modes are as large as what was accepted, and never refused for what they add.
    if isinstance(payload, CustomPayload) and len(body) > MAX_BYTES:
        raise PayloadError(_TOO_LARGE)
    return body


def _content(payload: Payload, event: Event) -> Any:
    if isinstance(payload, EnvelopePayload):
        return {"type": event.type, "timestamp": iso(event.time), "data": event.data}
    if isinstance(payload, DataPayload):
        return _select(event.data, payload)
    if isinstance(payload, CloudEventsPayload):
        return _cloud_event(event)
    return _custom(payload.expression, event)


def _cloud_event(event: Event) -> dict[str, Any]:
    """CloudEvents 1.0.2 in its JSON format, structured."""
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": f"urn:posthorn:tenant:{event.tenant}",
        "type": event.type,
        "time": iso(event.time),
        "datacontenttype": CONTENT_TYPE,
        "data": event.data,
    }


def _custom(expression: str, event: Event) -> Any:
    try:
        result = search(parse(expression), document(event))
    except ExpressionError as error:
        raise PayloadError(f"the payload expression {error}") from error
    if result is None:
        raise PayloadError("the payload expression gives nothing on this event")
    # A value can stand in the result a million times over, so it is counted before it is written.
    if weight(result, MAX_BYTES) > MAX_BYTES:
        raise PayloadError(_TOO_LARGE)
    return result


# --- choosing fields ------------------------------------------------------------------------------

_Paths = dict[str, Any]  # names to the paths below them; none below: the whole field is meant


def _select(data: dict[str, Any], payload: DataPayload) -> Any:
    chosen = data if payload.include is None else _pick(data, _paths(payload.include))
    return _drop(chosen, _paths(payload.exclude))


def _paths(dotted: Iterable[str]) -> _Paths:
    """A tree of the paths, where a shorter path swallows the longer ones that begin with it."""
    tree: _Paths = {}
    for path in sorted(dotted, key=lambda path: path.count(".")):
        branch = tree
        *above, last = path.split(".")
        for name in above:
            if branch.get(name) == {}:
                break
            branch = branch.setdefault(name, {})
        else:
            branch.setdefault(last, {})
    return tree


def _pick(value: Any, paths: _Paths) -> Any:
    """Keep the named fields. A path leads through arrays, to the objects in them."""
    if isinstance(value, list):
        return [_pick(each, paths) for each in value if isinstance(each, (dict, list))]
    return {
        name: _pick(field, paths[name]) if paths[name] else field
        for name, field in value.items()
        if name in paths and (not paths[name] or isinstance(field, (dict, list)))
    }


def _drop(value: Any, paths: _Paths) -> Any:
    if isinstance(value, list):
        return [_drop(each, paths) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {
        name: _drop(field, paths[name]) if name in paths else field
        for name, field in value.items()
        if paths.get(name) != {}
    }
