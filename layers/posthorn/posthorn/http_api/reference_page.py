"""The API's description as people read it: an OpenAPI document of ours, laid out for a page."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_PROBLEM = "application/problem+json"
_PLURALS = {"string": "strings", "integer": "integers", "number": "numbers", "object": "objects"}
Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Kind:
    """A type in words. `model` is the one that it is about, if any, to link to."""

    text: str
    model: str | None = None


@dataclass(frozen=True)
class Row:
    """A field or a parameter."""

    name: str
    kinds: tuple[Kind, ...]  # any of them
    is_required: bool
    text: str
    rules: tuple[str, ...]
    place: str | None = None  # of a parameter


@dataclass(frozen=True)
class Sample:
    kind: str  # media type
    name: str
    text: str


@dataclass(frozen=True)
class Body:
    kind: str  # media type
    text: str
    about: tuple[Kind, ...]
    rows: tuple[Row, ...]
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class Answer:
    status: str
    text: str
    bodies: tuple[Body, ...]


@dataclass(frozen=True)
class Refusal:
    status: str
    code: str
    text: str


@dataclass(frozen=True)
class Entry:
    """An operation."""

    id: str
    method: str
    path: str
    summary: str
    text: str
    scope: str
    parameters: tuple[Row, ...]
    bodies: tuple[Body, ...]
    answers: tuple[Answer, ...]
    refusals: tuple[Refusal, ...]
    curl: str


@dataclass(frozen=True)
class Chapter:
    name: str
    text: str
    entries: tuple[Entry, ...]

    @property
    def anchor(self) -> str:
        return self.name.lower().replace(" ", "-")


@dataclass(frozen=True)
class ModelTable:
    name: str
    text: str
    rows: tuple[Row, ...]
    values: tuple[str, ...]  # of an enumeration


@dataclass(frozen=True)
class Page:
    title: str
    version: str
    summary: str
    text: str
    chapters: tuple[Chapter, ...]
    models: tuple[ModelTable, ...]


def page(document: Mapping[str, Any]) -> Page:
    schemas = document["components"]["schemas"]
    entries = [
        (operation["tags"], _entry(method.upper(), path, operation, schemas))
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return Page(
        title=document["info"]["title"],
        version=document["info"]["version"],
        summary=document["info"]["summary"],
        text=document["info"]["description"],
        chapters=tuple(
            Chapter(
                tag["name"],
                tag["description"],
                tuple(entry for tags, entry in entries if tag["name"] in tags),
            )
            for tag in document["tags"]
        ),
        models=tuple(_model(name, schemas[name], schemas) for name in sorted(schemas)),
    )


def shown_name(model: str) -> str:
    """`Listed_EndpointView_` is how a page of EndpointView is written where brackets may not be."""
    return re.sub(r"^Listed_(\w+)_$", r"page of \1", model)


def _entry(method: str, path: str, operation: Schema, schemas: Mapping[str, Schema]) -> Entry:
    (scope,) = operation["security"][0].values()
    bodies = tuple(_bodies(operation.get("requestBody", {}), schemas))
    answers = operation["responses"].items()
    return Entry(
        id=operation["operationId"],
        method=method,
        path=path,
        summary=operation["summary"],
        text=operation.get("description", ""),
        scope=scope[0],
        parameters=tuple(_parameter(each, schemas) for each in operation.get("parameters", ())),
        bodies=bodies,
        answers=tuple(
            Answer(status, answer["description"], tuple(_bodies(answer, schemas)))
            for status, answer in answers
            if status.startswith("2")
        ),
        refusals=tuple(each for status, answer in answers for each in _refusals(status, answer)),
        curl=_curl(method, path, operation, bodies),
    )


def _parameter(parameter: Schema, schemas: Mapping[str, Schema]) -> Row:
    return Row(
        name=parameter["name"],
        kinds=tuple(_kinds(parameter["schema"], schemas)),
        is_required=parameter["required"],
        text=parameter.get("description", ""),
        rules=tuple(_rules(parameter["schema"])),
        place=parameter["in"],
    )


def _bodies(holder: Schema, schemas: Mapping[str, Schema]) -> Iterator[Body]:
    for kind, content in holder.get("content", {}).items():
        schema = content["schema"]
        samples = content.get("examples", {}).items()
        yield Body(
            kind=kind,
            text=schema.get("description", ""),
            about=tuple(_kinds(schema, schemas)),
            rows=tuple(_rows(_resolved(schema, schemas), schemas)),
            samples=tuple(Sample(kind, name, _json(each["value"])) for name, each in samples),
        )


def _refusals(status: str, answer: Schema) -> Iterator[Refusal]:
    problems = answer.get("content", {}).get(_PROBLEM)
    if problems:
        for code, example in problems["examples"].items():
            yield Refusal(status, code, example["value"]["detail"])


def _model(name: str, schema: Schema, schemas: Mapping[str, Schema]) -> ModelTable:
    return ModelTable(
        name=name,
        text=schema.get("description", ""),
        rows=tuple(_rows(schema, schemas)),
        values=tuple(schema.get("enum", ())),
    )


def _rows(schema: Schema, schemas: Mapping[str, Schema]) -> Iterator[Row]:
    required = schema.get("required", ())
    for name, each in schema.get("properties", {}).items():
        yield Row(
            name=name,
            kinds=tuple(_kinds(each, schemas)),
            is_required=name in required,
            text=each.get("description", ""),
            rules=tuple(_rules(each)),
        )


def _resolved(schema: Schema, schemas: Mapping[str, Schema]) -> Schema:
    return schemas[_named(schema)] if "$ref" in schema else schema


def _named(schema: Schema) -> str:
    return str(schema["$ref"].rpartition("/")[2])


def _kinds(schema: Schema, schemas: Mapping[str, Schema]) -> Iterator[Kind]:
    """What a value may be: each choice by itself."""
    for choices in ("anyOf", "oneOf"):
        if choices in schema:
            for each in schema[choices]:
                yield from _kinds(each, schemas)
            return
    if "$ref" in schema:
        name = _named(schema)
        values = schemas[name].get("enum")
        yield Kind(" | ".join(values), name) if values else Kind(shown_name(name), name)
    elif schema.get("type") == "array":
        for each in _kinds(schema.get("items", {}), schemas):
            yield Kind(f"list of {_PLURALS.get(each.text, each.text)}", each.model)
    elif schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        for each in _kinds(schema["additionalProperties"], schemas):
            yield Kind(f"object of {_PLURALS.get(each.text, each.text)}", each.model)
    elif "const" in schema:
        yield Kind(f"`{schema['const']}`")
    elif "enum" in schema:
        yield Kind(" | ".join(map(str, schema["enum"])))
    else:
        kind = str(schema.get("type", "anything"))
        yield Kind("time" if schema.get("format") == "date-time" else kind)


def _rules(schema: Schema) -> Iterator[str]:
    """The bounds of a value in words, and what it is when it is left out."""
    known = [schema, *schema.get("anyOf", ())]
    for each in known:
        yield from _between(each.get("minimum"), each.get("maximum"), "{}")
        yield from _between(each.get("minLength"), each.get("maxLength"), "{} characters")
        yield from _between(each.get("minItems"), each.get("maxItems"), "{} items")
        yield from _between(None, each.get("maxProperties"), "{} entries")
        if "pattern" in each:
            yield f"as `{each['pattern']}`"
    if schema.get("default") not in (None, "", [], {}):
        yield f"`{json.dumps(schema['default'], ensure_ascii=False)}` when left out"


def _between(least: Any, most: Any, shape: str) -> Iterator[str]:
    if least is not None and most is not None:
        yield shape.format(f"{least} to {most}")
    elif most is not None:
        yield f"at most {shape.format(most)}"
    elif least is not None:
        yield f"at least {shape.format(least)}"


def _curl(method: str, path: str, operation: Schema, bodies: tuple[Body, ...]) -> str:
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            example = parameter["schema"].get("examples", [1])[0]
            path = path.replace(f"{{{parameter['name']}}}", str(example))
    lines = [f"curl $API{path}", '-H "Authorization: Bearer $KEY"']
    if method not in ("GET", "POST") or (method == "POST" and not bodies):
        lines[0] = f"curl -X {method} $API{path}"
    if bodies:
        body = bodies[0]
        lines += [f"-H 'content-type: {body.kind}'", f"-d {shlex.quote(body.samples[0].text)}"]
    return " \\\n  ".join(lines)


def _json(value: Any) -> str:
    """As people write it: what fits on a line is on one."""
    return _folded(json.dumps(value, indent=2, ensure_ascii=False))


def _folded(text: str) -> str:
    short = re.compile(r"([\[{])\n\s+([^\[\]{}]{0,70}?)\n\s*([\]}])")
    return short.sub(lambda match: match[1] + re.sub(r"\n\s+", " ", match[2]) + match[3], text)
