"""Examples made from a schema."""

from posthorn.events.schema_samples import example_of
from tests.unit.events.event_type_samples import object_of


def test_an_example_of_a_schema_within_itself_comes_to_an_end() -> None:
    many = {name: {"$ref": "#"} for name in "abcdefghij"}
    assert example_of({**object_of(**many), "required": list(many)}) is not None
