"""The stack's catalogue: what is built in, and what the platform's own people added or changed."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from posthorn.aws.config_table import ConfigStore
from posthorn.core import api_examples as examples
from posthorn.core.errors import ConflictError, InvalidError, NotFoundError, Violation
from posthorn.events.catalogue_import import read_catalogue, read_openapi
from posthorn.events.event_types import builtin, check_type
from posthorn.events.schema_compatibility import incompatible_changes
from posthorn.models import EventType, EventTypeSpec, Model, Source, TypeName, Validation

MAX_TYPE_BYTES = 300_000  # an item of a table takes 400 KB
KEPT_FOR = timedelta(seconds=30)
_NAME: TypeAdapter[str] = TypeAdapter(TypeName)


class IncompatibleError(InvalidError):
    """The change would refuse events that are accepted now. It can be forced."""

    status = 409
    code = "incompatible_change"


class TypeChangeEffect(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


class TypeChange(Model):
    """What an import does to one type, and why events that are accepted now might be refused."""

    model_config = examples.shown(
        {"name": "StockCountedEvent", "effect": "added", "incompatible": []}
    )

    name: str
    effect: TypeChangeEffect
    incompatible: tuple[Violation, ...] = ()


class KnownTypes:
    """The catalogue as an execution environment remembers it: KEPT_FOR old at the most.

    A name that it does not know is looked up, so that a new type can be published at once.
    """

    def __init__(self, config: ConfigStore, now: Callable[[], datetime]) -> None:
        self._config = config
        self._now = now
        self._types: dict[str, EventType] = {}
        self._read_at: datetime | None = None

    def find(self, name: str) -> EventType | None:
        now = self._now()
        if self._read_at is None or now - self._read_at >= KEPT_FOR:
            self._types = _merged(self._config.event_types())
            self._read_at = now
        if name not in self._types and (found := self._config.event_type(name)):
            self._types[name] = found
        return self._types.get(name)


@dataclass(frozen=True)
class CatalogueService:
    config: ConfigStore

    def types(self) -> Mapping[str, EventType]:
        return _merged(self.config.event_types())

    def event_type(self, name: str) -> EventType:
        own = self.config.event_type(name) if _is_name(name) else None
        found = own or builtin().get(name)
        if found is None:
            raise NotFoundError("there is no such event type")
        return found

    def put(self, name: str, spec: EventTypeSpec, *, force: bool = False) -> tuple[EventType, bool]:
        """Add or change a type; return it, and whether it is new.

        A built-in type is changed by one that takes its place. Raise IncompatibleError when events
        that are accepted now would be refused, unless the change is forced.
        """
        try:
            _NAME.validate_python(name)
        except ValidationError as error:
            raise InvalidError.at("name", error.errors()[0]["msg"]) from None
        fields = spec.model_dump(by_alias=False)
        _check_kept(fields)
        after = EventType(**fields, name=name, source=Source.CUSTOM)
        check_type(after)
        _check_size(after, "")
        before = self.types().get(name)
        change = _change(before, after)
        if not force:
            _refuse(change.incompatible)
        if before and change.effect is TypeChangeEffect.UNCHANGED:
            return before, False
        self.config.put_event_type(after)
        return after, before is None

    def delete(self, name: str, *, force: bool = False) -> None:
        """Delete what was added; what took the place of a built-in type gives it back."""
        current = self.event_type(name)
        if current.source is Source.BUILTIN:
            message = "a built-in event type cannot be deleted, only deprecated"
            raise ConflictError(message, code="builtin_event_type")
        if name in builtin() and not force:
            _refuse(_incompatible(current, builtin()[name]))
        self.config.delete_event_type(name)

    def load(
        self, document: Mapping[str, Any], *, force: bool = False, dry_run: bool = False
    ) -> list[TypeChange]:
        """Put each type of a catalogue file or OpenAPI document, or none when one is wrong.

        They are written one by one: to a load that breaks off, the same load again is the cure.
        """
        _check_kept(document)
        is_openapi = "openapi" in document
        types = read_openapi(document) if is_openapi else read_catalogue(document)
        places = [
            f"/webhooks/{each.name}" if is_openapi else f"/event_types/{place}"
            for place, each in enumerate(types)
        ]
        for place, each in zip(places, types, strict=True):
            _check_size(each, place)
        before = self.types()
        changes = [_change(before.get(each.name), each) for each in types]
        if dry_run:
            return changes
        if not force:
            listed = zip(places, changes, strict=True)
            _refuse([each for place, change in listed for each in _below(place, change)])
        for each, change in zip(types, changes, strict=True):
            if change.effect is not TypeChangeEffect.UNCHANGED:
                self.config.put_event_type(each)
        return changes


def _merged(own: Iterable[EventType]) -> dict[str, EventType]:
    return {**builtin(), **{each.name: each for each in own}}


def _is_name(text: str) -> bool:
    try:
        _NAME.validate_python(text)
    except ValidationError:
        return False
    return True


def _check_kept(document: Mapping[str, Any]) -> None:
    """Refuse what could not be read again: half a surrogate pair, or hundreds of levels."""
    try:
        from_json(to_json(document))
    except ValueError:
        message = "holds text or a depth that does not survive being written as JSON"
        raise InvalidError.at("", message) from None


def _check_size(event_type: EventType, at: str) -> None:
    if len(event_type.model_dump_json().encode()) > MAX_TYPE_BYTES:
        raise InvalidError.at(at, f"is larger than {MAX_TYPE_BYTES} bytes in all")


def _change(before: EventType | None, after: EventType) -> TypeChange:
    if before is None:
        return TypeChange(name=after.name, effect=TypeChangeEffect.ADDED)
    same = before == after.model_copy(update={"source": before.source})
    return TypeChange(
        name=after.name,
        effect=TypeChangeEffect.UNCHANGED if same else TypeChangeEffect.CHANGED,
        incompatible=() if same else _incompatible(before, after),
    )


def _incompatible(before: EventType, after: EventType) -> tuple[Violation, ...]:
    if after.validation is not Validation.REJECT:
        return ()
    if before.validation is not Validation.REJECT:
        message = "events that break the schema are accepted now, and would be refused"
        return (Violation("/validation", message),)
    return tuple(incompatible_changes(before.json_schema, after.json_schema))


def _below(place: str, change: TypeChange) -> Iterable[Violation]:
    """Point into the document: to the field of a listed type, but only to the whole webhook."""
    for each in change.incompatible:
        if place.startswith("/event_types/"):
            yield Violation(place + each.field, each.message)
        else:
            yield Violation(place, f"{each.field}: {each.message}")


def _refuse(found: Iterable[Violation]) -> None:
    listed = tuple(found)
    if listed:
        raise IncompatibleError(
            f"events that are accepted now would be refused: {listed[0].field}:"
            f" {listed[0].message}; force=true changes it all the same",
            listed,
        )
