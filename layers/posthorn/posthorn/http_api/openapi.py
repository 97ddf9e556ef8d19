"""The OpenAPI 3.1 description: Powertools' generator, completed with what it cannot know.

Powertools derives paths, parameters, bodies and answers from the signatures of the routes.
`described` adds tag, scope and problem codes to a route's function, whose docstring is the summary
and, after a blank line, the description. `document` puts both together in a form that client
generators read: no object defaults in unions, no bare `const`, no `null` for an absent parameter.
"""

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from aws_lambda_powertools.event_handler.api_gateway import ApiGatewayResolver
from pydantic import BaseModel, Field, TypeAdapter

from posthorn import __version__
from posthorn.core import api_examples, problem_details
from posthorn.core.problem_details import CODES, Problem
from posthorn.models import Scope

JSON, PROBLEM = "application/json", "application/problem+json"
TAGS = {
    "Events": "Publish events, and read the result of each.",
    "Endpoints": "The destinations of a tenant's events, with their requests and signing secrets.",
    "Trying out": "Preview, test and dry run: the effect of an endpoint before it is enabled.",
    "History": "Every version of an endpoint, and how to restore one.",
    "Deliveries": "Requests sent, responses received, and the next attempts.",
    "Jobs": "Many deliveries at once: replay them, or drain or discard those that are held.",
    "Statistics": "Counts and latencies over time, and warnings about current problems.",
    "Event types": "The catalogue: the event types and the schemas of their data.",
    "Console": "Access to the console for people who have no API key.",
    "Tenants": "The platform's customers. For administrators of the platform.",
    "API keys": "Keys and their scopes. For administrators of the platform.",
}
_ABOUT = """\
Posthorn delivers a platform's integration events to its customers' systems as signed webhooks.

Every request carries an API key: `Authorization: Bearer phk_…`. The key is bound to a tenant and
has scopes; each operation names the scope that it needs, and `admin` includes all of them. A key
with the scope `admin` is bound to no tenant and names the tenant in the header `posthorn-tenant`.
The gateway answers 401 to a request without a key, and 403 to an unknown key.

A refused request gets a problem (RFC 9457) with a stable `code`, which names each invalid field;
nothing was changed. Lists are pages: pass `next_cursor` as `cursor` to get the next page.
"""
_SECURITY = "apiKey"
_OF_ALL = ("forbidden", "internal", "unavailable")
_OF_TENANTS = ("not_found", "tenant_required")
_OF_BODIES = ("malformed_json", "unsupported_media_type", "invalid_field")
_TENANT = {
    "name": "posthorn-tenant",
    "in": "header",
    "required": False,
    "description": "The tenant to act for; required with an admin key, ignored otherwise",
    "schema": {"type": "string"},
}
_ETAG = {
    "description": "The version, as `If-Match` takes it",
    "schema": {"type": "string", "examples": ['"3"']},
}
_REF = "#/components/schemas/"
_GENERATED_ONLY = ("HTTPValidationError", "ResponseValidationError", "ValidationError")
_F = TypeVar("_F", bound=Callable[..., Any])


class GatewayRefusal(BaseModel):
    """The gateway's own answer to a missing or unknown key."""

    model_config = api_examples.shown({"message": "Unauthorized"})

    message: str = Field(description="`Unauthorized` or `Forbidden`")


@dataclass(frozen=True)
class Description:
    """The facts about an operation that its signature does not state."""

    tag: str
    scope: Scope
    codes: tuple[str, ...] = ()  # of problems (problem_details.CODES)
    is_versioned: bool = False  # the answer has the version as its ETag
    also: tuple[int, ...] = ()  # further statuses of success
    # Which members of the body's union each media type takes, by position.
    media_types: Mapping[str, tuple[int, ...]] | None = None
    refused_as: type[BaseModel] | None = None  # the body of a 422 or 503 that is not a problem


_DESCRIPTIONS: dict[str, tuple[Description, str, str]] = {}


def described(tag: str, scope: Scope, *codes: str, **facts: Any) -> Callable[[_F], _F]:
    """Describe a route's function: its tag, scope, problem codes and other `Description` fields.

    The function's name is the operation's id, so it is unique.
    """

    def keep(function: _F) -> _F:
        summary, _, text = inspect.cleandoc(function.__doc__ or "").partition("\n\n")
        summary = " ".join(summary.split()).removesuffix(".")
        _DESCRIPTIONS[function.__name__] = Description(tag, scope, codes, **facts), summary, text
        return function

    return keep


def document(*apps: ApiGatewayResolver) -> dict[str, Any]:
    """The description of the routes of all `apps`; KeyError for a route without `described`."""
    routes, schemas = _generated(apps)
    operations: list[tuple[int, str, str, dict[str, Any]]] = []
    for path, method, route in routes:
        name = route["operationId"].removesuffix(re.sub(r"\W", "_", path) + f"_{method}")
        description, summary, text = _DESCRIPTIONS[name]
        operation = {
            "tags": [description.tag],
            "operationId": name,
            "summary": summary,
            **({"description": text} if text else {}),
            "security": [{_SECURITY: [str(description.scope)]}],
            **_completed(route, description, schemas),
        }
        operations.append((list(TAGS).index(description.tag), path, method, operation))
    paths: dict[str, dict[str, Any]] = {}
    for _, path, method, operation in sorted(operations, key=lambda each: each[:2]):
        paths.setdefault(path, {})[method] = operation
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
            "schemas": {name: _readable(schemas[name]) for name in sorted(schemas)},
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


def _generated(
    apps: tuple[ApiGatewayResolver, ...],
) -> tuple[list[tuple[str, str, dict[str, Any]]], dict[str, Any]]:
    """Powertools' operations by path and method, and the schemas that all of them refer to."""
    _, own = TypeAdapter.json_schemas(
        [(kind, "serialization", TypeAdapter(kind)) for kind in (Problem, GatewayRefusal)],
        ref_template=_REF + "{model}",
    )
    routes: list[tuple[str, str, dict[str, Any]]] = []
    schemas: dict[str, Any] = dict(own["$defs"])
    for app in apps:
        found = json.loads(app.get_openapi_json_schema(title="Posthorn", version=__version__))
        schemas |= found["components"]["schemas"]
        routes += [
            (path, method, route)
            for path, methods in found["paths"].items()
            for method, route in methods.items()
        ]
    for name in _GENERATED_ONLY:
        schemas.pop(name, None)
    return routes, schemas


def _completed(
    route: dict[str, Any], description: Description, schemas: Mapping[str, Any]
) -> dict[str, Any]:
    parameters = [_parameter(each) for each in route.get("parameters", ())]
    body = route.get("requestBody")
    codes = _codes(parameters, description, has_body=body is not None)
    if description.scope is not Scope.ADMIN:
        parameters.append(_TENANT)
    answers = {**_answers(route, description, schemas), **_refusals(codes, description, schemas)}
    completed: dict[str, Any] = {"parameters": parameters} if parameters else {}
    if body is not None:
        schema = body["content"][JSON]["schema"]
        text = _readable(schema).get("description")
        completed["requestBody"] = {
            **({"description": text} if text else {}),
            "required": body.get("required", False),
            "content": dict(_bodies(schema, description, schemas)),
        }
    return {**completed, "responses": answers}


def _parameter(generated: dict[str, Any]) -> dict[str, Any]:
    """A parameter whose text stands once, and whose absence is not written as null."""
    schema = {k: v for k, v in generated["schema"].items() if k not in ("title", "description")}
    choices = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(choices) == 1:
        schema = {**schema, **choices[0]}
        del schema["anyOf"]
    return {**generated, "schema": schema}


def _codes(
    parameters: list[dict[str, Any]], description: Description, *, has_body: bool
) -> set[str]:
    """The codes of all problems with which the operation may answer."""
    codes = {*_OF_ALL, *description.codes}
    if description.scope is not Scope.ADMIN:
        codes.update(_OF_TENANTS)
    if has_body:
        codes.update(_OF_BODIES)
    if any(each["in"] == "path" for each in parameters):
        codes.add("not_found")
    # Any text is a valid id: an unknown one is not found.
    if any(each["in"] != "path" or each["schema"]["type"] != "string" for each in parameters):
        codes.add("invalid_field")
    return codes


def _bodies(
    schema: dict[str, Any], description: Description, schemas: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    if description.media_types is None:
        yield JSON, _content(schema, schemas)
        return
    for media_type, positions in description.media_types.items():
        choices = [schema["anyOf"][position] for position in positions]
        only = choices[0] if len(choices) == 1 else {"anyOf": choices}
        yield media_type, _content(only, schemas)


def _content(schema: dict[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    """A body's schema with the examples of each model that it may be."""
    schema = _readable(schema)
    if "$ref" in schema:  # with a description beside it, schemathesis 4.32 expects a body
        schema = {"$ref": schema["$ref"]}
    examples = list(_examples(schema, schemas))
    named = {f"example {number}": {"value": each} for number, each in enumerate(examples, 1)}
    return {"schema": schema, **({"examples": named} if named else {})}


def _examples(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[Any]:
    yield from schema.get("examples", ())
    for choice in schema.get("anyOf", ()):
        yield from _examples(choice, schemas)
    if "$ref" in schema:
        yield from _examples(schemas[schema["$ref"].removeprefix(_REF)], schemas)


def _answers(
    route: dict[str, Any], description: Description, schemas: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    (status,) = (each for each in route["responses"] if each.startswith("2"))
    schema = route["responses"][status]["content"][JSON].get("schema", {})
    answers = {}
    for each in (int(status), *description.also):
        answer: dict[str, Any] = {"description": HTTPStatus(each).phrase}
        if each != HTTPStatus.NO_CONTENT:
            answer["content"] = {JSON: _content(schema, schemas)}
            if description.is_versioned:
                answer["headers"] = {"etag": _ETAG}
        answers[str(each)] = answer
    return answers


def _refusals(
    codes: set[str], description: Description, schemas: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    gateway = {JSON: _content({"$ref": f"{_REF}GatewayRefusal"}, schemas)}
    refusals: dict[str, dict[str, Any]] = {
        "401": {"description": "The API key is missing", "content": gateway}
    }
    by_status: dict[int, list[str]] = {}
    for code in sorted(codes, key=lambda each: (CODES[each][0], each)):
        by_status.setdefault(CODES[code][0], []).append(code)
    for status, listed in by_status.items():
        # The examples name the codes: a schema for each set would be a class in generated clients.
        examples = {code: {"value": problem_details.example(code)} for code in listed}
        content = {PROBLEM: {"schema": {"$ref": f"{_REF}Problem"}, "examples": examples}}
        if status == HTTPStatus.FORBIDDEN:
            content |= gateway
        if description.refused_as and status in (422, 503):
            content[JSON] = _content({"$ref": _REF + description.refused_as.__name__}, schemas)
        text = "\n".join(f"- `{code}`: {CODES[code][1]}" for code in listed)
        refusals[str(status)] = {"description": text, "content": content}
    return refusals


def _readable(schema: Any) -> Any:
    """The schema without forms that client generators refuse.

    openapi-python-client 0.29 drops an operation whose body has an object as the default of a
    union, and every answer with a `const` beside no type. The description names such a default.
    """
    if isinstance(schema, list):
        return [_readable(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {
        name: value if name in ("example", "examples", "enum") else _readable(value)
        for name, value in schema.items()
    }
    if "const" in found and isinstance(found["const"], str):
        found = {"type": "string", "enum": [found.pop("const")], **found}
        found.pop("default", None)
    if isinstance(found.get("default"), dict):
        default = json.dumps(found.pop("default"))
        found["description"] = f"{found.get('description', '')} Default: `{default}`.".strip()
    return found
