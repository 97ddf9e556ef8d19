"""The log in the console on the deployed stack: search, open, resend."""

import requests

from tests.e2e.flow import after, new_flow
from tests.e2e.stack import Running, eventually
from tests.support.page_forms import form

TIMEOUT_SECONDS = 35


def test_a_dead_delivery_is_found_and_sent_again(stack: Running) -> None:
    flow = new_flow(stack, "/fail/1", retry=after())
    event_id = flow.publish()
    delivery = flow.until(event_id, "dead")
    visitor = requests.Session()
    visitor.trust_env = False
    path = f"{stack.url}/console/deliveries/{delivery['id']}"
    signing_in = {"key": flow.api.key}
    visitor.post(f"{stack.url}/console/sign-in", data=signing_in, timeout=TIMEOUT_SECONDS)

    log = visitor.get(f"{stack.url}/console/log?status=dead", timeout=TIMEOUT_SECONDS)
    assert f'id="{delivery["id"]}"' in log.text
    of_it = visitor.get(f"{stack.url}/console/log?endpoint={flow.id}", timeout=TIMEOUT_SECONDS)
    assert f'id="{delivery["id"]}"' in of_it.text
    by_id = visitor.get(f"{stack.url}/console/log?q={event_id}", timeout=TIMEOUT_SECONDS)
    assert by_id.url == f"{stack.url}/console/events/{event_id}"
    found = visitor.get(f"{stack.url}/console/log?q=statusid", timeout=TIMEOUT_SECONDS)
    assert f'id="{delivery["id"]}"' in found.text
    opened = visitor.get(path, timeout=TIMEOUT_SECONDS)
    resend = form(opened.text, f"/console/deliveries/{delivery['id']}/resend")
    sent = visitor.post(f"{path}/resend", data=resend.filled(), timeout=TIMEOUT_SECONDS)

    assert "It is being sent again." in sent.text
    flow.until(event_id, "succeeded")
    assert eventually(lambda: "Succeeded" in visitor.get(path, timeout=TIMEOUT_SECONDS).text)
