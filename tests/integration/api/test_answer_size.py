"""The largest answers stay below the size at which Lambda and the gateway answer 502."""

import json
from typing import Any

import pytest

from posthorn.core import ids
from posthorn.core.answer_size import LAMBDA_BYTES, counted_bytes
from posthorn.egress.http_client import AttemptResult, Request
from posthorn.models import Event
from tests.integration.conftest import Tenant
from tests.support.world import answered

KIB = 1024
QUOTES = '"' * (16 * KIB)  # each counts two bytes in JSON, and three more in the answer


@pytest.fixture
def endless(tenant: Tenant) -> str:
    """The id of a 240 KiB event, whose delivery has 50 attempts with 16 KiB of quotes each."""
    retry = {"kind": "schedule", "delays_seconds": [1] * 49}
    endpoint = tenant.world.endpoint(f"endless-{tenant.id}", tenant=tenant.id, retry=retry)
    tenant.world.answers[endpoint.url] = quotes
    event = Event(
        id=ids.new("evt", tenant.world.now, tenant.world.random_bytes(ids.RANDOM_BYTES)),
        tenant=tenant.id,
        type="Large",
        time=tenant.world.now,
        accepted_at=tenant.world.now,
        data={"JobId": 1, "text": "\\" * (120 * KIB)},
    )
    tenant.world.dispatcher.take_event(event, tenant.world.context("large"))
    for _ in range(49):
        tenant.world.wake()
    return str(event.id)


def quotes(_: Request) -> AttemptResult:
    return answered(500, body=QUOTES)


def test_a_delivery_of_50_large_attempts_comes_in_pages(tenant: Tenant, endless: str) -> None:
    (delivery,) = tenant.client.get(f"/v1/events/{endless}").json["deliveries"]
    path = f"/v1/deliveries/{delivery['id']}"

    answer = tenant.client.get(path)

    assert answer.status == 200
    assert counted_bytes(answer.body) < LAMBDA_BYTES
    numbers = [each["number"] for each in answer.json["attempts"]]
    assert numbers == [*range(51 - len(numbers), 51)]
    assert answer.json["attempts_left_out"] == 50 - len(numbers)
    assert json.loads(answer.json["body"])["data"]["JobId"] == 1
    while answer.json["attempts_left_out"]:
        answer = tenant.client.get(path, before_attempt=numbers[0])
        numbers = [each["number"] for each in answer.json["attempts"]] + numbers
    assert numbers == [*range(1, 51)]


def test_an_event_with_large_attempts_fits_and_says_what_is_left_out(
    tenant: Tenant, endless: str
) -> None:
    answer = tenant.client.get(f"/v1/events/{endless}")

    assert answer.status == 200
    assert counted_bytes(answer.body) < LAMBDA_BYTES
    (delivery,) = answer.json["deliveries"]
    shown: list[Any] = delivery["attempts"]
    assert shown[-1]["number"] == 50
    assert len(shown) + delivery["attempts_left_out"] == 50
