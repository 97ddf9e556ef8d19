"""What the API can be asked, as data: each route with its parameters, bodies, answers and refusals.

A route is described where it is written, by its signature, its docstring (the summary, then the
rest) and `described`, which names what these cannot tell.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import ApiGatewayResolver, Route
from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Path, Query
from pydantic.fields import FieldInfo

from posthorn.models import Scope

JSON = "application/json"
_OF_ALL = ("forbidden", "internal", "unavailable")
_OF_TENANTS = ("not_found", "tenant_required")
_OF_BODIES = ("malformed_json", "unsupported_media_type", "invalid_field")
_PLACES = {Query: "query", Path: "path", Header: "header"}
_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Description:
    """What a route's signature does not tell. `codes` are of problems (problems.CODES)."""

    tag: str
    scope: Scope
    codes: tuple[str, ...] = ()
    is_versioned: bool = False  # an answer has the version as its ETag
    also: tuple[int, ...] = ()  # further statuses of success


@dataclass(frozen=True)
class Parameter:
    name: str
    place: str  # path, query or header
    kind: Any
    is_required: bool
    default: Any = None


@dataclass(frozen=True)
class ApiOperation:
    method: str
    path: str
    id: str
    summary: str
    text: str
    description: Description
    parameters: tuple[Parameter, ...] = ()
    bodies: Mapping[str, Any] = field(default_factory=dict)  # types by media type
    is_body_required: bool = True
    answers: Mapping[int, Any] = field(default_factory=dict)  # types by status, None for no body
    refused_in_whole: Mapping[int, Any] = field(default_factory=dict)  # no problem, but this type

    @property
    def acts_for_tenant(self) -> bool:
        return self.description.scope is not Scope.ADMIN

    @property
    def codes(self) -> set[str]:
        """Of every problem that may be the answer."""
        codes = {*_OF_ALL, *self.description.codes}
        if self.acts_for_tenant:
            codes.update(_OF_TENANTS)
        if self.bodies:
            codes.update(_OF_BODIES)
        if any(each.place == "path" for each in self.parameters):
            codes.add("not_found")
        if any(_is_restricted(each) for each in self.parameters):
            codes.add("invalid_field")
        return codes


_DESCRIPTIONS: dict[Callable[..., Any], Description] = {}


def described(
    tag: str, scope: Scope, *codes: str, is_versioned: bool = False, also: tuple[int, ...] = ()
) -> Callable[[_F], _F]:
    """Describe a route's function: its chapter, who may call it, and problems of its own."""

    def keep(function: _F) -> _F:
        _DESCRIPTIONS[function] = Description(tag, scope, codes, is_versioned, also)
        return function

    return keep


def of_app(app: ApiGatewayResolver) -> list[ApiOperation]:
    """The operations of an event handler's routes; KeyError for one that is not described."""
    # The event handler has no public list of them.
    routes: Iterable[Route] = (*app._static_routes, *app._dynamic_routes)
    return [_operation(route) for route in routes if route.include_in_schema]


def _operation(route: Route) -> ApiOperation:
    function = route.func
    summary, _, text = inspect.cleandoc(function.__doc__ or "").partition("\n\n")
    kinds = get_type_hints(function, include_extras=True)
    signature = inspect.signature(function).parameters
    bodies = [name for name in signature if _told(kinds[name], Body)]
    description = _DESCRIPTIONS[function]
    statuses = (route.status_code, *description.also)
    return ApiOperation(
        method=route.method,
        path=route.openapi_path,
        id=function.__name__,
        summary=" ".join(summary.split()).removesuffix("."),
        text=text,
        description=description,
        parameters=tuple(
            _parameter(name, kinds[name], signature[name].default)
            for name in signature
            if name not in bodies
        ),
        bodies={JSON: kinds[bodies[0]]} if bodies else {},
        is_body_required=all(signature[each].default is inspect.Parameter.empty for each in bodies),
        answers={status: _answer(kinds["return"]) for status in statuses},
    )


def _answer(kind: Any) -> Any:
    """The type of the body. `Response[…]` is for those that set more than that."""
    if get_origin(kind) is Response:
        (kind,) = get_args(kind)
    return None if kind is type(None) else kind


def _parameter(name: str, kind: Any, default: Any) -> Parameter:
    told = _told(kind, Query) or _told(kind, Header) or _told(kind, Path)
    place = _PLACES[type(told)] if told else "path"
    is_given = default is not inspect.Parameter.empty
    return Parameter(
        name=(told and told.alias) or name,
        place=place,
        kind=kind,
        is_required=not is_given,
        default=default if is_given else None,
    )


def _told(kind: Any, place: type[FieldInfo]) -> Any:
    if get_origin(kind) is not Annotated:
        return None
    return next((each for each in get_args(kind)[1:] if isinstance(each, place)), None)


def _is_restricted(parameter: Parameter) -> bool:
    """Whether a value can be wrong; any text is a good one in a path: there is no such thing."""
    plain = get_args(parameter.kind)[:1] if get_origin(parameter.kind) is Annotated else ()
    return parameter.place != "path" or plain not in ((), (str,))
