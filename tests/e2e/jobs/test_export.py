"""An export on the deployed stack: Step Functions, the bucket, and the links that lead to it."""

import gzip
import hashlib
import json

import requests

from tests.e2e.flow import new_flow
from tests.e2e.stack import Running, eventually


def test_an_export_can_be_downloaded(stack: Running) -> None:
    flow = new_flow(stack, "/ok")
    event_id = flow.publish()
    flow.until(event_id, "succeeded")
    body = {"kind": "export", "filter": {"endpoint": flow.id}}

    job = flow.api.call("POST", "/v1/jobs", body=body)

    def completed() -> dict[str, object]:
        found: dict[str, object] = flow.api.call("GET", f"/v1/jobs/{job['id']}")
        return found if found["status"] == "completed" else {}

    export = eventually(completed)["export"]
    (part,) = export["parts"]
    with requests.Session() as session:
        session.trust_env = False  # no proxy lies between us and loopback
        content = session.get(part["url"], timeout=10).content
        manifest = session.get(export["manifest_url"], timeout=10).json()
    (line,) = map(json.loads, gzip.decompress(content).splitlines())
    assert line["event"]["id"] == event_id
    assert line["delivery"]["status"] == "succeeded"
    assert hashlib.sha256(content).hexdigest() == part["sha256"]
    assert [each["sha256"] for each in manifest["parts"]] == [part["sha256"]]
