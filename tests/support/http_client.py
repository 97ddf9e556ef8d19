"""The HTTP API without a network: events as API Gateway makes them (payload format 2.0).

As on AWS, a route of template.yaml selects the function and the authorizer is called first. A
request without a route, without a key or with a bad key never reaches a function of ours.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from api.handler import description
from posthorn.core.answer_size import LAMBDA_BYTES
from posthorn.http_api.openapi import PROBLEM
from tests.support import template_facts
from tests.support.invocations import invoke

NO_AUTHORIZER = {"Authorizer": "NONE"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: str = field(repr=False)  # may hold a secret, which pytest would print
    cookies: tuple[str, ...] = field(default=(), repr=False)  # each as Set-Cookie has it

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def fields(self) -> list[str]:
        """The fields that a problem names."""
        return [each["field"] for each in self.json.get("errors", [])]


@dataclass(frozen=True)
class _Route:
    function: str
    key: str
    pattern: re.Pattern[str]
    public: bool


def _routes() -> list[_Route]:
    return [
        _Route(
            function,
            f"{method} {path}",
            re.compile(f"{method} " + _pattern(path)),
            route.get("Auth") == NO_AUTHORIZER,
        )
        for function in template_facts.functions()
        for (method, path), route in template_facts.routes(function).items()
    ]


def _pattern(path: str) -> str:
    greedy = re.sub(r"{(\w+)\+}", r"(?P<\1>.+)", path)
    return re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", greedy)


ROUTES = _routes()


@dataclass(frozen=True)
class Client:
    """Calls with one key, or with none. The authorizer is asked once, for its answer is cached."""

    key: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    _verdicts: dict[str, Any] = field(default_factory=dict, repr=False)

    def get(self, path: str, **query: object) -> Answer:
        return self.call("GET", path, query=query)

    def post(self, path: str, body: object = None, **headers: str) -> Answer:
        return self.call("POST", path, body=body, headers=headers)

    def put(self, path: str, body: object = None) -> Answer:
        return self.call("PUT", path, body=body)

    def patch(self, path: str, body: object = None, **headers: str) -> Answer:
        return self.call("PATCH", path, body=body, headers=headers)

    def delete(self, path: str, **headers: str) -> Answer:
        return self.call("DELETE", path, headers=headers)

    def call(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send `body` as JSON, a text as it is, and bytes as base64, as API Gateway does."""
        sent = {**self.headers, **{k.replace("_", "-"): v for k, v in (headers or {}).items()}}
        if self.key:
            sent["authorization"] = f"Bearer {self.key}"
        if body is not None:
            sent.setdefault("content-type", "application/json")
        event = http_event(method, path, body=body, query=query, headers=sent)
        return through_gateway(event, self._verdicts)


def http_event(
    method: str,
    path: str,
    *,
    body: object = None,
    query: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """An event of an HTTP API before it has been routed and authorized."""
    parameters = {key: str(value) for key, value in (query or {}).items()}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": quote(path),
        "rawQueryString": urlencode(parameters),
        "headers": {"host": "api.example.com", **(headers or {})},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3",
            "domainName": "api.example.com",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "tests",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "stage": "$default",
            "timeEpoch": 1795428000000,
        },
        "isBase64Encoded": isinstance(body, bytes),
    }
    if parameters:
        event["queryStringParameters"] = parameters
    if body is not None:
        event["body"] = _written(body)
    return event


def _written(body: object) -> str:
    if isinstance(body, bytes):
        return base64.b64encode(body).decode()
    return body if isinstance(body, str) else json.dumps(body)


def through_gateway(event: dict[str, Any], verdicts: dict[str, Any]) -> Answer:
    http = event["requestContext"]["http"]
    asked = f"{http['method']} {http['path']}"
    found = [(route, match) for route in ROUTES if (match := route.pattern.fullmatch(asked))]
    if not found:
        return _own(404, "Not Found")
    route, match = found[0]
    event["routeKey"] = event["requestContext"]["routeKey"] = route.key
    if match.groupdict():
        event["pathParameters"] = match.groupdict()
    if not route.public:
        identity = event["headers"].get("authorization")
        if not identity:
            return _own(401, "Unauthorized")
        if identity not in verdicts:
            verdicts[identity] = invoke("AuthorizerFunction", _asking(event, route))
        verdict = verdicts[identity]
        if not verdict["isAuthorized"]:
            return _own(403, "Forbidden")
        event["requestContext"]["authorizer"] = {"lambda": verdict["context"]}
    given = invoke(route.function, event)
    if len(json.dumps(given, ensure_ascii=False).encode()) > LAMBDA_BYTES:
        return _own(502, "Internal Server Error")
    headers = {name.lower(): value for name, value in given.get("headers", {}).items()}
    answer = Answer(
        given["statusCode"], headers, given.get("body") or "", tuple(given.get("cookies", ()))
    )
    _check_described(route, answer)
    return answer


def _check_described(route: _Route, answer: Answer) -> None:
    """Check for every test that the answer is one of those in the API's description."""
    method, path = route.key.split()
    operation = description()["paths"].get(path, {}).get(method.lower())
    if operation is None:
        return  # the description itself, and the page rendered from it
    told = operation["responses"].get(str(answer.status))
    assert told, f"{route.key} answers {answer.status}, which it is not said to do"
    content = told.get("content", {})
    if not content:
        assert not answer.body
        return
    kind = answer.headers["content-type"]
    assert kind in content, f"{route.key} answers {answer.status} as {kind}"
    if kind == PROBLEM:
        codes = set(content[kind]["examples"])
        assert answer.json["code"] in codes, f"{route.key}: {answer.json['code']} of {codes}"


def _asking(event: dict[str, Any], route: _Route) -> dict[str, Any]:
    """The event of a Lambda authorizer: the request without its body."""
    return {
        **{name: value for name, value in event.items() if name not in ("body", "isBase64Encoded")},
        "type": "REQUEST",
        "routeArn": f"arn:aws:execute-api:eu-north-1:123456789012:a1b2c3/$default/{route.key}",
        "identitySource": [event["headers"]["authorization"]],
    }


def _own(status: int, message: str) -> Answer:
    """An answer of API Gateway itself."""
    return Answer(status, {"content-type": "application/json"}, json.dumps({"message": message}))
