"""The catalogue file: event types as JSON."""

import json
from typing import Any

import pytest

from posthorn.core.errors import InvalidError
from posthorn.events.catalogue_import import read_catalogue
from posthorn.events.event_types import builtin
from posthorn.models import Source
from tests.unit.events.event_type_samples import TEXT, named, object_of


def test_a_catalogue_file_that_was_exported_can_be_imported() -> None:
    exported = {"event_types": [each.model_dump(mode="json") for each in builtin().values()]}
    read = read_catalogue(json.loads(json.dumps(exported)))
    assert {each.name for each in read} == set(builtin())
    assert {each.source for each in read} == {Source.CUSTOM}


def test_every_flaw_of_a_catalogue_file_is_named() -> None:
    sound = {"name": "A", "schema": {}, "example": {}}
    listed = [
        sound,
        {**sound, "name": "no spaces", "colour": "red"},
        {**sound, "example": {"B": 1}, "schema": object_of(B=TEXT), "name": "B"},
        "C",
        sound,
    ]
    with pytest.raises(InvalidError) as caught:
        read_catalogue({"event_types": listed})
    assert [field for field, _ in named(caught.value)] == [
        "/event_types/1/name",
        "/event_types/1/colour",
        "/event_types/2/example/B",
        "/event_types/3",
        "/event_types/4/name",
    ]


@pytest.mark.parametrize("document", [None, [], {}, {"event_types": []}, {"event_types": {}}])
def test_a_document_that_is_not_a_catalogue_is_refused(document: Any) -> None:
    with pytest.raises(InvalidError):
        read_catalogue(document)
