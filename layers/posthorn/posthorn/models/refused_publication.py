"""A publication with the id of a recorded event and other content."""

import hashlib
import json
from typing import Any

from posthorn.core.json_values import equal
from posthorn.models.base import Model, Time, TypeName
from posthorn.models.event import Event


class RefusedPublication(Model):
    """The facts of a publication that was not delivered because of its id."""

    at: Time  # when it was accepted
    type: TypeName
    differs: tuple[str, ...]  # `type`, `data`, `change`
    sha256: str  # of the content as JSON with sorted names; empty once the event is erased


def compare(recorded: Event, again: Event) -> RefusedPublication | None:
    """The later publication of a recorded event's id; None if its content is the same.

    The content is type, data and change. An erased event has none to compare.
    """
    if recorded.erasure is not None:
        return None
    before, after = _content(recorded), _content(again)
    differs = tuple(name for name in before if not equal(before[name], after[name]))
    if not differs:
        return None
    text = json.dumps(after, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return RefusedPublication(at=again.accepted_at, type=again.type, differs=differs, sha256=digest)


def _content(event: Event) -> dict[str, Any]:
    change = event.change and event.change.model_dump(mode="json")
    return {"type": event.type, "data": event.data, "change": change}
