"""docs/receiving.md: its snippets run against requests that we sign, its numbers match the code."""

import base64
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
import requests

from posthorn.deliveries import state
from posthorn.deliveries.store import Record, StoredBody
from posthorn.egress.http_client import CONNECT_TIMEOUT_SECONDS, AttemptResult, Request
from posthorn.egress.response_reader import KEPT_BYTES
from posthorn.egress.wire import READ_LIMIT_BYTES
from posthorn.endpoints import signing
from posthorn.models import (
    DEFAULT_RETRY_DELAYS_SECONDS,
    MAX_ATTEMPTS,
    EndpointSpec,
    Event,
    Outcome,
    Task,
    Trigger,
)
from posthorn.models.retry_schedule import JITTER, RETRY_AFTER_CAP_SECONDS
from tests.support.world import ORDER, TENANT, World, answered

DOCUMENT = (Path(__file__).parents[3] / "docs" / "receiving.md").read_text(encoding="utf-8")
SECRET = signing.new_secret("v1", b"a" * 32)
OTHER_SECRET = signing.new_secret("v1", b"b" * 32)
PRIVATE_KEY = signing.new_secret("v1a", b"c" * 32)
OTHER_PRIVATE_KEY = signing.new_secret("v1a", b"d" * 32)
BODY = '{"type":"OrderReceivedEvent","data":{"Name":"Åsa","Note":"50 % off\\n"}}'.encode()


class Webhook(NamedTuple):
    headers: dict[str, str]
    body: bytes


def webhook(*secrets: str, age_seconds: int = 0) -> Webhook:
    timestamp = int(datetime.now(UTC).timestamp()) - age_seconds
    signature = signing.signature_header(secrets, "evt_1", timestamp=timestamp, body=BODY)
    headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature,
    }
    return Webhook(headers, BODY)


def changed(genuine: Webhook, **headers: str) -> Webhook:
    return Webhook(genuine.headers | {f"webhook-{k}": v for k, v in headers.items()}, genuine.body)


def forgeries(secret: str, other: str) -> dict[str, Webhook]:
    genuine = webhook(secret)
    scheme, _, signature = genuine.headers["webhook-signature"].partition(",")
    return {
        "another body": Webhook(genuine.headers, BODY.replace(b"50", b"90")),
        "another id": changed(genuine, id="evt_2"),
        "another time": changed(genuine, timestamp=str(int(time.time()) - 60)),
        "another secret": webhook(other),
        "another scheme": changed(genuine, signature=f"v9,{signature}"),
        "a cut signature": changed(genuine, signature=f"{scheme},{signature[:20]}"),
        "no signature": changed(genuine, signature=""),
    }


OLD = {"an hour old": 3600, "an hour ahead": -3600}


def snippet(name: str) -> str:
    """The code block whose first line names this file."""
    blocks = re.findall(r"^```\w+\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    (found,) = (code for code in blocks if re.match(rf"(#|//) {re.escape(name)}\n", code))
    return str(found)


def run(
    *command: str, folder: Path, stdin: bytes = b"", environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not on this machine")
    return subprocess.run(  # noqa: S603 - a tool named here, with our own document
        command,
        cwd=folder,
        input=stdin,
        env=os.environ | dict(environ or {}),
        capture_output=True,
        timeout=30,
        check=False,
    )


# --- Python ---------------------------------------------------------------------------------------


def verified_by_python(sent: Webhook, secret: str) -> bool:
    names: dict[str, object] = {}
    exec(compile(snippet("verify.py"), "verify.py", "exec"), names)  # noqa: S102 - our own document
    verify = names["verify"]
    assert callable(verify)
    try:
        return bool(verify(sent.body, sent.headers, secret) == json.loads(BODY))
    except Exception:  # noqa: BLE001 - the document says that any of them is a refusal
        return False


def test_python_takes_a_genuine_request() -> None:
    assert verified_by_python(webhook(SECRET), SECRET)


def test_python_takes_either_secret_during_a_rotation() -> None:
    both = webhook(OTHER_SECRET, SECRET)

    assert verified_by_python(both, SECRET)
    assert verified_by_python(both, OTHER_SECRET)


@pytest.mark.parametrize("forgery", forgeries(SECRET, OTHER_SECRET))
def test_python_refuses_a_forgery(forgery: str) -> None:
    assert not verified_by_python(forgeries(SECRET, OTHER_SECRET)[forgery], SECRET)


@pytest.mark.parametrize("age", OLD.values(), ids=OLD)
def test_python_refuses_a_request_of_another_time(age: int) -> None:
    assert not verified_by_python(webhook(SECRET, age_seconds=age), SECRET)


# --- Node -----------------------------------------------------------------------------------------

# Reads [[file, headers, body in base64, secret], …] and prints for each whether it is genuine.
ASK_ALL = """
import { readFileSync } from "node:fs";
const verdicts = [];
for (const [file, headers, body, secret] of JSON.parse(readFileSync(0))) {
  const { verify } = await import(`./${file}`);
  try {
    verdicts.push(verify(Buffer.from(body, "base64"), headers, secret).type);
  } catch {
    verdicts.push(null);
  }
}
console.log(JSON.stringify(verdicts));
"""


def verified_by_node(
    folder: Path, file: str, asked: Mapping[str, Webhook], secret: str
) -> dict[str, bool]:
    """For each request whether the snippet takes it; one process for all."""
    (folder / file).write_text(snippet(file), encoding="utf-8")
    (folder / "ask-all.mjs").write_text(ASK_ALL, encoding="utf-8")
    questions = [
        [file, each.headers, base64.b64encode(each.body).decode(), secret]
        for each in asked.values()
    ]
    ended = run("node", "ask-all.mjs", folder=folder, stdin=json.dumps(questions).encode())
    assert ended.returncode == 0, ended.stderr.decode()
    verdicts = [verdict == "OrderReceivedEvent" for verdict in json.loads(ended.stdout)]
    return dict(zip(asked, verdicts, strict=True))


@pytest.mark.parametrize(
    ("file", "secret", "other"),
    [
        ("verify.mjs", SECRET, OTHER_SECRET),
        ("verify-ed25519.mjs", PRIVATE_KEY, OTHER_PRIVATE_KEY),
    ],
)
def test_node_takes_genuine_requests_and_no_others(
    tmp_path: Path, file: str, secret: str, other: str
) -> None:
    genuine = {"plain": webhook(secret), "rotation": webhook(other, secret)}
    forged = forgeries(secret, other)
    forged |= {name: webhook(secret, age_seconds=age) for name, age in OLD.items()}
    known = signing.public_key(secret) if secret == PRIVATE_KEY else secret

    verdicts = verified_by_node(tmp_path, file, genuine | forged, known)

    assert verdicts == dict.fromkeys(genuine, True) | dict.fromkeys(forged, False)


# --- openssl and curl -----------------------------------------------------------------------------


def verified_by_openssl(folder: Path, sent: Webhook, secret: str) -> bool:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not on this machine")
    (folder / "body").write_bytes(sent.body)
    environ = {name.removeprefix("webhook-").upper(): sent.headers[name] for name in sent.headers}
    script = snippet("verify.sh")
    ended = run("sh", "-c", script, folder=folder, environ=environ | {"SECRET": secret})
    assert ended.stdout in (b"genuine\n", b"not genuine\n"), ended.stderr.decode()
    assert (ended.returncode == 0) == (ended.stdout == b"genuine\n")
    return ended.returncode == 0


def test_openssl_takes_a_genuine_request(tmp_path: Path) -> None:
    assert verified_by_openssl(tmp_path, webhook(SECRET), SECRET)
    assert verified_by_openssl(tmp_path, webhook(OTHER_SECRET, SECRET), SECRET)


@pytest.mark.parametrize("forgery", forgeries(SECRET, OTHER_SECRET))
def test_openssl_refuses_a_forgery(tmp_path: Path, forgery: str) -> None:
    assert not verified_by_openssl(tmp_path, forgeries(SECRET, OTHER_SECRET)[forgery], SECRET)


# --- the whole receiver ---------------------------------------------------------------------------


@contextmanager
def receiver(folder: Path) -> Iterator[str]:
    """Run the document's receiver and yield its URL."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    (folder / "receiver.py").write_text(snippet("receiver.py"), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "receiver.py"],
        cwd=folder,
        env=os.environ | {"WEBHOOK_SECRET": SECRET, "PORT": str(port)},
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_open(port, process)
        yield f"http://127.0.0.1:{port}/hooks"
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait_until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            assert process.poll() is None, "the receiver ended"
            assert time.monotonic() < deadline, "the receiver did not start"
        else:
            return


def post(url: str, sent: Webhook) -> int:
    with requests.Session() as session:
        session.trust_env = False
        return session.post(url, data=sent.body, headers=sent.headers, timeout=10).status_code


def stored(folder: Path) -> list[str]:
    code = "import sqlite3; print(*sqlite3.connect('inbox.db').execute('SELECT id FROM inbox'))"
    ended = run(sys.executable, "-c", code, folder=folder)
    return re.findall(r"\w+", ended.stdout.decode())


def test_the_receiver_stores_an_event_once_however_often_it_comes(tmp_path: Path) -> None:
    with receiver(tmp_path) as url:
        answers = [post(url, webhook(SECRET)), post(url, webhook(SECRET, age_seconds=5))]

    assert answers == [204, 204]
    assert stored(tmp_path) == ["evt_1"]


def test_the_receiver_refuses_every_forgery_and_stores_none(tmp_path: Path) -> None:
    forged = forgeries(SECRET, OTHER_SECRET)

    with receiver(tmp_path) as url:
        answers = {name: post(url, each) for name, each in forged.items()}

    assert answers == dict.fromkeys(forged, 401)
    assert stored(tmp_path) == []


@pytest.mark.parametrize(("secret", "status"), [(SECRET, "204"), (OTHER_SECRET, "401")])
def test_the_receiver_accepts_a_curl_request_only_with_the_right_secret(
    tmp_path: Path, secret: str, status: str
) -> None:
    for tool in ("openssl", "curl"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not on this machine")
    with receiver(tmp_path) as url:
        environ = {"URL": url, "SECRET": secret, "no_proxy": "*"}
        ended = run("sh", "-c", snippet("send.sh"), folder=tmp_path, environ=environ)

    assert ended.stdout.decode().strip() == status, ended.stderr.decode()
    assert stored(tmp_path) == (["evt_by_hand"] if status == "204" else [])


# --- numbers in the text --------------------------------------------------------------------------


def test_the_example_request_is_signed_with_the_secret_beside_it() -> None:
    head, _, body = re.findall(r"```http\n(.*?)```", DOCUMENT, re.DOTALL)[0].partition("\n\n")
    headers = dict(line.split(": ", 1) for line in head.splitlines()[1:])
    (secret,) = re.findall(r"`(whsec_[^`…]+)`", DOCUMENT)

    assert headers["webhook-signature"] == signing.signature_header(
        [secret],
        headers["webhook-id"],
        timestamp=int(headers["webhook-timestamp"]),
        body=body.strip().encode(),
    )


def test_the_delays_are_those_of_the_default_policy() -> None:
    units = {"s": 1, "min": 60, "h": 3600}
    (row,) = re.findall(r"^\| after \|(.*)\|$", DOCUMENT, re.MULTILINE)
    delays = [int(n) * units[unit] for n, unit in re.findall(r"(\d+) (\w+)", row)]
    retries, hours, minutes = re.findall(r"(\d+) retries over (\d+) h (\d+) min", DOCUMENT)[0]

    assert tuple(delays) == DEFAULT_RETRY_DELAYS_SECONDS
    assert int(retries) == len(delays)
    assert int(hours) * 3600 + int(minutes) * 60 == sum(delays)


def test_the_limits_are_those_of_the_code() -> None:
    timeout = EndpointSpec.model_fields["timeout_seconds"].default

    for sentence in (
        f"{CONNECT_TIMEOUT_SECONDS:g} seconds for DNS, connection and TLS",
        f"{timeout} seconds for the whole",
        f"the first {KEPT_BYTES // 1024} KiB of the body",
        f"{READ_LIMIT_BYTES // 1024} KiB of them",
        f"up to {RETRY_AFTER_CAP_SECONDS / 3600:g} hours",
        f"up to {MAX_ATTEMPTS} attempts",
        f"give or take {JITTER:.0%}".replace("%", " %"),
    ):
        assert sentence in " ".join(DOCUMENT.split())


def test_every_outcome_is_explained() -> None:
    rows = re.findall(r"^\| `(\w+)`", DOCUMENT.partition("| outcome |")[2], re.MULTILINE)

    assert set(rows) == set(Outcome)


def test_every_header_that_we_send_is_explained(world: World) -> None:
    sent: set[str] = set()

    def answer(request: Request) -> AttemptResult:
        sent.update(request.headers)
        return answered(200)

    endpoint = world.endpoint()
    world.answers[endpoint.url] = answer
    item = {"type": "OrderReceivedEvent", "data": ORDER}
    (event,) = world.ingestion.accept(TENANT, [item], traceparent=f"00-{'a' * 32}-{'b' * 16}-01")
    assert isinstance(event, Event)
    world.take_events()
    test = Task(
        tenant=TENANT,
        event_id=event.id,
        endpoint_id=endpoint.id,
        attempt=1,
        trigger=Trigger.TEST,
    )
    begun = state.begun(
        event, endpoint.id, 1, created_at=world.now, expires_at=world.now, test=True
    )
    fresh = Record(begun, StoredBody())
    world.dispatcher.attempter.attempt(event, endpoint, fresh, test)

    table = DOCUMENT.partition("| header |")[2].partition("\n\n")[0]
    assert sent == set(re.findall(r"^\| `([a-z-]+)`", table, re.MULTILINE))
