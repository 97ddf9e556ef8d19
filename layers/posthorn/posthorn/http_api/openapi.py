"""The API's description as an OpenAPI 3.1 document, made of its operations."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue

from posthorn import __version__
from posthorn.core import api_examples as examples
from posthorn.core import problem_details as problems
from posthorn.core.problem_details import CODES, Problem
from posthorn.http_api.operations import JSON, ApiOperation, Parameter

PROBLEM = "application/problem+json"
TAGS = {
    "Events": "Publish events, and read what became of each.",
    "Endpoints": "Where a tenant's events go, as which requests, and signed with which secret.",
    "Trying out": "See what an endpoint would do before it does: preview, test and dry run.",
    "History": "Every version of an endpoint, and making an old one the next.",
    "Deliveries": "What was sent to whom, what came back, and what comes next.",
    "Jobs": "Many deliveries at once: replay them, or drain or discard what was held.",
    "Statistics": "How deliveries are doing, and what needs somebody's attention.",
    "Event types": "The catalogue: which events there are, and what their data looks like.",
    "Console": "Let people of a tenant into the console without an API key.",
    "Tenants": "The platform's customers. For its own people.",
    "API keys": "Who may do what. For the platform's own people.",
}
_ABOUT = """\
Posthorn delivers a platform's integration events to its customers' systems as signed webhooks.

Every request carries an API key: `Authorization: Bearer phk_…`. The key is bound to a tenant and
has scopes; an operation names the one that it needs, and `admin` is all of them. A key of the scope
`admin` is bound to no tenant, and names the one to act for in the header `posthorn-tenant`. Without
a key the gateway answers 401, and 403 to a key that does not exist.

A refusal is a problem (RFC 9457) with a `code` that does not change. It names each field that is
wrong, and nothing was done. Lists are pages: ask with `cursor` for what follows `next_cursor`.
"""
_SECURITY = "apiKey"
_TENANT = Parameter(
    name="posthorn-tenant",
    place="header",
    kind=Annotated[
        str, Field(description="The tenant to act for: an admin key names it, others need not")
    ],
    is_required=False,
)
_NO_KEY = "There is no API key"
_VERSION_TAG = {
    "description": "The version, as `If-Match` takes it",
    "schema": {"type": "string", "examples": ['"3"']},
}
_Kinds = dict[tuple[Any, JsonSchemaMode], dict[str, Any]]


class _AsWritten(GenerateJsonSchema):
    """Leaves the fields of examples in the order in which they were written."""

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:
        return value


class GatewayRefusal(BaseModel):
    """What the gateway says by itself when a key is missing or unknown."""

    model_config = examples.shown({"message": "Unauthorized"})

    message: str = Field(description="`Unauthorized` or `Forbidden`")


def document(operations: Iterable[ApiOperation]) -> dict[str, Any]:
    """The document, with the operations in the order of their tags and paths."""
    tags = list(TAGS)
    ordered = sorted(operations, key=lambda each: (tags.index(each.description.tag), each.path))
    kinds, schemas = _schemas(ordered)
    paths: dict[str, dict[str, Any]] = {}
    for each in ordered:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, kinds, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Posthorn",
            "version": __version__,
            "summary": "Integration events as signed webhooks",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{_SECURITY: []}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                _SECURITY: {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "phk_<id>_<secret>",
                    "description": "An API key",
                }
            },
        },
    }


def _schemas(operations: Iterable[ApiOperation]) -> tuple[_Kinds, dict[str, Any]]:
    """The schema of each type that is asked for or answered, and the models that these refer to."""
    asked = [kind for each in operations for kind in each.bodies.values()]
    asked += [parameter.kind for each in operations for parameter in each.parameters]
    answered = [GatewayRefusal, Problem]
    for each in operations:
        answered += [*each.answers.values(), *each.refused_in_whole.values()]
    wanted: list[tuple[Any, JsonSchemaMode]] = [
        (kind, "validation") for kind in (_TENANT.kind, *asked)
    ]
    wanted += [(kind, "serialization") for kind in answered if kind is not None]
    kinds, whole = TypeAdapter.json_schemas(
        [(kind, mode, TypeAdapter(kind)) for kind, mode in dict.fromkeys(wanted)],
        ref_template="#/components/schemas/{model}",
        schema_generator=_AsWritten,
    )
    return kinds, whole["$defs"]


def _operation(operation: ApiOperation, kinds: _Kinds, schemas: dict[str, Any]) -> dict[str, Any]:
    further = (_TENANT,) if operation.acts_for_tenant else ()
    written = {
        "tags": [operation.description.tag],
        "operationId": operation.id,
        "summary": operation.summary,
        "description": operation.text,
        "security": [{_SECURITY: [str(operation.description.scope)]}],
        "parameters": [_parameter(each, kinds) for each in (*operation.parameters, *further)],
        "requestBody": {
            "required": operation.is_body_required,
            "content": {
                media_type: _content(kinds[kind, "validation"], schemas)
                for media_type, kind in operation.bodies.items()
            },
        },
        "responses": {
            **_answers(operation, kinds, schemas),
            **_refusals(operation, kinds, schemas),
        },
    }
    if not operation.bodies:
        del written["requestBody"]
    return {name: value for name, value in written.items() if value}


def _parameter(parameter: Parameter, kinds: _Kinds) -> dict[str, Any]:
    schema = dict(kinds[parameter.kind, "validation"])
    text = schema.pop("description", None)
    choices = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(choices) == 1:  # what is absent is not written as null
        schema = {**schema, **choices[0]}
        del schema["anyOf"]
    if parameter.default is not None:
        schema["default"] = parameter.default
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.is_required,
        **({"description": text} if text else {}),
        "schema": schema,
    }


def _content(schema: dict[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    """A schema with the examples of the models that it is a choice of."""
    choices = schema.get("anyOf", [schema])
    models = [schemas[each["$ref"].rpartition("/")[2]] for each in choices if "$ref" in each]
    found = [each for model in models for each in model.get("examples", ())]
    found += schema.get("examples", [])
    named = {f"example {number}": {"value": each} for number, each in enumerate(found, 1)}
    return {"schema": schema, **({"examples": named} if named else {})}


def _answers(
    operation: ApiOperation, kinds: _Kinds, schemas: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    texts = {200: "Done", 201: "Made", 202: "Accepted", 204: "Done, and there is nothing to tell"}
    answers: dict[str, dict[str, Any]] = {}
    for status, kind in operation.answers.items():
        answer: dict[str, Any] = {"description": texts[status]}
        if kind is not None:
            answer["content"] = {JSON: _content(kinds[kind, "serialization"], schemas)}
        if operation.description.is_versioned and kind is not None:
            answer["headers"] = {"etag": _VERSION_TAG}
        answers[str(status)] = answer
    return answers


def _refusals(
    operation: ApiOperation, kinds: _Kinds, schemas: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    gateway = {JSON: _content(kinds[GatewayRefusal, "serialization"], schemas)}
    refusals: dict[str, dict[str, Any]] = {"401": {"description": _NO_KEY, "content": gateway}}
    by_status: dict[int, list[str]] = {}
    for code in sorted(operation.codes, key=lambda each: (CODES[each][0], each)):
        by_status.setdefault(CODES[code][0], []).append(code)
    for status, codes in by_status.items():
        content: dict[str, Any] = {PROBLEM: _problem(status, codes, kinds)}
        if status == 403:
            content |= gateway
        if status in operation.refused_in_whole:
            kind = operation.refused_in_whole[status]
            content[JSON] = _content(kinds[kind, "serialization"], schemas)
        text = "\n".join(f"- `{code}`: {CODES[code][1]}" for code in codes)
        refusals[str(status)] = {"description": text, "content": content}
    return refusals


def _problem(status: int, codes: list[str], kinds: _Kinds) -> dict[str, Any]:
    exactly = {"properties": {"status": {"const": status}, "code": {"enum": codes}}}
    return {
        "schema": {"allOf": [kinds[Problem, "serialization"], exactly]},
        "examples": {code: {"value": problems.example(code)} for code in codes},
    }
