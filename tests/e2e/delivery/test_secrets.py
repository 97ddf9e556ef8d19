"""Secrets of every kind are used with receivers that echo everything, and appear nowhere."""

import base64
import json
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

import pytest
import requests
from boto3.dynamodb.types import Binary, TypeDeserializer

from local import seed
from local.api import Api
from posthorn.deliveries.items import unpack
from posthorn.models import MASK
from tests.e2e.flow import Flow, after, new_flow
from tests.e2e.stack import Running, eventually
from tests.support import hostile_receivers as hostile
from tests.support.hostile_receivers import Behaviour, Receiver, Visit, answer, says

USER = "shop"
VISIBLE = "nothing-to-hide"  # a marker in a header that is not secret, to check the search itself
PACKED = {"attempt", "body", "document"}  # attributes of LogTable that may be compressed


def echo(status: str) -> Behaviour:
    """A debugging receiver: it answers with the request's headers and body."""

    def behave(visit: Visit) -> None:
        request = visit.read_request()
        head = request.partition(b"\r\n\r\n")[0].decode().replace("\r\n", "; ")
        visit.send(answer(status, headers={"x-you-sent": head}, body=request))

    return behave


def issues(token: str) -> Behaviour:
    """An OAuth 2 token endpoint."""
    body = json.dumps({"access_token": token, "token_type": "Bearer", "expires_in": 3600}).encode()
    return says(answer("200 OK", headers={"content-type": "application/json"}, body=body))


def at(server: Receiver) -> str:
    return server.url(host="127.0.0.1")


def oauth2(token_server: Receiver, client_secret: str, client_auth: str = "basic") -> Any:
    return {
        "kind": "oauth2",
        "token_url": at(token_server),
        "client_id": USER,
        "client_secret": client_secret,
        "client_auth": client_auth,
    }


@dataclass(frozen=True)
class Overheard(Api):
    """A client that keeps its answers."""

    answers: list[tuple[str, str]] = field(default_factory=list, repr=False)

    def raw(self, method: str, path: str, **arguments: Any) -> requests.Response:
        response = super().raw(method, path, **arguments)
        self.answers.append((f"{method} {path}", response.text))
        return response


@dataclass
class Used:
    """The endpoints of a tenant, each with one secret, and the values of the secrets."""

    stack: Running
    api: Overheard
    token_server: Receiver
    secrets: dict[str, str] = field(default_factory=dict, repr=False)  # by purpose
    flows: dict[str, Flow] = field(default_factory=dict)
    servers: dict[str, Receiver] = field(default_factory=dict)

    def invent(self, name: str) -> str:
        """A secret with characters that URLs and base64 encode differently."""
        self.secrets[name] = f"hush+{name}/{secrets.token_hex(12)}="
        return self.secrets[name]

    def endpoint(self, name: str, server: Receiver, **fields: Any) -> None:
        fields = {"retry": after(0.1), "headers": {"x-visible": VISIBLE}} | fields
        flow = new_flow(self.stack, "/ok", api=self.api, url=at(server), **fields)
        self.servers[name], self.flows[name] = server, flow
        self.secrets[f"{name} signing"] = flow.endpoint["signing"]["secret"]

    def deliver(self) -> None:
        event_id = self.flows["bearer"].publish()
        expected = ["succeeded"] * len(self.flows)

        def arrived() -> bool:
            answer = self.api.raw("GET", f"/v1/events/{event_id}")
            deliveries = answer.json()["deliveries"] if answer.ok else []
            return [each["status"] for each in deliveries] == expected

        eventually(arrived)

    def found_in(self, text: str) -> set[str]:
        """Names of the secrets that the text holds, as they are or as they travel."""
        return {
            name
            for name, secret in self.secrets.items()
            if any(form in text for form in forms(secret))
        }


def forms(secret: str) -> set[str]:
    pairs = (f"{USER}:{written}" for written in (secret, quote_plus(secret)))
    plain = (secret, quote_plus(secret))
    return {*plain, *(base64.b64encode(each.encode()).decode() for each in (*pairs, secret))}


@pytest.fixture(scope="module")
def used(stack: Running) -> Iterator[Used]:
    """Every operation with a secret, for every kind of endpoint."""
    asked = {"name": "all", "tenant": "hush", "scopes": seed.TENANT_SCOPES}
    admin = Overheard(stack.url, stack.admin.key)
    admin.call("PUT", "/v1/tenants/hush", body={"name": "Hush"})
    key = admin.call("POST", "/v1/api-keys", body=asked)["key"]
    admin.call("GET", "/v1/api-keys")
    with ExitStack() as servers:
        token = f"hush-token-{secrets.token_hex(12)}"
        token_server = servers.enter_context(hostile.receiver(issues(token)))
        api = Overheard(stack.url, key, answers=admin.answers)
        used = Used(stack, api, token_server, {"key": key, "admin": admin.key, "token": token})
        for name, fields in _holders(used).items():
            failing_first = hostile.receiver(echo("500 Oops"), echo("200 OK"))
            used.endpoint(name, servers.enter_context(failing_first), **fields)
        used.deliver()
        _change_and_rotate(used)
        used.deliver()
        _ask_for_everything(used)
        yield used


def _holders(used: Used) -> dict[str, dict[str, Any]]:
    server, invent = used.token_server, used.invent
    return {
        "bearer": {"auth": {"kind": "bearer", "token": invent("bearer")}},
        "basic": {"auth": {"kind": "basic", "username": USER, "password": invent("basic")}},
        "api key": {"auth": {"kind": "api_key", "header": "x-shop", "value": invent("api-key")}},
        "header": {"headers": {"x-shop-token": invent("header"), "x-visible": VISIBLE}},
        "oauth2 basic": {"auth": oauth2(server, invent("oauth2-basic"))},
        "oauth2 body": {"auth": oauth2(server, invent("oauth2-body"), "body")},
        "public key": {"signing": {"scheme": "v1a"}},
    }


def _change_and_rotate(used: Used) -> None:
    """Send each configuration back as it was answered, masks and all, and rotate each secret."""
    for name, flow in used.flows.items():
        shown = flow.api.call("GET", f"/v1/endpoints/{flow.id}")
        flow.change(name=f"{name} again", auth=shown["auth"], headers=shown["headers"])
        path = f"/v1/endpoints/{flow.id}/rotate-secret"
        rotated = flow.api.call("POST", path, body={"overlap_hours": 1})
        used.secrets[f"{name} rotated"] = rotated["signing"]["secret"]
    flow = used.flows["bearer"]
    flow.api.call("GET", f"/v1/endpoints/{flow.id}/secret")


def _ask_for_everything(used: Used) -> None:
    """All answers of the API about endpoints and deliveries, and a refusal about a secret."""
    api = used.api
    for flow in used.flows.values():
        for path in ("", "/versions"):
            api.call("GET", f"/v1/endpoints/{flow.id}{path}")
        api.call("POST", f"/v1/endpoints/{flow.id}/test", body={})
    for name in ("bearer", "header"):
        api.call("POST", f"/v1/endpoints/{used.flows[name].id}/preview", body={})
    api.call("GET", "/v1/endpoints")
    deliveries = api.call("GET", "/v1/deliveries", params={"test": "include"})["items"]
    for event_id in {delivery["event_id"] for delivery in deliveries}:
        api.call("GET", f"/v1/events/{event_id}")
    api.call("GET", f"/v1/deliveries/{deliveries[0]['id']}")
    for bad in (
        {"auth": {"kind": "bearer", "token": f"{used.invent('two-lines')}\r\nx: y"}},
        {"headers": {"x-token": f"{used.invent('not-ascii')}é"}, "url": "no url"},
    ):
        refused = api.raw("PATCH", f"/v1/endpoints/{used.flows['bearer'].id}", body=bad)
        assert refused.status_code == 422


def test_each_secret_reached_its_receiver_and_is_kept_when_its_mask_is_sent_back(
    used: Used,
) -> None:
    for name, server in used.servers.items():
        deliveries = [
            request for request in server.requests if b"posthorn-test" not in request.lower()
        ]
        assert len(deliveries) == 3  # one failed first
        proof = {"public key": "v1a,", "oauth2 basic": "token", "oauth2 body": "token"}.get(name)
        secret = used.secrets.get(proof or name.replace(" ", "-"), "v1a,")
        for request in deliveries:
            assert any(form in request.decode() for form in forms(secret))
    asked_for_tokens = b"".join(used.token_server.requests).decode()
    assert {"oauth2-basic", "oauth2-body"} <= used.found_in(asked_for_tokens)


def test_no_answer_of_the_api_shows_a_secret_but_the_one_that_is_there_for_it(used: Used) -> None:
    shown: dict[str, list[str]] = {}
    for asked, text in used.api.answers:
        for name in used.found_in(text):
            shown.setdefault(name, []).append(asked)

    bearer = used.flows["bearer"].id
    assert shown.pop("key") == ["POST /v1/api-keys"]
    for name, flow in used.flows.items():
        assert shown.pop(f"{name} signing") == ["POST /v1/endpoints"]
        asked_later = [f"GET /v1/endpoints/{bearer}/secret"] if name == "bearer" else []
        rotation = f"POST /v1/endpoints/{flow.id}/rotate-secret"
        assert shown.pop(f"{name} rotated") == [rotation, *asked_later]
    assert shown == {}
    events = [json.loads(text) for asked, text in used.api.answers if "/v1/events/" in asked]
    answered = [
        attempt["response"]["body"]
        for event in events
        for delivery in event.get("deliveries", ())
        for attempt in delivery["attempts"]
    ]
    assert len(answered) >= 3 * len(used.flows)
    for text in answered:  # a response is shown with its secrets masked
        assert f"x-visible: {VISIBLE}" in text
        assert MASK in text or "v1a," in text


def test_no_log_line_holds_a_secret(used: Used) -> None:
    printed = used.stack.log.read_text()
    logged = "\n".join(_log_lines(used.stack))

    assert used.found_in(printed) == set()
    assert used.found_in(logged) == set()
    assert "signing secret read" in logged  # these are the lines of all functions
    assert "delivery attempted" in logged
    assert used.flows["bearer"].id in logged


def _log_lines(stack: Running) -> Iterator[str]:
    logs = stack.client("logs")
    for groups in logs.get_paginator("describe_log_groups").paginate():
        for group in groups["logGroups"]:
            pages = logs.get_paginator("filter_log_events")
            for page in pages.paginate(logGroupName=group["logGroupName"]):
                yield from (event["message"] for event in page["events"])


@pytest.mark.parametrize("table", ["ConfigTable", "LogTable"])
def test_no_table_holds_a_secret(used: Used, table: str) -> None:
    text = "\n".join(_items(used.stack, table))

    assert used.found_in(text) == set()
    assert VISIBLE in text
    assert used.flows["bearer"].id in text


def _items(stack: Running, table: str) -> Iterator[str]:
    """Every item of the table as text, decompressed."""
    pages = stack.client("dynamodb").get_paginator("scan")
    for page in pages.paginate(TableName=stack.resources[table]):
        for item in page["Items"]:
            plain = {name: TypeDeserializer().deserialize(value) for name, value in item.items()}
            for name in PACKED & plain.keys():
                if isinstance(plain[name], Binary):
                    plain[name] = unpack(plain[name].value)
            yield str(plain)


def test_a_token_is_fetched_once_for_several_deliveries(stack: Running) -> None:
    with hostile.receiver(issues("fresh")) as tokens, hostile.receiver(hostile.ok) as receiver:
        flow = new_flow(stack, "/ok", url=at(receiver), auth=oauth2(tokens, "hush"))
        for _ in range(8):
            flow.until(flow.publish(), "succeeded")

    assert len(receiver.requests) == 8
    assert all(b"authorization: Bearer fresh\r\n" in request for request in receiver.requests)
    # Each execution environment caches it, and this stack has at most four of the dispatcher.
    assert len(tokens.requests) <= 4


def test_a_401_fetches_one_new_token_and_is_no_failed_attempt(stack: Running) -> None:
    refuses_first = hostile.receiver(says(answer("401 Unauthorized")), hostile.ok)
    with hostile.receiver(issues("stale"), issues("fresh")) as tokens, refuses_first as receiver:
        flow = new_flow(stack, "/ok", url=at(receiver), auth=oauth2(tokens, "hush"))
        delivery = flow.until(flow.publish(), "succeeded")

    assert delivery["attempt_count"] == 1
    sent = [hostile.headers_of(request)["authorization"] for request in receiver.requests]
    assert sent == ["Bearer stale", "Bearer fresh"]
    assert len(tokens.requests) == 2


def test_a_second_401_is_the_answer_of_the_attempt(stack: Running) -> None:
    refuses = hostile.receiver(says(answer("401 Unauthorized")))
    with hostile.receiver(issues("stale")) as tokens, refuses as receiver:
        auth = oauth2(tokens, "hush")
        flow = new_flow(stack, "/ok", url=at(receiver), auth=auth, retry=after())
        (attempt,) = flow.until(flow.publish(), "dead")["attempts"]

    assert (attempt["outcome"], attempt["response"]["status_code"]) == ("http_error", 401)
    assert (len(receiver.requests), len(tokens.requests)) == (2, 2)


def test_an_endpoint_gets_nothing_while_its_token_server_refuses(stack: Running) -> None:
    refusal = says(answer("400 Bad Request", body=b'{"error": "invalid_client"}'))
    with hostile.receiver(refusal) as tokens, hostile.receiver(hostile.ok) as receiver:
        auth = oauth2(tokens, "hush")
        flow = new_flow(stack, "/ok", url=at(receiver), auth=auth, retry=after())
        (attempt,) = flow.until(flow.publish(), "dead")["attempts"]

    assert (attempt["outcome"], attempt["response"]) == ("auth_error", None)
    assert attempt["advice"].startswith("the token endpoint returned no token (invalid_client)")
    assert receiver.requests == []
