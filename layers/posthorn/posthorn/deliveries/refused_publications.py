"""Publications with the id of a recorded event and other content: kept with that event.

The first content is delivered and the later one is not, so the log names each refused publication:
when it was accepted, its type, the fields that differ, and a digest of its content.
"""

from dataclasses import dataclass

from pydantic import TypeAdapter

from posthorn.models import Item, RefusedPublication

MAX_KEPT = 10  # with an event; the others are counted
_LIST = TypeAdapter(tuple[RefusedPublication, ...])


@dataclass(frozen=True)
class Refusals:
    """The refused publications of an event: the first ones and the latest, and their number."""

    kept: tuple[RefusedPublication, ...] = ()
    count: int = 0

    def with_one(self, publication: RefusedPublication) -> "Refusals":
        """With one more; unchanged if it is the publication of a redelivered message."""
        if publication in self.kept:
            return self
        return Refusals((*self.kept[: MAX_KEPT - 1], publication), self.count + 1)

    def without_digests(self) -> "Refusals":
        kept = tuple(each.model_copy(update={"sha256": ""}) for each in self.kept)
        return Refusals(kept, self.count)

    @property
    def attributes(self) -> Item:
        """The attributes of the event's item; none without a refused publication."""
        if not self.count:
            return {}
        return {"refused": _LIST.dump_json(self.kept).decode(), "refused_count": self.count}


NO_REFUSALS = Refusals()


def read_refusals(item: Item) -> Refusals:
    if "refused" not in item:
        return NO_REFUSALS
    return Refusals(_LIST.validate_json(item["refused"]), int(item["refused_count"]))
