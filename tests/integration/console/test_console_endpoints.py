"""Endpoints in the console: create, change, test, switch, rotate, restore and delete."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from console.endpoints import detail
from posthorn import wiring
from posthorn.models import Endpoint, Scope
from tests.integration.conftest import Tenant
from tests.support.console_client import Visitor
from tests.support.http_client import Answer, Client
from tests.support.page_forms import form
from tests.support.world import ORDER, answered

NEW = "/console/endpoints/new"
FIRST, SECOND, SPACED = "first-token", "second-token", " pass word "
SCRIPT = "<script>alert(1)</script>\"'"


@pytest.fixture
def visitor(tenant: Tenant) -> Visitor:
    return signed_in(str(tenant.client.key))


def signed_in(key: str) -> Visitor:
    visitor = Visitor()
    visitor.sign_in(key)
    return visitor


@pytest.fixture
def sends(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> Tenant:
    """Tests are sent to the world's endpoints instead of the network."""
    trial = wiring.endpoint_tester()
    attempter = replace(trial.attempter, send=tenant.world.send)
    monkeypatch.setattr(wiring, "endpoint_tester", lambda: replace(trial, attempter=attempter))
    return tenant


def fill_in(visitor: Visitor, path: str, **changes: Any) -> Answer:
    """Open the form and send it with these changes."""
    filled = form(visitor.get(path).body, path).filled(**changes)
    return visitor.send(path, filled)


def create(visitor: Visitor, **changes: Any) -> str:
    """Make an endpoint, and return its id."""
    told = {"url": "http://erp.example.com/hook", "event_types": ["OrderReceivedEvent"], **changes}
    made = fill_in(visitor, NEW, **told)
    found = re.search(r"/console/endpoints/(ep_\w+)", made.body)
    assert found, visitor.text
    return found[1]


def saved(tenant: Tenant, endpoint_id: str) -> Endpoint:
    return tenant.world.configuration.endpoint(tenant.id, endpoint_id)


def secret_on(visitor: Visitor) -> str:
    found = re.search(r"whsec_[\w+/=]+", visitor.page.body)
    assert found
    return found[0]


# --- make one -------------------------------------------------------------------------------------


def test_a_url_and_a_type_make_an_endpoint(tenant: Tenant, visitor: Visitor) -> None:
    visitor.get(f"{NEW}?event_type=OrderReceivedEvent")
    shown = form(visitor.page.body, NEW)
    assert shown.fields["event_types"] == ["OrderReceivedEvent"]

    answer = visitor.send(NEW, shown.filled(url="http://erp.example.com/hook"))

    (made,) = tenant.world.config.endpoints(tenant.id)
    assert (made.name, made.url) == ("erp.example.com", "http://erp.example.com/hook")
    assert made.event_types == ("OrderReceivedEvent",)
    assert answer.status == 200


def test_the_signing_secret_is_shown_once_and_in_nothing_but_the_page(
    tenant: Tenant, visitor: Visitor
) -> None:
    endpoint_id = create(visitor)

    secret = secret_on(visitor)
    assert secret == tenant.world.configuration.signing_secret(tenant.id, endpoint_id)
    assert secret not in str(visitor.page.headers) + str(visitor.page.cookies)
    for page in ("", "/edit", "/history"):
        assert secret not in visitor.get(f"/console/endpoints/{endpoint_id}{page}").body


def test_every_setting_of_the_form_is_saved(tenant: Tenant, visitor: Visitor) -> None:
    endpoint_id = create(
        visitor,
        name="ERP",
        method="PUT",
        patterns="Job*",
        condition="data.ClientId == `1`",
        rules__0__entity="tClient",
        rules__0__on_update="some",
        rules__0__fields="Email, City",
        rules__0__on_delete="yes",
        payload__mode="data",
        payload__include="ClientId\nSource",
        headers__0__name="x-shop",
        headers__0__value="se",
        auth__kind="basic",
        auth__username="me",
        auth__password=SPACED,
        timeout_seconds="20",
        retry__delays_seconds="5 s, 2 min",
        metadata__0__name="team",
        metadata__0__value="orders",
        status="paused",
    )

    shown = tenant.client.get(f"/v1/endpoints/{endpoint_id}").json
    assert (
        shown
        | {
            "name": "ERP",
            "method": "PUT",
            "event_types": ["OrderReceivedEvent", "Job*"],
            "condition": "data.ClientId == `1`",
            "rules": [
                {
                    "entity": "tClient",
                    "on_insert": False,
                    "on_update": ["Email", "City"],
                    "on_delete": True,
                    "filter": None,
                }
            ],
            "payload": {"mode": "data", "include": ["ClientId", "Source"], "exclude": []},
            "headers": {"x-shop": "se"},
            "auth": {"kind": "basic", "username": "me", "password": "••••"},
            "timeout_seconds": 20.0,
            "retry": {"kind": "schedule", "delays_seconds": [5.0, 120.0]},
            "metadata": {"team": "orders"},
            "status": "paused",
        }
        == shown
    )


def test_errors_are_at_their_fields_and_the_input_is_kept(tenant: Tenant, visitor: Visitor) -> None:
    answer = fill_in(
        visitor,
        NEW,
        url="ftp://erp.example.com",
        name="My ERP",
        event_types=["JobCompletedEvent"],
        condition="data.ClientId ==",
        rules__0__entity="tClient",
        rules__0__filter="&&",
        headers__0__name="webhook-id",
        headers__0__value="mine",
    )

    assert answer.status == 422
    for field in ("url", "condition", "rules/0/filter", "headers/0"):
        assert f'id="error-{field}"' in answer.body, field
        assert f'href="#field-{field}"' in answer.body, field
        assert f'id="field-{field}"' in answer.body, field
    typed = form(answer.body, NEW).fields
    assert typed["url"] == ["ftp://erp.example.com"]
    assert (typed["name"], typed["event_types"]) == (["My ERP"], ["JobCompletedEvent"])
    assert (typed["headers/0/name"], typed["headers/0/value"]) == (["webhook-id"], ["mine"])
    assert tenant.world.config.endpoints(tenant.id) == []


def test_a_row_more_is_given_without_a_script_and_nothing_is_lost(visitor: Visitor) -> None:
    answer = fill_in(
        visitor, NEW, url="http://a.example.com", headers__0__name="x-first", do="add headers"
    )

    rows = form(answer.body, NEW).fields
    assert rows["url"] == ["http://a.example.com"]
    assert [rows.get(f"headers/{at}/name") for at in range(4)] == [["x-first"], [""], [""], None]
    gone = visitor.send(NEW, {**rows, "do": "remove headers/0"})
    assert "x-first" not in gone.body


def test_a_tenant_at_its_limit_gets_an_error_and_keeps_the_input(
    tenant: Tenant, visitor: Visitor, admin: Client
) -> None:
    body = {"name": tenant.id, "limits": {"endpoints": 0}}
    assert admin.put(f"/v1/tenants/{tenant.id}", body).status == 200

    answer = fill_in(visitor, NEW, url="http://a.example.com/mine", event_types=["Order*"])

    assert answer.status == 409
    assert "The limit of this tenant is 0 endpoints." in visitor.text
    assert "http://a.example.com/mine" in answer.body


# --- secrets --------------------------------------------------------------------------------------

SECRETS = {
    "basic": {"auth__username": "me", "auth__password": "typed-secret-4711"},
    "bearer": {"auth__token": "typed-secret-4711"},
    "api_key": {"auth__header": "x-api-key", "auth__value": "typed-secret-4711"},
    "oauth2": {
        "auth__token_url": "http://auth.example.com/token",
        "auth__client_id": "me",
        "auth__client_secret": "typed-secret-4711",
    },
}


@pytest.mark.parametrize("kind", SECRETS)
def test_no_secret_comes_back_in_any_page(tenant: Tenant, visitor: Visitor, kind: str) -> None:
    typed = {"auth__kind": kind, **SECRETS[kind]}
    typed |= {"headers__0__name": "x-token", "headers__0__value": "typed-secret-4711"}
    refused = fill_in(visitor, NEW, url="nope", event_types=["Order*"], **typed)
    assert refused.status == 422
    assert "typed-secret" not in refused.body
    assert "Type it again" in refused.body

    endpoint_id = create(visitor, **typed)

    pages = [visitor.page.body]
    pages += [
        visitor.get(f"/console/endpoints/{endpoint_id}{page}").body
        for page in ("", "/edit", "/history")
    ]
    pages.append(fill_in(visitor, f"/console/endpoints/{endpoint_id}/edit", do="preview").body)
    assert "Kept. Type to replace it" in pages[2]
    assert not any("typed-secret" in page for page in pages)


def test_a_stored_secret_is_kept_until_another_is_typed(tenant: Tenant, visitor: Visitor) -> None:
    endpoint_id = create(visitor, auth__kind="bearer", auth__token=FIRST)
    edit = f"/console/endpoints/{endpoint_id}/edit"

    def token() -> str:
        sealed = saved(tenant, endpoint_id).sealed
        opened = tenant.world.vault.open(sealed, tenant=tenant.id, endpoint_id=endpoint_id)
        return opened.auth["token"]

    fill_in(visitor, edit, name="Renamed")
    assert (saved(tenant, endpoint_id).name, token()) == ("Renamed", FIRST)
    fill_in(visitor, edit, auth__token=SECOND)
    assert token() == SECOND


def test_a_secret_that_was_typed_over_is_not_kept_by_mistake(
    tenant: Tenant, visitor: Visitor
) -> None:
    """The secret is asked for again; otherwise the old one would be saved as the new one."""
    endpoint_id = create(visitor, auth__kind="bearer", auth__token=FIRST)
    edit = f"/console/endpoints/{endpoint_id}/edit"
    refused = fill_in(visitor, edit, auth__token=SECOND, url="nope")

    again = visitor.send(edit, form(refused.body, edit).filled(url="http://b.example.com"))

    assert again.status == 422
    assert 'id="error-auth/token"' in again.body
    assert saved(tenant, endpoint_id).version == 1


def test_showing_the_signing_secret_is_logged_without_it(
    tenant: Tenant, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint_id = create(visitor)
    visitor.get(f"/console/endpoints/{endpoint_id}")
    caplog.clear()

    visitor.send(f"/console/endpoints/{endpoint_id}/secret")

    (read,) = [each for each in caplog.records if each.message == "signing secret read"]
    assert vars(read)["endpoint_id"] == endpoint_id
    assert vars(read)["tenant"] == tenant.id
    assert secret_on(visitor) not in str([vars(each) for each in caplog.records])


def test_a_rotation_shows_the_new_secret_and_lets_the_old_one_sign_on(
    tenant: Tenant, visitor: Visitor
) -> None:
    endpoint_id = create(visitor)
    first = secret_on(visitor)
    visitor.get(f"/console/endpoints/{endpoint_id}")

    visitor.send(f"/console/endpoints/{endpoint_id}/rotate", {"overlap_hours": "1"})

    assert secret_on(visitor) != first
    endpoint = saved(tenant, endpoint_id)
    keys = tenant.world.vault.open(
        endpoint.sealed, tenant=tenant.id, endpoint_id=endpoint_id
    ).signing
    assert [key.secret for key in keys] == [secret_on(visitor), first]
    until = keys[1].expires_at
    assert until
    assert abs((until - wiring.now()).total_seconds() - 3600) < 60
    odd = {"overlap_hours": "1000"}
    visitor.get(f"/console/endpoints/{endpoint_id}")
    assert visitor.send(f"/console/endpoints/{endpoint_id}/rotate", odd).status == 422


def test_an_endpoint_that_signs_with_a_key_pair_shows_its_public_key(visitor: Visitor) -> None:
    endpoint_id = create(visitor, signing__scheme="v1a")

    assert "whpk_" in visitor.page.body
    assert "whpk_" in visitor.get(f"/console/endpoints/{endpoint_id}").body


# --- try it ---------------------------------------------------------------------------------------


def test_a_preview_says_why_an_event_does_not_match(tenant: Tenant, visitor: Visitor) -> None:
    answer = fill_in(
        visitor,
        NEW,
        url="http://erp.example.com/hook",
        event_types=["OrderReceivedEvent"],
        condition="data.ClientId == `1`",
        do="preview",
    )

    assert answer.status == 200
    assert "It does not match" in visitor.text
    assert "data.ClientId == `1` is false: 1042 == 1" in visitor.text
    assert "POST http://erp.example.com/hook" in visitor.text
    assert tenant.world.config.endpoints(tenant.id) == []


def test_a_preview_takes_ones_own_event(visitor: Visitor) -> None:
    own = json.dumps({"type": "OrderReceivedEvent", "data": {"ClientId": 4711}})
    typed = {"url": "http://erp.example.com/hook", "event_types": ["OrderReceivedEvent"]}

    fill_in(visitor, NEW, **typed, trial__source="own", trial__own=own, do="preview")
    assert "It matches: this is sent" in visitor.text
    assert '"ClientId": 4711' in visitor.text
    broken = fill_in(visitor, NEW, **typed, trial__source="own", trial__own="{", do="preview")
    assert broken.status == 422
    assert 'id="error-trial/own"' in broken.body


@pytest.mark.parametrize(
    ("entity", "words"),
    [
        ("tClientCustomerAddress", "It matches: this is sent"),
        ("tSomethingElse", "there is no rule for"),
    ],
)
def test_the_example_of_a_notification_is_a_change_that_rules_look_at(
    visitor: Visitor, entity: str, words: str
) -> None:
    fill_in(
        visitor,
        NEW,
        url="http://erp.example.com/hook",
        event_types=["CustomerChangedNotification"],
        rules__0__entity=entity,
        rules__0__on_update="some",
        rules__0__fields="City",
        trial__source="example CustomerChangedNotification",
        do="preview",
    )

    assert words in visitor.text


def test_a_script_gets_the_part_of_the_page_alone(visitor: Visitor) -> None:
    typed = {"url": "http://erp.example.com/hook", "event_types": ["OrderReceivedEvent"]}

    answer = fill_in(visitor, NEW, **typed, do="preview", fragment="yes")

    assert answer.status == 200
    assert "<html" not in answer.body
    assert "It matches" in answer.body
    incomplete = fill_in(visitor, NEW, do="preview", fragment="yes")
    assert "Not yet" in incomplete.body


def test_a_failed_test_shows_the_advice_and_the_response(sends: Tenant, visitor: Visitor) -> None:
    url = "http://down.example.com/hook"
    sends.world.answers[url] = lambda _: answered(503, body=SCRIPT)
    endpoint_id = create(visitor, url=url)
    page = f"/console/endpoints/{endpoint_id}"
    shown = form(visitor.get(page).body, page)

    visitor.send(page, shown.filled(do="test"))
    assert "The test failed with 503" in visitor.text
    assert "Answered 503" in visitor.text
    assert SCRIPT not in visitor.page.body
    assert "See it in the log" in visitor.text
    sends.world.answers.pop(url)
    visitor.send(page, shown.filled(do="test"))
    assert "The test passed with 200" in visitor.text
    assert saved(sends, endpoint_id).tested_version == 1


def test_an_unsaved_endpoint_is_tested_without_being_recorded(
    sends: Tenant, visitor: Visitor
) -> None:
    endpoint_id = create(visitor)
    edit = f"/console/endpoints/{endpoint_id}/edit"

    fill_in(visitor, edit, url="http://other.example.com/x", do="test")

    assert "The test passed with 200" in visitor.text
    assert sends.world.sent[-1].url == "http://other.example.com/x"
    assert saved(sends, endpoint_id).url == "http://erp.example.com/hook"
    assert sends.world.deliveries(sends.id) == []
    fill_in(visitor, edit, do="test")
    assert len(sends.world.deliveries(sends.id)) == 1


def test_too_many_tests_are_refused_in_words(
    sends: Tenant, visitor: Visitor, admin: Client
) -> None:
    admin.put(f"/v1/tenants/{sends.id}", {"name": sends.id, "limits": {"tests_per_minute": 0}})
    page = f"/console/endpoints/{create(visitor)}"

    answer = visitor.send(page, form(visitor.get(page).body, page).filled(do="test"))

    assert answer.status == 429
    assert 'class="note warn"' in answer.body


def test_a_dry_run_counts_matches_and_compares(tenant: Tenant, visitor: Visitor) -> None:
    tenant.world.now = wiring.now()
    endpoint_id = create(visitor)
    for client_id in (1, 1, 2):
        data = {**ORDER, "ClientId": client_id}
        tenant.world.publish({"type": "OrderReceivedEvent", "data": data}, tenant=tenant.id)
    tenant.world.take_events()
    edit = f"/console/endpoints/{endpoint_id}/edit"

    fill_in(visitor, edit, condition="data.ClientId == `1`", do="dry-run")

    assert "2 of the last 3 events match" in visitor.text
    assert "0 more, 1 fewer" in visitor.text
    assert "From the log" in visitor.page.body or "event evt_" in visitor.page.body


# --- change it ------------------------------------------------------------------------------------


def test_saving_an_unchanged_form_makes_no_version(tenant: Tenant, visitor: Visitor) -> None:
    endpoint_id = create(visitor, auth__kind="bearer", auth__token=FIRST)

    answer = fill_in(visitor, f"/console/endpoints/{endpoint_id}/edit")

    assert answer.status == 303
    assert saved(tenant, endpoint_id).version == 1


def test_a_stale_form_is_refused_with_the_changes_and_the_input(
    tenant: Tenant, visitor: Visitor
) -> None:
    endpoint_id = create(visitor)
    edit = f"/console/endpoints/{endpoint_id}/edit"
    opened = form(visitor.get(edit).body, edit)
    tenant.client.patch(f"/v1/endpoints/{endpoint_id}", {"timeout_seconds": 7})

    stale = visitor.send(edit, opened.filled(name="Mine"))

    assert stale.status == 412
    assert "Somebody changed this endpoint in between" in visitor.text
    assert "timeout seconds 15.0 7.0" in visitor.text
    assert form(stale.body, edit).fields["name"] == ["Mine"]
    assert saved(tenant, endpoint_id).name == "erp.example.com"
    nowhere = visitor.send(edit, opened.filled(name="Mine", version="9" * 5000))
    assert nowhere.status == 404
    visitor.get(edit)
    over = visitor.send(edit, form(stale.body, edit).filled())
    assert over.status == 303
    assert saved(tenant, endpoint_id).name == "Mine"


@pytest.mark.parametrize(
    ("status", "words"),
    [("paused", "are held, and nothing is sent"), ("disabled", "Its events are not tracked")],
)
def test_a_status_change_is_explained_and_needs_the_version(
    tenant: Tenant, visitor: Visitor, status: str, words: str
) -> None:
    endpoint_id = create(visitor)
    path = f"/console/endpoints/{endpoint_id}"
    visitor.get(path)

    visitor.send(f"{path}/status", {"status": status, "version": "1"})
    visitor.get(path)

    assert saved(tenant, endpoint_id).status == status
    assert words in visitor.text
    assert visitor.send(f"{path}/status", {"status": "enabled", "version": "1"}).status == 412
    assert saved(tenant, endpoint_id).status == status


def test_a_paused_endpoint_says_how_much_is_held(tenant: Tenant, visitor: Visitor) -> None:
    path = f"/console/endpoints/{create(visitor, status='paused')}"
    visitor.get(path)
    assert "held." not in visitor.text

    tenant.world.publish(*[{"type": "OrderReceivedEvent", "data": ORDER}] * 2, tenant=tenant.id)
    tenant.world.take_events()
    visitor.get(path)

    assert "2 deliveries are held" in visitor.text


@pytest.mark.parametrize(
    ("choice", "words", "kinds"),
    [
        ("drain", "is on its way", ["drain"]),
        ("discard", "is being cancelled", ["discard"]),
        ("keep", "stays held", []),
    ],
)
def test_enabling_asks_about_the_held_deliveries(
    tenant: Tenant, visitor: Visitor, choice: str, words: str, kinds: list[str]
) -> None:
    path = f"/console/endpoints/{create(visitor, status='paused')}"
    tenant.world.publish({"type": "OrderReceivedEvent", "data": ORDER}, tenant=tenant.id)
    tenant.world.take_events()
    shown = visitor.get(path).body
    assert all(f'name="held" value="{each}"' in shown for each in ("drain", "discard", "keep"))

    visitor.send(f"{path}/status", {"held": choice, "version": "1"})

    visitor.get(path)
    assert words in visitor.text
    assert saved(tenant, path.rpartition("/")[2]).status == "enabled"
    assert [str(each.kind) for each in wiring.jobs().running(tenant.id)] == kinds


def test_deciding_about_held_deliveries_needs_its_scope(tenant: Tenant, visitor: Visitor) -> None:
    path = f"/console/endpoints/{create(visitor, status='paused')}"
    tenant.world.publish({"type": "OrderReceivedEvent", "data": ORDER}, tenant=tenant.id)
    tenant.world.take_events()
    keeper = signed_in(str(tenant.client_with(Scope.CONFIG_READ, Scope.CONFIG_WRITE).key))

    shown = keeper.get(path).body
    assert 'value="keep"' in shown
    assert 'value="drain"' not in shown
    assert keeper.send(f"{path}/status", {"held": "drain", "version": "1"}).status == 403
    keeper.get(path)
    assert keeper.send(f"{path}/status", {"held": "nothing", "version": "1"}).status == 404
    assert saved(tenant, path.rpartition("/")[2]).status == "paused"


def test_an_earlier_version_is_shown_and_restored(tenant: Tenant, visitor: Visitor) -> None:
    endpoint_id = create(visitor, name="First")
    fill_in(visitor, f"/console/endpoints/{endpoint_id}/edit", name="Second")
    history = f"/console/endpoints/{endpoint_id}/history"
    visitor.get(history)
    assert "name First Second" in visitor.text

    visitor.get(f"{history}/1")
    assert "name Second First" in visitor.text
    done = visitor.send(f"{history}/1", {"version": "2"})

    assert done.status == 303
    assert (saved(tenant, endpoint_id).name, saved(tenant, endpoint_id).version) == ("First", 3)
    visitor.get(f"{history}/2")
    assert visitor.send(f"{history}/2", {"version": "2"}).status == 412
    for nothing in ("99", "0", "x", "9999999999"):
        assert visitor.get(f"{history}/{nothing}").status == 404


def test_deleting_asks_first_and_leaves_the_history(tenant: Tenant, visitor: Visitor) -> None:
    endpoint_id = create(visitor)
    path = f"/console/endpoints/{endpoint_id}"
    asked = visitor.get(f"{path}/delete")
    assert visitor.send(f"{path}/delete", {"version": "9"}).status == 412

    gone = visitor.send(f"{path}/delete", form(asked.body, f"{path}/delete").filled())

    assert gone.headers["location"] == "/console/endpoints"
    assert tenant.world.config.endpoints(tenant.id) == []
    assert visitor.get(path).status == 404
    visitor.get(f"{path}/history")
    assert "The endpoint was deleted." in visitor.text


# --- all of them ----------------------------------------------------------------------------------


def test_the_list_is_found_by_text_and_status_and_comes_in_pages(
    tenant: Tenant, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detail, "SHOWN", 3)
    for number in range(3):
        tenant.world.endpoint(f"shop-{number:02}", tenant=tenant.id)
    tenant.world.endpoint("resting", tenant=tenant.id, status="paused")

    visitor.get("/console/endpoints")
    assert "resting" in visitor.text
    assert "shop-00" not in visitor.text
    following = re.search(r'rel="next" href="([^"]+)"', visitor.page.body)
    assert following
    visitor.get(following[1].replace("&amp;", "&"))
    assert "shop-00" in visitor.text
    visitor.get("/console/endpoints?status=paused")
    assert "resting" in visitor.text
    assert "shop-02" not in visitor.text
    visitor.get("/console/endpoints?q=SHOP-01")
    assert "shop-01" in visitor.text
    assert "shop-02" not in visitor.text
    visitor.get("/console/endpoints?q=nothing-like-it")
    assert "No endpoint like this" in visitor.text


def test_a_tenant_without_endpoints_is_shown_the_way(visitor: Visitor) -> None:
    visitor.get("/console/endpoints")

    assert "No endpoint yet" in visitor.text
    assert f'href="{NEW}"' in visitor.page.body


# --- scopes --------------------------------------------------------------------------------------


def test_who_may_only_read_sees_no_form_and_can_send_none(tenant: Tenant, visitor: Visitor) -> None:
    endpoint_id = create(visitor)
    path = f"/console/endpoints/{endpoint_id}"
    reader = signed_in(str(tenant.client_with(Scope.CONFIG_READ).key))

    for page in (path, f"{path}/history", "/console/endpoints"):
        assert reader.get(page).status == 200
        assert set(re.findall(r'<form method="post" action="([^"]+)"', reader.page.body)) == {
            "/console/sign-out"
        }
    for page in (NEW, f"{path}/edit", f"{path}/delete", f"{path}/history/1"):
        assert reader.get(page).status == 403
        reader.get(path)
        assert reader.send(page).status == 403
    for page in (path, f"{path}/status", f"{path}/secret", f"{path}/rotate"):
        reader.get(path)
        assert reader.send(page, {"status": "paused", "version": "1"}).status == 403
    assert saved(tenant, endpoint_id).version == 1


def test_events_of_the_log_are_for_who_may_read_it(tenant: Tenant, visitor: Visitor) -> None:
    page = f"/console/endpoints/{create(visitor)}"
    keeper = signed_in(str(tenant.client_with(Scope.CONFIG_READ, Scope.CONFIG_WRITE).key))
    shown = form(keeper.get(page).body, page)

    logged = shown.filled(do="preview", trial__source="event evt_" + "0" * 26)
    assert keeper.send(page, logged).status == 403
    keeper.get(page)
    assert keeper.send(page, shown.filled(do="dry-run")).status == 403


def test_another_tenants_endpoint_is_not_there(
    tenant: Tenant, stranger: Tenant, visitor: Visitor
) -> None:
    theirs = stranger.world.endpoint("theirs", tenant=stranger.id)
    path = f"/console/endpoints/{theirs.id}"

    for page in ("", "/edit", "/history", "/delete", "/history/1"):
        assert visitor.get(f"{path}{page}").status == 404
    for page in ("", "/edit", "/delete", "/status", "/secret", "/rotate", "/history/1"):
        visitor.get("/console/endpoints")
        assert visitor.send(f"{path}{page}", {"status": "paused"}).status == 404
    assert saved(stranger, theirs.id).version == 1


def test_the_form_of_the_longest_lists_is_still_a_small_page(
    tenant: Tenant, visitor: Visitor
) -> None:
    rule = {"entity": "tClientCustomerAddress", "on_update": ["Email", "City"]}
    endpoint = tenant.world.endpoint(
        tenant=tenant.id,
        rules=[{**rule, "filter": "data.IsActive"}] * 50,
        headers={f"x-header-{number}": "some value" for number in range(20)},
        metadata={f"name-{number}": "some words" for number in range(50)},
    )

    answer = visitor.get(f"/console/endpoints/{endpoint.id}/edit")

    assert len(answer.body) < 100_000
    sent = form(answer.body, f"/console/endpoints/{endpoint.id}/edit").filled()
    assert visitor.send(f"/console/endpoints/{endpoint.id}/edit", sent).status == 303
    assert saved(tenant, endpoint.id).version == 1


def test_text_of_a_tenant_is_shown_as_text(tenant: Tenant, visitor: Visitor) -> None:
    endpoint = tenant.world.endpoint(
        SCRIPT,
        tenant=tenant.id,
        url="http://erp.example.com/?<script>alert(1)</script>",
        description=SCRIPT,
        condition="data.a == '<script>alert(1)</script>'",
        rules=[{"entity": SCRIPT, "on_update": [SCRIPT]}],
        headers={"x-shop": SCRIPT},
        metadata={SCRIPT[:40]: SCRIPT},
    )
    tenant.client.patch(f"/v1/endpoints/{endpoint.id}", {"description": f"{SCRIPT}!"})
    path = f"/console/endpoints/{endpoint.id}"

    for page in (path, f"{path}/edit", f"{path}/history", f"{path}/history/1", f"{path}/delete"):
        answer = visitor.get(page)
        assert answer.status == 200
        assert "<script>alert" not in answer.body
        assert "&lt;script&gt;alert" in answer.body
        assert len(answer.body) < 100_000
    assert "<script>alert" not in visitor.get("/console/endpoints").body
