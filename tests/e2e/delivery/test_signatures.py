"""Every delivery verifies with the Standard Webhooks library and with plain Ed25519 of
`cryptography`, which have only the keys that the API returns.
"""

import base64
import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

from local.api import Api
from local.receiver import Received
from tests.e2e.flow import Flow, after, new_flow
from tests.e2e.stack import Running

SCHEMES = ("v1", "v1a")
MODES: tuple[dict[str, Any], ...] = (
    {"payload": {"mode": "envelope"}},
    {"payload": {"mode": "data"}, "method": "PUT"},
    {"payload": {"mode": "cloudevents"}, "method": "PATCH"},
    {"payload": {"mode": "custom", "expression": "{job: data.JobId, note: 'Räksmörgås €'}"}},
)


@dataclass(frozen=True)
class Signed:
    """A flow, and the keys that the API returned, newest last: `whsec_…` or `whpk_…`."""

    flow: Flow
    keys: list[str] = field(default_factory=list, repr=False)

    def record_attempt(self, answer: dict[str, Any]) -> None:
        """Keep the key of a create or a rotation, from the answer or by a request."""
        if answer["signing"]["scheme"] == "v1":
            self.keys.append(answer["signing"]["secret"])
        else:
            path = f"/v1/endpoints/{self.flow.id}/public-key"
            self.keys.append(self.flow.api.call("GET", path)["public_key"])

    def rotate(self, *, overlap_hours: float) -> None:
        path = f"/v1/endpoints/{self.flow.id}/rotate-secret"
        self.record_attempt(self.flow.api.call("POST", path, body={"overlap_hours": overlap_hours}))

    def deliver(self) -> list[Received]:
        """Publish an event; all requests until it succeeded."""
        event_id = self.flow.publish()
        self.flow.until(event_id, "succeeded")
        return self.flow.came_of(event_id)


@dataclass(frozen=True)
class CompletedAttempt:
    """All endpoints of this module, each of a tenant of its own unless `api` is that of another."""

    stack: Running
    all: list[Signed] = field(default_factory=list)

    def endpoint(
        self, behaviour: str, scheme: str, *, api: Api | None = None, **fields: Any
    ) -> Signed:
        asked = {"signing": {"scheme": scheme}, "retry": after(0.1)} | fields
        made = Signed(new_flow(self.stack, behaviour, api=api, **asked))
        made.record_attempt(made.flow.endpoint)
        self.all.append(made)
        return made


@pytest.fixture(scope="module")
def made(stack: Running) -> CompletedAttempt:
    return CompletedAttempt(stack)


def verifies(request: Received, key: str) -> bool:
    """With a `whsec_` secret by the official library, with a `whpk_` key by hand."""
    if key.startswith("whpk_"):
        return _verifies_by_hand(request, key)
    try:
        return bool(Webhook(key).verify(request.body, request.headers) == json.loads(request.body))
    except WebhookVerificationError:
        return False


def _verifies_by_hand(request: Received, key: str) -> bool:
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key.removeprefix("whpk_")))
    said = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}."
    for each in request.headers["webhook-signature"].split(" "):
        version, _, signature = each.partition(",")
        try:
            public.verify(base64.b64decode(signature), said.encode() + request.body)
        except InvalidSignature:
            continue
        return version == "v1a"
    return False


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_delivery_verifies_in_every_payload_mode_and_with_every_method(
    made: CompletedAttempt, scheme: str
) -> None:
    api = made.stack.new_tenant()
    endpoints = [made.endpoint("/ok", scheme, api=api, **mode) for mode in MODES]
    event_id = endpoints[0].flow.publish()  # one event for all of them

    for each in endpoints:
        each.flow.until(event_id, "succeeded")
        (request,) = each.flow.came_of(event_id)
        assert verifies(request, each.keys[0])
    methods = [each.flow.came_of(event_id)[0].method for each in endpoints]
    assert methods == ["POST", "PUT", "PATCH", "POST"]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_delivery_that_was_tampered_with_does_not_verify(
    made: CompletedAttempt, scheme: str
) -> None:
    endpoint, stranger = made.endpoint("/ok", scheme), made.endpoint("/ok", scheme)
    (request,) = endpoint.deliver()
    (key,) = endpoint.keys

    assert verifies(request, key)
    assert not verifies(request, stranger.keys[0])
    assert not verifies(replace(request, body=request.body.replace(b"5519", b"5520")), key)
    another = request.headers | {"webhook-id": "evt_another"}
    assert not verifies(replace(request, headers=another), key)
    earlier = str(int(request.headers["webhook-timestamp"]) - 1)
    assert not verifies(
        replace(request, headers=request.headers | {"webhook-timestamp": earlier}), key
    )


@pytest.mark.parametrize("scheme", SCHEMES)
def test_during_a_rotation_old_and_new_secret_verify_and_after_it_only_the_new_one(
    made: CompletedAttempt, scheme: str
) -> None:
    endpoint = made.endpoint("/fail/1", scheme)

    before = endpoint.deliver()
    endpoint.rotate(overlap_hours=24)
    during = endpoint.deliver()
    endpoint.rotate(overlap_hours=0)
    after_it = endpoint.deliver()

    old, new, newest = endpoint.keys
    assert len({old, new, newest}) == 3
    assert len(before) == len(during) == len(after_it) == 2
    for request in before:
        assert _which(request, endpoint) == [True, False, False]
    for request in during:
        assert _which(request, endpoint) == [True, True, False]
    for request in after_it:
        assert _which(request, endpoint) == [False, False, True]


def _which(request: Received, endpoint: Signed) -> list[bool]:
    return [verifies(request, key) for key in endpoint.keys]


def test_an_endpoint_may_move_from_v1_to_v1a_with_both_signing(made: CompletedAttempt) -> None:
    endpoint = made.endpoint("/ok", "v1")

    endpoint.record_attempt(endpoint.flow.change(signing={"scheme": "v1a"}))
    (request,) = endpoint.deliver()

    assert [key.partition("_")[0] for key in endpoint.keys] == ["whsec", "whpk"]
    assert _which(request, endpoint) == [True, True]


def test_every_delivery_to_these_tenants_verified(made: CompletedAttempt) -> None:
    requests = [(request, each.keys) for each in made.all for request in each.flow.came]

    assert len(requests) >= 23
    for request, keys in requests:
        assert any(verifies(request, key) for key in keys)
