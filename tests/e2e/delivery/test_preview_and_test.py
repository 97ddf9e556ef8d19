"""Before activation: preview, test and dry run, on the deployed stack."""

from local import seed
from tests.e2e.flow import new_flow
from tests.e2e.stack import Running

OTHER_CLIENT = {"changes": {"condition": "data.ClientId == `-1`"}}


def test_a_switched_off_endpoint_is_tested_and_then_enabled(stack: Running) -> None:
    flow = new_flow(stack, "/fail/1", status="disabled")
    where = f"/v1/endpoints/{flow.id}"

    preview = flow.api.call("POST", f"{where}/preview", body={})
    assert preview["matches"]
    assert flow.came == []
    failed = flow.api.call("POST", f"{where}/test", body={})
    assert (failed["passed"], failed["attempt"]["response"]["status_code"]) == (False, 500)
    assert flow.came[0].headers["posthorn-test"] == "true"

    flow.change(status="enabled", url=f"{stack.receiver.url}/ok")
    assert flow.api.call("POST", f"{where}/test", body={})["passed"]


def test_a_draft_is_tried_on_the_latest_events(stack: Running) -> None:
    flow = new_flow(stack, "/ok")
    flow.until(flow.publish(), "succeeded")
    where = f"/v1/endpoints/{flow.id}/dry-run"

    saved = flow.api.call("POST", where, body={})
    draft = flow.api.call("POST", where, body=OTHER_CLIENT)

    assert (saved["examined"], saved["matched"]) == (1, 1)
    assert (draft["examined"], draft["matched"]) == (1, 0)
    assert draft["comparison"] is not None
    assert saved["samples"][0]["event_type"] == seed.JOB["type"]
