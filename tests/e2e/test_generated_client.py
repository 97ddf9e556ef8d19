"""openapi-python-client makes a working client of the OpenAPI document."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.stack import Running, eventually
from tests.support.http_client import Client

# Run apart, so that the generated package leaves nothing in the tests' own interpreter.
PROGRAM = """\
import os
from posthorn_client import AuthenticatedClient
from posthorn_client.api.deliveries import list_deliveries
from posthorn_client.api.endpoints import create_endpoint, read_endpoint
from posthorn_client.api.events import publish
from posthorn_client.models import Accepted, EndpointSpec, EndpointView, Problem
from posthorn_client.models import Publication

client = AuthenticatedClient(base_url=os.environ["API"], token=os.environ["KEY"])
spec = EndpointSpec(name="Generated", url=os.environ["URL"], event_types=["OrderReceivedEvent"])
endpoint = create_endpoint.sync(client=client, body=spec)
assert isinstance(endpoint, EndpointView), endpoint
missing = read_endpoint.sync("ep_unknown", client=client)
assert isinstance(missing, Problem) and missing.code == "not_found", missing
data = {"ClientId": 1042, "ApplicationId": 1, "ClientOrderRef": "B-20417", "Source": "WEB"}
accepted = publish.sync(client=client, body=Publication(type_="OrderReceivedEvent", data=data))
assert isinstance(accepted, Accepted), accepted
print(endpoint.id, accepted.id)
"""
LIST = """\
import os
from posthorn_client import AuthenticatedClient
from posthorn_client.api.deliveries import list_deliveries

client = AuthenticatedClient(base_url=os.environ["API"], token=os.environ["KEY"])
page = list_deliveries.sync(client=client, endpoint=os.environ["ENDPOINT"])
print(*(f"{each.event_id} {each.status.value}" for each in page.items))
"""


def run(program: str, folder: Path, **variables: str) -> str:
    done = subprocess.run(  # noqa: S603 - the program above
        [sys.executable, "-c", program],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "NO_PROXY": "*", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_generated_client_creates_publishes_and_lists(stack: Running, tmp_path: Path) -> None:
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(Client().get("/openapi.json").json))
    generator = Path(sys.executable).with_name("openapi-python-client")
    generated = subprocess.run(  # noqa: S603 - a development dependency
        [
            *(generator, "generate", "--path", document, "--meta", "none"),
            *("--output-path", tmp_path / "posthorn_client", "--fail-on-warning"),
        ],
        env={**os.environ, "PATH": f"{generator.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert generated.returncode == 0, generated.stdout + generated.stderr
    api = stack.new_tenant()
    access = {"API": stack.url, "KEY": api.key}

    endpoint_id, event_id = run(PROGRAM, tmp_path, URL=f"{stack.receiver.url}/ok", **access).split()

    expected = f"{event_id} succeeded"
    eventually(lambda: run(LIST, tmp_path, ENDPOINT=endpoint_id, **access) == expected)
