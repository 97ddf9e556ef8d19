"""The payload of one event, erased on the deployed stack."""

from tests.e2e.flow import after, new_flow
from tests.e2e.stack import Running


def test_an_erased_payload_is_gone_and_its_delivery_stays_in_the_log(stack: Running) -> None:
    flow = new_flow(stack, "/fail/1", retry=after(0.1))
    event_id = flow.publish()
    before = flow.until(event_id, "succeeded", attempts=2)
    path = f"/v1/events/{event_id}"

    body = flow.api.call("GET", f"/v1/deliveries/{before['id']}")["body"]
    erased = flow.api.call("DELETE", f"{path}/payload")

    event = flow.api.call("GET", path)
    assert (event["data"], event["erased_at"]) == (None, erased["erased_at"])
    delivery = flow.delivery(event_id)
    assert (delivery["id"], delivery["status"]) == (before["id"], "succeeded")
    whole = flow.api.call("GET", f"/v1/deliveries/{delivery['id']}")
    assert (whole["body"], whole["body_erased_bytes"]) == (None, len(body))
    refused = flow.api.raw("POST", f"/v1/deliveries/{delivery['id']}/resend")
    assert (refused.status_code, refused.json()["code"]) == (409, "payload_erased")
