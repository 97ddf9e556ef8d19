"""Routes: method and path, page function, and the scope that it needs."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from console.web.answer import Download, Page, Redirect
from console.web.request import PageRequest
from posthorn.models import Scope
from posthorn.tenants.console_sessions import Session

Result = Page | Redirect | Download
PageFunction = Callable[[Session, PageRequest], Result]
OpenFunction = Callable[[PageRequest], Result]


@dataclass(frozen=True)
class Route:
    """A page for signed-in visitors whose key has the scope."""

    method: str
    pattern: re.Pattern[str]
    make: PageFunction
    needs: Scope | None


@dataclass(frozen=True)
class OpenRoute:
    """A public page."""

    method: str
    pattern: re.Pattern[str]
    make: OpenFunction


class Router:
    """A group of pages: `@router.get("/console/log/{id}", needs=Scope.LOGS_READ)`."""

    def __init__(self) -> None:
        self.routes: list[Route | OpenRoute] = []

    def get(
        self, path: str, *, needs: Scope | None = None
    ) -> Callable[[PageFunction], PageFunction]:
        return self._signed_in("GET", path, needs)

    def post(
        self, path: str, *, needs: Scope | None = None
    ) -> Callable[[PageFunction], PageFunction]:
        """Register a form's action; its origin and token are checked before the call."""
        return self._signed_in("POST", path, needs)

    def open(self, method: str, path: str) -> Callable[[OpenFunction], OpenFunction]:
        """Register a public page; a form must still come from a page of the console."""

        def add(make: OpenFunction) -> OpenFunction:
            self.routes.append(OpenRoute(method, _pattern(path), make))
            return make

        return add

    def _signed_in(
        self, method: str, path: str, needs: Scope | None
    ) -> Callable[[PageFunction], PageFunction]:
        def add(make: PageFunction) -> PageFunction:
            self.routes.append(Route(method, _pattern(path), make, needs))
            return make

        return add


def find(
    routes: Iterable[Route | OpenRoute], request: PageRequest
) -> tuple[Route | OpenRoute, PageRequest] | None:
    """The first route for the method and path, and the request with the path's named parts."""
    for route in routes:
        if route.method == request.method and (match := route.pattern.fullmatch(request.path)):
            return route, replace(request, params=match.groupdict())
    return None


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path))
