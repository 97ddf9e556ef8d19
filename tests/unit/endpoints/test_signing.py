"""Signatures, verified by the official library and by plain Ed25519."""

import base64
import json
import time
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from posthorn.endpoints import signing

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
BODY = '{"type":"OrderReceivedEvent","data":{"Name":"Åström"}}'.encode()
OLD = signing.new_secret("v1", b"o" * 32)
NEW = signing.new_secret("v1", b"n" * 32)


def sent(*secrets: str, body: bytes = BODY, message_id: str = "evt_1") -> dict[str, str]:
    now = int(time.time())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(now),
        "webhook-signature": signing.signature_header(
            secrets, message_id, timestamp=now, body=body
        ),
    }


@pytest.mark.parametrize("size", [24, 32, 64])
def test_the_official_library_verifies_our_signatures(size: int) -> None:
    secret = "whsec_" + base64.b64encode(bytes(range(size))).decode()

    assert Webhook(secret).verify(BODY, sent(secret)) == json.loads(BODY)


def test_the_official_library_refuses_a_body_that_was_changed_on_the_way() -> None:
    headers = sent(NEW)

    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(BODY + b" ", headers)


def test_the_official_library_refuses_another_message_under_the_same_signature() -> None:
    headers = {**sent(NEW), "webhook-id": "evt_2"}

    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(BODY, headers)


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_during_a_rotation_a_receiver_with_either_secret_can_verify(secret: str) -> None:
    headers = sent(NEW, OLD)

    assert headers["webhook-signature"].count(" ") == 1
    assert Webhook(secret).verify(BODY, headers) == json.loads(BODY)


@given(st.binary(max_size=200), st.binary(min_size=24, max_size=64))
def test_our_signature_is_the_one_the_official_library_makes(body: bytes, key: bytes) -> None:
    text = json.dumps({"body": body.hex()})
    secret = "whsec_" + base64.b64encode(key).decode()
    timestamp = int(NOW.timestamp())

    ours = signing.signature_header([secret], "evt_1", timestamp=timestamp, body=text.encode())

    assert ours == Webhook(secret).sign("evt_1", NOW, text)


def test_an_ed25519_signature_is_verified_by_the_public_key_alone() -> None:
    secret = signing.new_secret("v1a", b"s" * 32)
    prefix, _, encoded = signing.public_key(secret).partition("_")
    verifier = Ed25519PublicKey.from_public_bytes(base64.b64decode(encoded))

    headers = sent(secret)

    assert prefix == "whpk"
    version, _, signature = headers["webhook-signature"].partition(",")
    assert version == "v1a"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + BODY
    verifier.verify(base64.b64decode(signature), signed)
    with pytest.raises(InvalidSignature):
        verifier.verify(base64.b64decode(signature), signed + b" ")


def test_the_public_key_does_not_contain_the_secret() -> None:
    secret = signing.new_secret("v1a", b"s" * 32)

    assert base64.b64decode(signing.public_key(secret).partition("_")[2]) != b"s" * 32


def test_a_receiver_that_knows_only_v1_verifies_while_v1a_signs_too() -> None:
    headers = sent(signing.new_secret("v1a", b"s" * 32), OLD)

    assert Webhook(OLD).verify(BODY, headers) == json.loads(BODY)
