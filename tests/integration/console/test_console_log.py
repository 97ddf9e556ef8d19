"""The log in the console: search, reading, actions; foreign text is always escaped."""

import html
import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from console.log.deliveries import SHOWN
from posthorn.deliveries import state
from posthorn.models import Endpoint, Scope
from tests.integration.conftest import Tenant
from tests.support.console_client import Visitor
from tests.support.world import ORDER, World, answered

EVIL = "<script>alert('1')</script>\"&amp;"
JOB = {"ClientId": 1042, "JobId": 1, "StatusId": 2}
LARGEST_PAGE = 100_000  # bytes
ONE_RETRY = {"kind": "schedule", "delays_seconds": [5]}


def signed_in(tenant: Tenant, *scopes: Scope) -> Visitor:
    visitor = Visitor()
    visitor.sign_in(str((tenant.client_with(*scopes) if scopes else tenant.client).key))
    return visitor


@pytest.fixture
def visitor(tenant: Tenant) -> Visitor:
    return signed_in(tenant)


def endpoint_of(
    tenant: Tenant, name: str = "erp", *, answers: int = 200, body: str = "", **fields: Any
) -> Endpoint:
    made = tenant.world.endpoint(name, tenant=tenant.id, url=f"http://{tenant.id}/{name}", **fields)
    tenant.world.answers[made.url] = lambda _: answered(answers, body=body)
    return made


def published(tenant: Tenant, **fields: Any) -> str:
    event = {"type": "OrderReceivedEvent", "data": ORDER, **fields}
    (accepted,) = tenant.world.publish(event, tenant=tenant.id)
    tenant.world.take_events()
    return str(accepted.id)


def delivered(tenant: Tenant, endpoint: Endpoint, **fields: Any) -> str:
    """Publish an event, and return the path of its delivery to this endpoint."""
    event_id = published(tenant, **fields)
    both = f"{event_id.removeprefix('evt_')}_{endpoint.id.removeprefix('ep_')}"
    return f"/console/deliveries/dlv_{both}"


def retried(tenant: Tenant) -> None:
    """Make the next attempt of the only delivery of this tenant."""
    (delivery,) = tenant.world.deliveries(tenant.id)
    tenant.world.dispatcher.take_task(state.task(delivery), tenant.world.context("r"))


def change(tenant: Tenant, endpoint: Endpoint, **fields: Any) -> None:
    tenant.world.configuration.change(tenant.id, endpoint.id, fields, by="phk_test")


def read(visitor: Visitor, target: str, *, status: int = 200) -> str:
    """Request a page; return its text."""
    answer = visitor.get(target)
    assert answer.status == status
    assert len(answer.body.encode()) < LARGEST_PAGE
    return visitor.text


def listed(visitor: Visitor, **query: str) -> list[str]:
    """The ids of the deliveries on a page of the log, as it has them."""
    read(visitor, f"/console/log?{urlencode(query)}")
    return re.findall(r'<tr id="(dlv_\w+)"', visitor.page.body)


def link(visitor: Visitor, words: str) -> str:
    found = re.search(rf'href="([^"]*)"[^>]*>{words}</a>', visitor.page.body)
    assert found, f"there is no link {words!r}"
    return html.unescape(found[1])


# --- the list -------------------------------------------------------------------------------------


def test_a_row_shows_the_status_of_its_delivery(tenant: Tenant, visitor: Visitor) -> None:
    delivered(tenant, endpoint_of(tenant, answers=503))

    text = read(visitor, "/console/log")

    assert "Retrying OrderReceivedEvent erp Refused 503 1 attempt 23 Nov, 10:0" in text
    assert "data-countdown" in visitor.page.body


def test_each_filter_narrows_the_log_and_is_in_the_address(
    tenant: Tenant, shared: World, visitor: Visitor
) -> None:
    good = endpoint_of(tenant, "good", event_types=["Order*"])
    bad = endpoint_of(tenant, "bad", answers=404, event_types=["Job*"])
    first = delivered(tenant, good)
    shared.later(minutes=90)
    second = delivered(tenant, bad, type="JobCompletedEvent", data=JOB)
    early, late = first.rpartition("/")[2], second.rpartition("/")[2]

    def found(**query: str) -> list[str]:
        return listed(visitor, **query)

    assert found() == [late, early]
    assert found(order="oldest") == [early, late]
    assert found(endpoint=good.id) == found(status="succeeded") == [early]
    assert found(event_type="JobCompletedEvent") == found(outcome="http_error") == [late]
    assert found(status_code="2xx") == [early]
    assert found(status_code="4xx") == [late]
    assert found(status="dead") == []
    between = f"{shared.now - timedelta(minutes=1):%Y-%m-%dT%H:%M}"
    assert found(since=between) == found(range="custom", since=between) == [late]
    assert found(until=between) == [early]


def test_a_preset_span_of_time_counts_back_from_now(tenant: Tenant, visitor: Visitor) -> None:
    # The console has the real clock, and the world one of its own.
    delivered(tenant, endpoint_of(tenant))

    for span in ("1h", "24h", "7d"):
        assert len(listed(visitor, range=span)) <= 1
        assert f'<option value="{span}" selected>' in visitor.page.body


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "lost"}, "status"),
        ({"outcome": "x"}, "outcome"),
        ({"status_code": "9xx"}, "status code"),
        ({"since": "yesterday"}, "since"),
        ({"until": "0001-01-01T00:00+23:00"}, "until"),
        ({"range": "1y"}, "range"),
        ({"order": "random"}, "order"),
        ({"test": "maybe"}, "test"),
        ({"endpoint": EVIL}, "endpoint"),
        ({"cursor": "x"}, "cursor"),
        ({"q": "x"}, "q"),
    ],
)
def test_an_invalid_filter_is_named_and_the_others_are_kept(
    common: Tenant, query: dict[str, str], field: str
) -> None:
    visitor = signed_in(common)

    text = read(visitor, f"/console/log?{urlencode({'event_type': 'JobX', **query})}", status=422)

    assert f"The log cannot be filtered by this {field} :" in text
    assert EVIL not in visitor.page.body


def test_pages_follow_each_other_without_a_gap_while_more_comes_in(
    tenant: Tenant, shared: World, visitor: Visitor
) -> None:
    endpoint = endpoint_of(tenant)
    paths = []
    for _ in range(SHOWN + 2):
        shared.later(seconds=1)
        paths.append(delivered(tenant, endpoint).rpartition("/")[2])

    first = listed(visitor)
    older = link(visitor, "Next page")
    shared.later(seconds=1)
    delivered(tenant, endpoint)
    read(visitor, older)
    second = re.findall(r'<tr id="(dlv_\w+)"', visitor.page.body)

    assert first + second == paths[::-1]
    assert "data-live=" not in visitor.page.body
    assert len(listed(visitor)) == SHOWN


def test_the_last_hour_stays_the_same_hour_from_page_to_page(
    tenant: Tenant, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    from posthorn import wiring

    endpoint = endpoint_of(tenant)
    for _ in range(SHOWN + 1):
        delivered(tenant, endpoint)
    now = tenant.world.now
    monkeypatch.setattr(wiring, "now", lambda: now)
    assert len(listed(visitor, range="1h")) == SHOWN
    older = link(visitor, "Next page")

    monkeypatch.setattr(wiring, "now", lambda: now + timedelta(minutes=5))
    read(visitor, older)

    assert len(re.findall(r"<tr id=", visitor.page.body)) == 1


def test_a_page_at_its_read_limit_has_a_cursor(
    tenant: Tenant, shared: World, visitor: Visitor
) -> None:
    good = endpoint_of(tenant, "good")
    rare = delivered(tenant, good, type="JobCompletedEvent", data=JOB)
    for _ in range(SHOWN * 3 + 10):
        delivered(tenant, good)

    text = read(visitor, "/console/log?event_type=JobCompletedEvent")
    assert "Nothing found yet Looked back to 23 Nov 2026" in text
    read(visitor, link(visitor, "Look further"))

    assert rare.rpartition("/")[2] in visitor.page.body


def test_the_first_page_is_live_and_its_rows_come_alone(tenant: Tenant, visitor: Visitor) -> None:
    read(visitor, "/console/log?status=succeeded")
    live = html.unescape(str(re.findall(r'data-live="([^"]*)"', visitor.page.body)[0]))
    path = delivered(tenant, endpoint_of(tenant))

    rows = visitor.get(live)

    assert path in rows.body
    assert "<html" not in rows.body
    for other in ("order=oldest", "until=2026-11-24T00:00"):
        read(visitor, f"/console/log?{other}")
        assert "data-live=" not in visitor.page.body


def test_an_empty_log_teaches_and_a_narrow_one_offers_to_show_all(
    tenant: Tenant, visitor: Visitor
) -> None:
    assert "Publish one: POST /v1/events" in read(visitor, "/console/log")
    assert "No delivery like this" in read(visitor, "/console/log?status=dead")


def test_tests_are_left_out_until_they_are_asked_for(tenant: Tenant, visitor: Visitor) -> None:
    endpoint = endpoint_of(tenant)
    tenant.client.post(f"/v1/endpoints/{endpoint.id}/test", {"event_type": "OrderReceivedEvent"})

    assert listed(visitor) == []
    assert len(listed(visitor, test="include")) == len(listed(visitor, test="only"))


def test_an_id_leads_to_its_thing(tenant: Tenant, visitor: Visitor) -> None:
    path = delivered(tenant, endpoint_of(tenant), id="order-4711")
    delivery_id = path.rpartition("/")[2]

    def led_to(text: str) -> str:
        return visitor.get(f"/console/log?{urlencode({'q': text})}").headers.get("location", "")

    assert led_to(delivery_id) == path
    event = f"/console/events/evt_{delivery_id[4:30]}"
    assert led_to(event.rpartition("/")[2]) == led_to(" order-4711 ") == event
    assert led_to("order-4712") == ""


def test_a_text_is_found_in_payloads_of_the_last_days(tenant: Tenant, visitor: Visitor) -> None:
    endpoint = endpoint_of(tenant)
    delivered(tenant, endpoint)
    path = delivered(tenant, endpoint, data={**ORDER, "Email": "anna@example.com"})
    days = f"{tenant.world.now - timedelta(days=6):%Y-%m-%dT%H:%M}"
    up_to = f"{tenant.world.now + timedelta(hours=1):%Y-%m-%dT%H:%M}"

    assert listed(visitor, q="ANNA@ex", since=days, until=up_to) == [path.rpartition("/")[2]]
    assert "“ANNA@ex”" in visitor.text
    assert "data-live=" not in visitor.page.body
    assert listed(visitor, q="bert@ex", since=days, until=up_to) == []
    read(visitor, "/console/log?q=bert@ex")
    assert '<option value="7d" selected>' in visitor.page.body
    read(visitor, f"/console/log?q=bert@ex&until={up_to}", status=422)


def test_warnings_are_above_the_log(tenant: Tenant, visitor: Visitor) -> None:
    endpoint = endpoint_of(tenant, "held-erp", status="paused")
    delivered(tenant, endpoint)

    text = read(visitor, "/console/log")

    assert "Held 1 held-erp deliveries are held" in text
    assert [each for each in listed(visitor) if link(visitor, "Log")] != []
    assert "status=held" in link(visitor, "Log")


def test_a_deleted_endpoint_keeps_its_name_in_the_log(tenant: Tenant, visitor: Visitor) -> None:
    endpoint = endpoint_of(tenant, "gone-crm")
    path = delivered(tenant, endpoint)

    tenant.world.configuration.delete(tenant.id, endpoint.id, by="phk_test")

    assert "gone-crm" in read(visitor, "/console/log")
    assert "The endpoint was deleted" not in read(visitor, path)  # it has succeeded
    assert "Resend" not in visitor.text


# --- one delivery ---------------------------------------------------------------------------------


def test_a_failed_delivery_begins_with_the_advice(tenant: Tenant, visitor: Visitor) -> None:
    path = delivered(tenant, endpoint_of(tenant, answers=503, body="busy", retry=ONE_RETRY))
    text = read(visitor, path)
    assert text.index("Answered 503.") < text.index("Attempts")
    assert "It is tried again by itself" in text

    retried(tenant)

    text = read(visitor, path)
    assert "Dead to erp" in text
    assert "All retries are used up. It is never tried again by itself." in text
    assert re.search(r'<details class="attempt card bad" id="attempt-2" open', visitor.page.body)
    assert re.search(r'<details class="attempt card bad" id="attempt-1">', visitor.page.body)
    assert "data-live=" in visitor.page.body


def test_an_attempt_shows_exactly_its_request_and_response(
    tenant: Tenant, visitor: Visitor
) -> None:
    endpoint = endpoint_of(
        tenant,
        answers=404,
        body='{"error":"no such hook"}',
        auth={"kind": "bearer", "token": "s3cret-bearer"},
        headers={"x-shop": "it's"},
    )
    path = delivered(tenant, endpoint)

    text = read(visitor, path)

    assert f"POST http://{tenant.id}/erp" in text
    assert "x-shop it's" in text
    assert "authorization ••••" in text
    assert "s3cret-bearer" not in visitor.page.body
    assert '"error": "no such hook"' in text
    assert '{"error":"no such hook"}' in text
    assert "curl --globoff" in text
    assert "--header 'authorization: ••••'" in text
    assert "DNS 1 ms" in text
    assert '<rect class="phase dns"' in visitor.page.body


def test_foreign_text_is_escaped(tenant: Tenant, visitor: Visitor) -> None:
    endpoint = endpoint_of(tenant, answers=500, body=EVIL, retry=ONE_RETRY)
    change(tenant, endpoint, name=EVIL, headers={"x-a": "<b>x</b>"})
    order = {**ORDER, "Email": EVIL}
    path = delivered(tenant, endpoint, data=order, id=EVIL)
    event = f"/console/events/evt_{path.rpartition('/')[2][4:30]}"

    for each in ("/console/log", f"/console/log?q={EVIL[:9]}", path, f"{path}/live", event):
        visitor.get(each)
        assert "<script>alert" not in visitor.page.body
        assert "<b>x" not in visitor.page.body
    read(visitor, path)
    assert EVIL in visitor.text


def test_a_huge_body_is_cut_on_the_page_and_whole_in_its_download(
    tenant: Tenant, visitor: Visitor
) -> None:
    answer = '&<">' * 4000
    endpoint = endpoint_of(tenant, answers=500, body=answer, payload={"mode": "data"})
    path = delivered(tenant, endpoint, data={**ORDER, "FirstName": '"<&' * 40_000})
    event = f"/console/events/evt_{path.rpartition('/')[2][4:30]}"

    assert "Only the beginning of 160,0" in read(visitor, path)
    assert "The body comes from a file" in visitor.text
    body = visitor.get(f"{path}/body")
    response = visitor.get(f"{path}/attempts/1/response")
    read(visitor, event)
    data = visitor.get(f"{event}/data")

    assert '"<&' * 40_000 in body.json["FirstName"] == data.json["FirstName"]
    assert response.body == answer
    for each in (body, response, data):
        assert each.headers["content-type"] == "text/plain; charset=utf-8"
        assert each.headers["content-disposition"].startswith("attachment; filename=")
        assert each.headers["x-content-type-options"] == "nosniff"
        assert each.headers["cache-control"] == "no-store"


def test_fifty_attempts_fit_on_a_page_and_each_can_be_opened(
    tenant: Tenant, visitor: Visitor
) -> None:
    policy = {"kind": "schedule", "delays_seconds": [1] * 49}
    headers = {f"x-{n}": "<&>" * 130 for n in range(20)}
    endpoint = endpoint_of(tenant, answers=500, body='"&' * 8000, retry=policy, headers=headers)
    path = delivered(tenant, endpoint, data={**ORDER, "FirstName": '"<&' * 9_000})
    delivery_id = path.rpartition("/")[2]
    for _ in range(49):  # each read by its key, which is faster than a search
        _, record = tenant.world.reader.delivery(tenant.id, delivery_id)
        task = state.task(record.delivery)
        tenant.world.dispatcher.take_task(task, tenant.world.context("r"))

    read(visitor, path)
    assert visitor.page.body.count('class="attempt card') == 50
    assert visitor.page.body.count('aria-label="Timings') < 50
    read(visitor, f"{path}?attempt=7")

    assert re.search(r'id="attempt-7" open', visitor.page.body)
    assert 'aria-label="Timings of attempt 7:' in visitor.page.body
    assert read(visitor, f"{path}?attempt=0") == read(visitor, f"{path}?attempt={EVIL}")


def test_an_erased_payload_is_shown_as_erased(tenant: Tenant, visitor: Visitor) -> None:
    secret = {**ORDER, "Email": "anna@example.com"}
    path = delivered(tenant, endpoint_of(tenant, answers=404, body="no anna"), data=secret)
    event_id = f"evt_{path.rpartition('/')[2][4:30]}"
    tenant.world.recovery.cancel(tenant.id, path.rpartition("/")[2], by="phk_test")

    tenant.world.erasing.erase(tenant.id, event_id, by="phk_test")

    assert "The payload was erased" in read(visitor, path)
    assert "Resend" not in visitor.page.body
    assert "anna" not in visitor.page.body
    assert "The payload was erased. On request of phk_test" in read(
        visitor, f"/console/events/{event_id}"
    )
    assert visitor.get(f"/console/events/{event_id}/data").status == 404
    assert visitor.get(f"{path}/body").status == 404


# --- acting ---------------------------------------------------------------------------------------


def test_a_dead_delivery_is_resent_and_says_by_whom(tenant: Tenant, visitor: Visitor) -> None:
    endpoint = endpoint_of(tenant, answers=500, retry={"kind": "schedule", "delays_seconds": []})
    path = delivered(tenant, endpoint)
    tenant.world.answers[endpoint.url] = lambda _: answered(200)
    assert "the endpoint's whole retry policy follows" in read(visitor, path)

    assert visitor.send(f"{path}/resend").headers["location"] == path
    tenant.world.take_tasks()

    text = read(visitor, path)
    assert "It is being sent again." in text
    assert "Succeeded to erp" in text
    assert f"Resent by {str(tenant.client.key).rpartition('_')[0]}" in text


def test_a_delivery_that_is_still_to_come_is_cancelled(tenant: Tenant, visitor: Visitor) -> None:
    path = delivered(tenant, endpoint_of(tenant, answers=500))
    read(visitor, path)

    visitor.send(f"{path}/cancel")

    text = read(visitor, path)
    assert "The delivery was cancelled." in text
    assert "Cancelled to erp" in text
    assert "Cancel the delivery" not in text


def test_a_refused_action_is_explained_on_its_page(tenant: Tenant, visitor: Visitor) -> None:
    endpoint = endpoint_of(tenant, answers=500, retry={"kind": "schedule", "delays_seconds": []})
    path = delivered(tenant, endpoint)
    read(visitor, path)
    change(tenant, endpoint, status="paused")

    assert visitor.send(f"{path}/resend").status == 409
    assert "The endpoint is not enabled. Enable it first, then resend." in visitor.text
    assert "Resend now" not in visitor.text
    assert visitor.send(f"{path}/cancel").status == 409
    assert "there is nothing left to cancel" in visitor.text


def test_a_key_that_only_reads_sees_no_actions_and_can_do_none(
    tenant: Tenant, visitor: Visitor
) -> None:
    path = delivered(tenant, endpoint_of(tenant, answers=500))
    reader = signed_in(tenant, Scope.LOGS_READ)

    text = read(reader, path)

    assert "Resend" not in text
    assert "Cancel" not in text
    assert "/console/endpoints/" not in reader.page.body
    assert reader.send(f"{path}/resend").status == reader.send(f"{path}/cancel").status == 403
    assert "Retrying to erp" in read(visitor, path)
    outsider = signed_in(tenant, Scope.CONFIG_READ)
    for each in ("/console/log", "/console/log/rows", path, f"{path}/body"):
        assert outsider.get(each).status == 403


def test_a_form_without_its_token_does_nothing(tenant: Tenant, visitor: Visitor) -> None:
    path = delivered(tenant, endpoint_of(tenant, answers=500))
    read(visitor, path)

    assert visitor.send(f"{path}/cancel", {"csrf": "0" * 64}).status == 403
    assert "Retrying to erp" in read(visitor, path)


def test_another_tenant_s_things_are_not_there(
    tenant: Tenant, stranger: Tenant, visitor: Visitor
) -> None:
    path = delivered(stranger, endpoint_of(stranger, "their-erp", answers=500), id="theirs")
    delivery_id = path.rpartition("/")[2]
    event = f"/console/events/evt_{delivery_id[4:30]}"
    read(visitor, "/console/log")

    for each in (path, f"{path}/live", f"{path}/body", f"{path}/attempts/1/response"):
        assert visitor.get(each).status == 404
    for each in (event, f"{event}/fates", f"{event}/data", "/console/deliveries/dlv_1"):
        assert visitor.get(each).status == 404
    read(visitor, "/console/sign-in")
    read(visitor, path, status=404)
    assert "their-erp" not in visitor.page.body
    read(visitor, "/console/tenant", status=403)
    assert listed(visitor) == []
    assert visitor.get("/console/log?q=theirs").status == 200
    assert visitor.send(f"{path}/resend").status == visitor.send(f"{path}/cancel").status == 404


# --- one event ------------------------------------------------------------------------------------


def test_an_event_shows_the_decision_of_every_endpoint(tenant: Tenant, visitor: Visitor) -> None:
    wanting = endpoint_of(tenant, "wanting", answers=503)
    endpoint_of(tenant, "jobs", event_types=["Job*"])
    path = delivered(tenant, wanting, id="order-9")

    text = read(visitor, f"/console/events/evt_{path.rpartition('/')[2][4:30]}")

    assert "Matched 1 of 2 endpoints." in text
    assert "wanting Wanted the endpoint subscribes to OrderReceivedEvent Retrying 503" in text
    assert "jobs Type not wanted the endpoint does not subscribe to OrderReceivedEvent none" in text
    assert path in visitor.page.body
    assert "Published as order-9" in text
    assert '"ClientOrderRef": "B-1"' in text


def test_an_event_that_no_endpoint_wanted_says_so(tenant: Tenant, visitor: Visitor) -> None:
    nothing = published(tenant)
    assert "this tenant had no endpoint at all" in read(visitor, f"/console/events/{nothing}")
    tenant.world.later(seconds=1)
    endpoint_of(tenant, "jobs", event_types=["Job*"])
    unwanted = published(tenant)

    assert "Matched none of 1 endpoint. Nothing was sent." in read(
        visitor, f"/console/events/{unwanted}"
    )
    assert "jobs Made later" in read(visitor, f"/console/events/{nothing}")


def test_all_events_are_listed_and_those_without_an_endpoint_alone(
    tenant: Tenant, visitor: Visitor
) -> None:
    endpoint_of(tenant, event_types=["Order*"])
    matched = published(tenant, id="order-4711")
    unmatched = published(tenant, type="JobCompletedEvent", data=JOB)

    everything = read(visitor, "/console/log/events")
    assert "OrderReceivedEvent order-4711 1 endpoint" in everything
    assert "none: see why" in everything

    read(visitor, "/console/log/events?unmatched=true")
    assert unmatched in visitor.page.body
    assert matched not in visitor.page.body
    assert "No events match" in read(visitor, "/console/log/events?event_type=Nothing")


def test_the_list_of_events_has_pages(tenant: Tenant, visitor: Visitor) -> None:
    ids = []
    for _ in range(45):
        tenant.world.later(seconds=1)
        ids.append(published(tenant))

    read(visitor, "/console/log/events")
    assert ids[-1] in visitor.page.body
    assert ids[0] not in visitor.page.body
    read(visitor, link(visitor, "Next page"))
    assert ids[0] in visitor.page.body
