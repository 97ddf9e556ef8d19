"""Render the body of a delivery from an event and a payload mode.

The bytes depend on payload and event only, and must not change between versions of this code: JSON
without spaces, in UTF-8, with names in the order of the publication.
"""

import json
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
from posthorn.subscriptions.field_paths import PathError, drop, parse_path, pick, tree
from posthorn.subscriptions.jmespath_expressions import (
    ExpressionError,
    document,
    parse,
    search,
    weight,
)

MAX_BYTES = 256 * 1024  # of a custom payload: the limit of an event's data
CONTENT_TYPE = "application/json"
CLOUDEVENTS_CONTENT_TYPE = "application/cloudevents+json"

_TOO_LARGE = f"the payload is larger than {MAX_BYTES // 1024} KiB"
_PLAIN: dict[str, Payload] = {
    "envelope": EnvelopePayload(),
    "data": DataPayload(mode="data"),
    "cloudevents": CloudEventsPayload(mode="cloudevents"),
}


class PayloadError(InvalidError):
    """The payload of this event cannot be rendered: an outcome of the attempt, not our failure."""

    code = "payload_error"


def is_plain(payload: Payload) -> bool:
    """Whether the mode's name is enough to render the payload again."""
    return payload == _PLAIN.get(payload.mode)


def plain(mode: str) -> Payload:
    return _PLAIN[mode]


def content_type(payload: Payload) -> str:
    return CLOUDEVENTS_CONTENT_TYPE if payload.mode == "cloudevents" else CONTENT_TYPE


def check_payload(payload: Payload, field: str = "/payload") -> None:
    """Raise InvalidError for each invalid expression or path."""
    violations: list[Violation] = []
    if isinstance(payload, CustomPayload):
        try:
            parse(payload.expression)
        except ExpressionError as error:
            violations.append(Violation(f"{field}/expression", str(error)))
    if isinstance(payload, DataPayload):
        for name, paths in (("include", payload.include or ()), ("exclude", payload.exclude)):
            for index, path in enumerate(paths):
                try:
                    parse_path(path)
                except PathError as error:
                    violations.append(Violation(f"{field}/{name}/{index}", str(error)))
    if violations:
        raise InvalidError.of(violations)


def render(payload: Payload, event: Event) -> bytes:
    """Render the body; raise PayloadError."""
    try:
        content = _content(payload, event)
        text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError, RecursionError) as error:
        raise PayloadError(f"the payload cannot be written as JSON: {error}") from error
    # An unpaired surrogate has no UTF-8; "backslashreplace" writes the escape of JSON for it.
    body = text.encode("utf-8", "backslashreplace")
    # The other modes are about as large as the accepted event and are never refused.
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
    """CloudEvents 1.0.2 in the structured JSON format."""
    if event.cloud:
        own = event.cloud.model_dump(exclude_none=True)
        data = {} if event.data is None else {"data": event.data}
        return {
            **{"specversion": "1.0", "id": own.pop("id"), "source": own.pop("source")},
            **{"type": event.type, "time": iso(event.time)},
            **own.pop("extensions"),
            **own,
            **({"datacontenttype": CONTENT_TYPE} if data else {}),
            **data,
        }
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
        raise PayloadError("the payload expression gives null on this event")
    # The result may contain one value a million times, so it is counted before it is serialized.
    if weight(result, MAX_BYTES) > MAX_BYTES:
        raise PayloadError(_TOO_LARGE)
    return result


def _select(data: Any, payload: DataPayload) -> Any:
    chosen = data if payload.include is None else pick(data, tree(payload.include))
    return drop(chosen, tree(payload.exclude))
