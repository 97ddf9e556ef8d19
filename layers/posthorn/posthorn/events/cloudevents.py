"""CloudEvents 1.0 taken in by HTTP, turned into what publishers send otherwise (design.md §8).

CloudEvents are told apart by source and id together, so both make the published id. The other
attributes, and extensions, have no place in an event and are left behind.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from posthorn.core.errors import InvalidError, Violation
from posthorn.core.problem_details import invalid
from posthorn.models import Time, TypeName, iso

MAX_ID_CHARACTERS = 256  # of a published id
JSON_TYPE = r"[\w.+-]+/([\w.-]+\+)?json"


class ContentMode(StrEnum):
    STRUCTURED = "structured"  # one event is the body
    BATCH = "batch"  # the body is a list of them
    BINARY = "binary"  # data is the body, the rest is in headers


class _Attributes(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    specversion: Literal["1.0"]
    id: Annotated[str, StringConstraints(min_length=1)]
    source: Annotated[str, StringConstraints(pattern=r"^\S+$")]
    type: TypeName
    time: Time | None = None
    datacontenttype: Annotated[str, StringConstraints(pattern=rf"^{JSON_TYPE} *(;.*)?$")] = (
        "application/json"
    )


def content_mode(headers: Mapping[str, str]) -> ContentMode | None:
    """How the request carries CloudEvents; None: it carries none. Any case of names will do."""
    lowered = {name.lower(): value for name, value in headers.items()}
    media_type = lowered.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "application/cloudevents+json":
        return ContentMode.STRUCTURED
    if media_type == "application/cloudevents-batch+json":
        return ContentMode.BATCH
    return ContentMode.BINARY if "ce-specversion" in lowered else None


def read_structured(document: Any, at: str = "") -> dict[str, Any]:
    """Make a publication of one event in CloudEvents' JSON format; raise InvalidError."""
    if not isinstance(document, Mapping):
        raise InvalidError.at(at, "is no object")
    if "data_base64" in document:
        raise InvalidError.at(f"{at}/data_base64", "only JSON is taken, as `data`")
    return _publication(document, document.get("data"), lambda name: f"{at}/{name}")


def read_binary(headers: Mapping[str, str], data: Any) -> dict[str, Any]:
    """Make a publication of `ce-` headers and the parsed body; raise InvalidError, with names."""
    lowered = {name.lower(): value for name, value in headers.items()}
    attributes = {
        name.removeprefix("ce-"): unquote(value)  # HTTP binding §3.1.3.2
        for name, value in lowered.items()
        if name.startswith("ce-")
    }
    if "content-type" in lowered:
        attributes["datacontenttype"] = lowered["content-type"]
    names = {"datacontenttype": "content-type", "data": ""}
    return _publication(attributes, data, lambda name: names.get(name, f"ce-{name}"))


def _publication(
    attributes: Mapping[str, Any], data: Any, field: Callable[[str], str]
) -> dict[str, Any]:
    try:
        read = _Attributes.model_validate(attributes)
    except ValidationError as error:
        found = zip(error.errors(), invalid(error.errors()).violations, strict=True)
        raise InvalidError.of(
            [Violation(field(str(e["loc"][0])), v.message) for e, v in found]
        ) from None
    except OverflowError:  # the first or last hours of the calendar, in another time zone
        raise InvalidError.at(field("time"), "is out of range") from None
    published_id = f"{read.source} {read.id}"
    if len(published_id) > MAX_ID_CHARACTERS:
        wrong = f"has with `source` more than {MAX_ID_CHARACTERS} characters"
        raise InvalidError.at(field("id"), wrong)
    if not isinstance(data, Mapping):
        raise InvalidError.at(field("data"), "is no object")
    times = {"time": iso(read.time)} if read.time else {}
    return {"id": published_id, "type": read.type, **times, "data": data}
