"""CloudEvents 1.0 over HTTP, converted to publications.

`source` and `id` together identify a CloudEvent, so both make the published id. The payload mode
`cloudevents` sends id, source, subject, dataschema and extensions as they were published.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from posthorn.core import api_examples
from posthorn.core.errors import InvalidError, Violation
from posthorn.core.problem_details import invalid
from posthorn.models import CloudAttributes, Time, TypeName, iso
from posthorn.models.base import ErrorMessage

MAX_EXTENSIONS, MAX_EXTENSION_CHARACTERS = 50, 1024
_NAME = re.compile(r"[a-z0-9]{1,64}")
MAX_ID_CHARACTERS = 256  # of a published id
JSON_TYPE = r"[\w.+-]+/([\w.-]+\+)?json"


class ContentMode(StrEnum):
    STRUCTURED = "structured"  # the body is one event
    BATCH = "batch"  # the body is a list of events
    BINARY = "binary"  # the body is the data, the attributes are in headers


class CloudEvent(BaseModel):
    """A CloudEvent 1.0 in JSON, with any extensions. `source` and `id` make the published id."""

    model_config = ConfigDict(extra="allow", **api_examples.shown(api_examples.CLOUD_EVENT))

    specversion: Literal["1.0"]
    id: Annotated[str, StringConstraints(min_length=1)]
    source: Annotated[
        str,
        StringConstraints(pattern=r"^\S+$"),
        ErrorMessage("must be a URI reference without spaces"),
    ]
    type: TypeName
    time: Time | None = None
    datacontenttype: Annotated[
        str,
        StringConstraints(pattern=rf"^{JSON_TYPE} *(;.*)?$"),
        ErrorMessage("must be a media type of JSON"),
    ] = "application/json"
    subject: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = None
    dataschema: Annotated[str, StringConstraints(min_length=1, max_length=2048)] | None = None
    data: Any = None


@dataclass(frozen=True)
class CloudPublication:
    """A CloudEvent as a publication, and the attributes that a publication does not have."""

    publication: dict[str, Any]
    attributes: CloudAttributes


def content_mode(headers: Mapping[str, str]) -> ContentMode | None:
    """The content mode of a request, None without CloudEvents. Header names may have any case."""
    lowered = {name.lower(): value for name, value in headers.items()}
    media_type = lowered.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "application/cloudevents+json":
        return ContentMode.STRUCTURED
    if media_type == "application/cloudevents-batch+json":
        return ContentMode.BATCH
    return ContentMode.BINARY if "ce-specversion" in lowered else None


def read_structured(document: Any) -> CloudPublication:
    """Convert an event in the JSON format to a publication; raise InvalidError."""
    if not isinstance(document, Mapping):
        raise InvalidError.at("", "must be an object")
    if "data_base64" in document:
        raise InvalidError.at("/data_base64", "is not supported: `data` must be JSON")
    return _publication(document, lambda name: f"/{name}")


def read_binary(headers: Mapping[str, str], data: Any) -> CloudPublication:
    """Convert `ce-` headers and the parsed body to a publication; raise InvalidError."""
    lowered = {name.lower(): value for name, value in headers.items()}
    attributes = {
        name.removeprefix("ce-"): unquote(value)  # HTTP binding §3.1.3.2
        for name, value in lowered.items()
        if name.startswith("ce-")
    }
    if "content-type" in lowered:
        attributes["datacontenttype"] = lowered["content-type"]
    names = {"datacontenttype": "content-type", "data": ""}
    return _publication({**attributes, "data": data}, lambda name: names.get(name, f"ce-{name}"))


def _publication(attributes: Mapping[str, Any], field: Callable[[str], str]) -> CloudPublication:
    try:
        event = CloudEvent.model_validate(attributes)
    except ValidationError as error:
        found = invalid(error.errors()).violations
        named = [Violation(field(each.field.split("/")[1]), each.message) for each in found]
        raise InvalidError.of(named) from None
    published_id = f"{event.source} {event.id}"
    if len(published_id) > MAX_ID_CHARACTERS:
        message = f"must have, together with `source`, at most {MAX_ID_CHARACTERS - 1} characters"
        raise InvalidError.at(field("id"), message)
    times = {"time": iso(event.time)} if event.time else {}
    return CloudPublication(
        {"id": published_id, "type": event.type, **times, "data": event.data},
        CloudAttributes(
            id=event.id,
            source=event.source,
            subject=event.subject,
            dataschema=event.dataschema,
            extensions=_extensions(event.model_extra or {}, field),
        ),
    )


def _extensions(
    found: Mapping[str, Any], field: Callable[[str], str]
) -> dict[str, str | int | bool]:
    """The extension attributes; raise InvalidError for those that CloudEvents does not allow."""
    broken = []
    for name, value in found.items():
        if not _NAME.fullmatch(name):
            broken.append(Violation(field(name), "must be named by lower-case letters and digits"))
        elif isinstance(value, (dict, list, float)):
            broken.append(Violation(field(name), "must be a string, a whole number or a boolean"))
        elif isinstance(value, str) and len(value) > MAX_EXTENSION_CHARACTERS:
            message = f"must have at most {MAX_EXTENSION_CHARACTERS} characters"
            broken.append(Violation(field(name), message))
    if len(found) > MAX_EXTENSIONS:
        broken.append(Violation(field(next(iter(found))), f"is one of over {MAX_EXTENSIONS}"))
    if broken:
        raise InvalidError.of(broken)
    return {name: value for name, value in found.items() if value is not None}
