"""Publish many events, a third of them to an endpoint that fails twice first, and count them.

The API's log is compared with the receiver's requests: nothing may be lost.
"""

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from local import check, seed
from local.api import Api
from local.emulation.emulator import Emulator
from local.screen import say

BATCH = 100  # the limit of one request
WAIT_SECONDS = 300
POLL_SECONDS = 0.5
UNFINISHED = {"pending", "retrying"}


@dataclass(frozen=True)
class Lane:
    """An endpoint, the event type that it receives, and the number of its first failures."""

    name: str
    event: dict[str, Any]
    path: str
    failures: int
    accepted: set[str] = field(default_factory=set)  # event ids


def load(stack: Mapping[str, Any], *, events: int) -> bool:
    """Run against the stack of stack.json; print and return whether log and receiver agree."""
    tenant = f"load-{secrets.token_hex(4)}"
    key = seed.create_tenant(Api(stack["api_url"], stack["admin_key"]), tenant, name=tenant)
    api = Api(stack["api_url"], key)
    steady = Lane("steady", seed.ORDER, f"/ok/{tenant}", failures=0)
    flaky = Lane("flaky", seed.JOB, f"/fail/2/{tenant}", failures=2)
    for lane in (steady, flaky):
        url = f"{stack['receiver_url']}{lane.path}"
        seed.create_endpoint(api, lane.name, url=url, event_types=[lane.event["type"]])
    started = time.monotonic()
    _publish(api, [flaky if number % 3 == 0 else steady for number in range(events)])
    say(f"accepted     {_total(steady, flaky)} events in {time.monotonic() - started:.1f} s")
    receiver = _Receiver(stack["receiver_url"])
    _wait(lambda: all(_enough(lane, receiver) for lane in (steady, flaky)))
    _wait(lambda: not UNFINISHED & {row["status"] for row in api.items("/v1/deliveries")})
    say(f"finished     after {time.monotonic() - started:.1f} s")
    agrees = _compare(stack, api, receiver, lanes=(steady, flaky), events=events)
    return check.conserved(stack, tenant, events=events) and agrees


def _publish(api: Api, lanes: list[Lane]) -> None:
    for start in range(0, len(lanes), BATCH):
        batch = lanes[start : start + BATCH]
        events = [lane.event for lane in batch]
        answer = api.call("POST", "/v1/events", body={"events": events})
        for lane, result in zip(batch, answer["results"], strict=True):
            if "id" in result:
                lane.accepted.add(result["id"])


def _total(*lanes: Lane) -> int:
    return sum(len(lane.accepted) for lane in lanes)


def _enough(lane: Lane, receiver: "_Receiver") -> bool:
    return receiver.count(lane.path) >= len(lane.accepted) * (lane.failures + 1)


def _wait(done: Callable[[], bool]) -> None:
    """Wait for the end, but no longer than a bound, after which the comparison shows the rest."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not done() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def _compare(
    stack: Mapping[str, Any], api: Api, receiver: "_Receiver", *, lanes: Iterable[Lane], events: int
) -> bool:
    rows = list(api.items("/v1/deliveries", limit="100"))
    statuses = Counter(row["status"] for row in rows)
    say(f"deliveries   {', '.join(f'{count} {status}' for status, count in statuses.items())}")
    agrees = statuses == {"succeeded": events}
    for lane in lanes:
        logged = {row["event_id"] for row in rows if row["event_type"] == lane.event["type"]}
        requests_, delivered = receiver.seen(lane.path)
        say(
            f"receiver     {lane.name}: {requests_} requests, {len(delivered)} distinct ids got 200"
        )
        agrees &= lane.accepted == logged == delivered
    for queue in ("event_dead_letter_queue_url", "retry_dead_letter_queue_url"):
        depth = _depth(stack, queue)
        say(f"dead letters {depth} in {stack[queue].rpartition('/')[2]}")
        agrees &= depth == 0
    say("The log and the receiver agree." if agrees else "THE LOG AND THE RECEIVER DISAGREE.")
    return agrees


def _depth(stack: Mapping[str, Any], queue: str) -> int:
    sqs = Emulator.at(stack["emulator_url"]).client("sqs")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = sqs.get_queue_attributes(QueueUrl=stack[queue], AttributeNames=names)
    return sum(int(answer["Attributes"][name]) for name in names)


@dataclass(frozen=True)
class _Receiver:
    url: str
    _session: requests.Session = field(default_factory=requests.Session)

    def count(self, path: str) -> int:
        return int(self._get("/_received/count", path).get(path, 0))

    def seen(self, path: str) -> tuple[int, set[str]]:
        """The number of requests to this path, and the webhook-ids that were answered by 200."""
        found = self._get("/_received", path)
        return len(found), {r["headers"]["webhook-id"] for r in found if r["status"] == 200}

    def _get(self, route: str, path: str) -> Any:
        self._session.trust_env = False
        return self._session.get(f"{self.url}{route}", params={"path": path}, timeout=30).json()
