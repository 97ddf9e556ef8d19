"""The catalogue of event types: built-in ones, and those that admins added or replaced."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from posthorn.aws.config_table import ConfigStore
from posthorn.core import api_examples
from posthorn.core.errors import ConflictError, InvalidError, NotFoundError, Violation
from posthorn.events.catalogue_import import read_catalogue, read_openapi
from posthorn.events.event_types import builtin, check_type
from posthorn.events.schema_compatibility import incompatible_changes
from posthorn.models import EventType, EventTypeSpec, Model, Source, TypeName, Validation

MAX_TYPE_BYTES = 300_000  # the limit of a table item is 400 KB
CACHED_FOR = timedelta(seconds=30)
_NAME: TypeAdapter[str] = TypeAdapter(TypeName)


class IncompatibleError(InvalidError):
    """The change would refuse events that are accepted now; `force` permits it."""

    status = 409
    code = "incompatible_change"


class TypeChangeEffect(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


class TypeChange(Model):
    """The effect of an import on one type, and its changes that may refuse accepted events."""

    model_config = api_examples.shown(
        {"name": "StockCountedEvent", "effect": "added", "incompatible": []}
    )

    name: str
    effect: TypeChangeEffect
    incompatible: tuple[Violation, ...] = ()


class KnownTypes:
    """The catalogue, cached by an execution environment for CACHED_FOR.

    An unknown name is looked up, so that a new type can be published immediately.
    """

    def __init__(self, config: ConfigStore, now: Callable[[], datetime]) -> None:
        self._config = config
        self._now = now
        self._types: dict[str, EventType] = {}
        self._read_at: datetime | None = None

    def find(self, name: str) -> EventType | None:
        now = self._now()
        if self._read_at is None or now - self._read_at >= CACHED_FOR:
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

        A type with the name of a built-in one replaces it. Raise InvalidError, or IncompatibleError
        unless forced.
        """
        try:
            _NAME.validate_python(name)
        except ValidationError as error:
            raise InvalidError.at("name", error.errors()[0]["msg"]) from None
        fields = spec.model_dump(by_alias=False)
        _check_storable(fields)
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
        """Delete a custom type; the replacement of a built-in type gives way to that again."""
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
        """Put each type of a catalogue file or OpenAPI document; none if one is invalid.

        They are written one by one: after an interruption, the same import completes the rest.
        """
        _check_storable(document)
        is_openapi = "openapi" in document
        types = read_openapi(document) if is_openapi else read_catalogue(document)
        pointers = [
            f"/webhooks/{each.name}" if is_openapi else f"/event_types/{index}"
            for index, each in enumerate(types)
        ]
        for at, each in zip(pointers, types, strict=True):
            _check_size(each, at)
        before = self.types()
        changes = [_change(before.get(each.name), each) for each in types]
        if dry_run:
            return changes
        if not force:
            located = zip(pointers, changes, strict=True)
            _refuse([each for at, change in located for each in _located(at, change)])
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


def _check_storable(document: Mapping[str, Any]) -> None:
    """Refuse a document that JSON cannot preserve: unpaired surrogates, hundreds of levels."""
    try:
        from_json(to_json(document))
    except ValueError:
        message = "contains text or nesting that JSON cannot preserve"
        raise InvalidError.at("", message) from None


def _check_size(event_type: EventType, at: str) -> None:
    if len(event_type.model_dump_json().encode()) > MAX_TYPE_BYTES:
        raise InvalidError.at(at, f"must have at most {MAX_TYPE_BYTES} bytes in total")


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
        message = "events that violate the schema are accepted now and would be refused"
        return (Violation("/validation", message),)
    return tuple(incompatible_changes(before.json_schema, after.json_schema))


def _located(at: str, change: TypeChange) -> Iterable[Violation]:
    """With pointers into the document: to the field of a listed type, or to the webhook."""
    for each in change.incompatible:
        if at.startswith("/event_types/"):
            yield Violation(at + each.field, each.message)
        else:
            yield Violation(at, f"{each.field}: {each.message}")


def _refuse(violations: Sequence[Violation]) -> None:
    if violations:
        raise IncompatibleError(
            f"events that are accepted now would be refused: {violations[0].field}:"
            f" {violations[0].message}; force=true permits the change",
            violations,
        )
