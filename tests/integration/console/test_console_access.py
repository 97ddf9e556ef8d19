"""Sign-in to the console, and protection against requests from other sites."""

import pytest

from posthorn import wiring
from posthorn.models import Scope
from tests.integration.conftest import Tenant, new_tenant
from tests.support.console_client import HOST, Visitor
from tests.support.http_client import Client
from tests.support.world import World


def key_of(tenant: Tenant, *scopes: Scope) -> str:
    if not scopes:
        return str(tenant.client.key)
    return str(tenant.client_with(*scopes).key)


@pytest.fixture
def visitor(tenant: Tenant) -> Visitor:
    """Signed in with a key that may do everything, on the home page."""
    visitor = Visitor()
    visitor.sign_in(key_of(tenant))
    visitor.get("/console")
    return visitor


@pytest.fixture
def operator(admin: Client) -> Visitor:
    visitor = Visitor()
    visitor.sign_in(str(admin.key))
    visitor.get("/console/tenant")
    return visitor


# --- sign-in --------------------------------------------------------------------------------------


def test_a_page_is_shown_after_signing_in_with_a_key(tenant: Tenant) -> None:
    visitor = Visitor()

    asked = visitor.get("/console/types/OrderReceivedEvent?a=b")
    assert (asked.status, asked.headers["location"]) == (
        303,
        "/console/sign-in?next=/console/types/OrderReceivedEvent%3Fa%3Db",
    )
    visitor.get(asked.headers["location"])
    assert 'value="/console/types/OrderReceivedEvent?a=b"' in visitor.page.body
    come = visitor.sign_in(key_of(tenant), next_path="/console/types/OrderReceivedEvent?a=b")

    assert (come.status, come.headers["location"]) == (303, "/console/types/OrderReceivedEvent?a=b")
    assert visitor.get("/console").status == 200
    assert tenant.id in visitor.text


@pytest.mark.parametrize("key", ["", "phk_1", "phk_01HZZZZZZZZZZZZZZZZZZZZZZZ_" + "0" * 64])
def test_a_wrong_key_is_refused_at_its_field_and_not_repeated(shared: World, key: str) -> None:
    visitor = Visitor()

    answer = visitor.sign_in(key)

    assert answer.status == 403
    assert "not a valid API key" in visitor.text
    assert 'aria-invalid="true"' in answer.body
    assert not key or key not in answer.body
    assert answer.cookies == ()


def test_a_key_that_may_only_publish_is_refused_with_the_missing_scope(tenant: Tenant) -> None:
    visitor = Visitor()

    answer = visitor.sign_in(key_of(tenant, Scope.EVENTS_WRITE))

    assert (answer.status, answer.cookies) == (403, ())
    assert "config:read or logs:read" in visitor.text


def test_the_cookie_is_for_this_console_and_no_script(tenant: Tenant) -> None:
    (cookie,) = Visitor().sign_in(key_of(tenant)).cookies

    told = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/console", "secure"} <= told


@pytest.mark.parametrize("host", ["127.0.0.1:8600", "localhost", "[::1]:8600"])
def test_a_local_stack_without_https_gets_a_cookie(tenant: Tenant, host: str) -> None:
    form = {"key": key_of(tenant)}

    (cookie,) = Visitor().send("/console/sign-in", form, host=host).cookies

    assert "secure" not in cookie.lower()


def test_signing_in_always_makes_a_new_session(tenant: Tenant) -> None:
    planted = "f" * 64
    visitor = Visitor(cookies={"posthorn_session": planted})

    visitor.sign_in(key_of(tenant))
    first = visitor.cookies["posthorn_session"]
    visitor.sign_in(key_of(tenant))

    assert len({planted, first, visitor.cookies["posthorn_session"]}) == 3
    assert Visitor(cookies={"posthorn_session": planted}).get("/console").status == 303


def test_the_id_of_a_session_is_in_no_table(tenant: Tenant, visitor: Visitor) -> None:
    session_id = visitor.cookies["posthorn_session"]

    rows = tenant.world.dynamodb.scan(TableName=tenant.world.settings.log_table_name)["Items"]

    assert rows
    assert session_id not in str(rows)


def test_signing_out_ends_the_session_also_for_who_copied_the_cookie(visitor: Visitor) -> None:
    thief = Visitor(cookies=dict(visitor.cookies))

    gone = visitor.send("/console/sign-out")

    assert gone.headers["location"] == "/console/sign-in"
    assert thief.get("/console").status == 303
    visitor.get("/console/sign-in")
    assert "You have signed out." in visitor.text


def test_a_flash_message_is_shown_once(visitor: Visitor) -> None:
    visitor.send("/console/sign-out")
    visitor.get("/console/sign-in")

    visitor.get("/console/sign-in")

    assert "You have signed out." not in visitor.text


def test_deleting_the_key_ends_its_sessions(tenant: Tenant, visitor: Visitor) -> None:
    key_id = key_of(tenant).rpartition("_")[0]

    tenant.world.access.delete_key(key_id)

    assert visitor.get("/console").status == 303


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/console/../\\evil.example",
        "/consolevil",
        "/console@evil.example",
        "javascript:alert(1)",
        "/console\r\nset-cookie: a=b",
        "/v1/endpoints",
    ],
)
def test_signing_in_redirects_only_within_the_console(tenant: Tenant, elsewhere: str) -> None:
    answer = Visitor().sign_in(key_of(tenant), next_path=elsewhere)

    assert answer.headers["location"] == "/console"


def test_a_link_from_another_site_finds_the_session_all_the_same(visitor: Visitor) -> None:
    """The browser omits the strict cookie; a page of ours repeats the request with it."""
    by_link = Visitor().get("/console/types/JobCompletedEvent?x=1", sec_fetch_site="cross-site")

    assert by_link.status == 200
    assert 'content="0;url=/console/types/JobCompletedEvent?x=1"' in by_link.body
    assert visitor.get("/console/types/JobCompletedEvent?x=1").status == 200


# --- forms of others ------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "x", "é" * 64, "0" * 64])
def test_a_form_without_the_token_of_its_session_does_nothing(visitor: Visitor, token: str) -> None:
    answer = visitor.send("/console/sign-out", {"csrf": token})

    assert answer.status == 403
    assert visitor.get("/console").status == 200


def test_a_token_of_another_session_is_refused(visitor: Visitor, stranger: Tenant) -> None:
    other = Visitor()
    other.sign_in(key_of(stranger))
    other.get("/console")

    assert visitor.send("/console/sign-out", {"csrf": other.token}).status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
        {"sec_fetch_site": "", "origin": "https://evil.example"},
        {"sec_fetch_site": "", "origin": "null"},
        {"sec_fetch_site": "cross-site", "origin": f"https://{HOST}"},
    ],
)
def test_a_form_of_another_site_does_nothing(visitor: Visitor, headers: dict[str, str]) -> None:
    assert visitor.send("/console/sign-out", **headers).status == 403
    assert visitor.send("/console/sign-in", {"key": "phk_1"}, **headers).status == 403
    assert visitor.get("/console").status == 200


def test_a_browser_that_sends_only_the_origin_is_accepted(visitor: Visitor) -> None:
    gone = visitor.send("/console/sign-out", sec_fetch_site="", origin=f"https://{HOST}")

    assert gone.status == 303


def test_a_body_that_is_not_a_form_is_refused(visitor: Visitor) -> None:
    assert visitor.send("/console/sign-out", content_type="application/json").status == 415
    assert visitor.send("/console/sign-out", {"a": "x" * 1024 * 1024}).status == 413
    assert visitor.send("/console/sign-out", {str(n): "" for n in range(3000)}).status == 400


def test_a_form_sent_after_the_session_ended_says_that_nothing_was_changed(
    tenant: Tenant, visitor: Visitor
) -> None:
    tenant.world.access.delete_key(key_of(tenant).rpartition("_")[0])

    answer = visitor.send("/console/sign-out")
    visitor.get(answer.headers["location"])

    assert "Your session has ended. Nothing was changed." in visitor.text


# --- tenants --------------------------------------------------------------------------------------


def test_an_admin_chooses_a_tenant_and_then_gets_the_requested_page(
    operator: Visitor, tenant: Tenant
) -> None:
    asked = operator.get("/console/types/JobCompletedEvent")
    assert asked.headers["location"] == "/console/tenant?next=/console/types/JobCompletedEvent"

    chosen = operator.send("/console/tenant", {"tenant": tenant.id, "next": "/console/types/X"})

    assert chosen.headers["location"] == "/console/types/X"
    operator.get("/console")
    assert f"Tenant {tenant.id} Switch" in operator.text


@pytest.mark.parametrize("named", ["", "no-such-tenant", "A#B", "x" * 3000])
def test_a_tenant_that_is_not_there_cannot_be_chosen(operator: Visitor, named: str) -> None:
    assert operator.send("/console/tenant", {"tenant": named}).status == 404
    assert operator.get("/console").status == 303


def test_only_an_admin_can_switch_to_another_tenant(visitor: Visitor, stranger: Tenant) -> None:
    endpoint = stranger.world.endpoint("theirs", tenant=stranger.id)

    assert visitor.get("/console/tenant").status == 403
    assert visitor.send("/console/tenant", {"tenant": stranger.id}).status == 403
    visitor.get("/console")
    visitor.get(f"/console?tenant={stranger.id}", posthorn_tenant=stranger.id)
    assert stranger.id not in visitor.text
    assert endpoint.id not in visitor.page.body


def test_a_form_that_was_opened_for_one_tenant_does_nothing_for_another(
    operator: Visitor, tenant: Tenant, stranger: Tenant
) -> None:
    operator.send("/console/tenant", {"tenant": tenant.id})
    operator.get("/console/tenant")
    token = operator.token
    operator.send("/console/tenant", {"tenant": stranger.id})

    answer = operator.send("/console/tenant", {"tenant": tenant.id, "csrf": token})

    assert answer.status == 403
    assert "out of date" in operator.text


def test_an_admin_whose_tenant_was_deleted_chooses_again(operator: Visitor, shared: World) -> None:
    passing = new_tenant(shared)
    operator.send("/console/tenant", {"tenant": passing.id})

    shared.tenancy.delete(passing.id)

    assert operator.get("/console").headers["location"].startswith("/console/tenant")


# --- scopes of a key -----------------------------------------------------------------------------


def test_pages_and_buttons_are_those_that_the_key_allows(tenant: Tenant) -> None:
    reader, logs = Visitor(), Visitor()
    reader.sign_in(key_of(tenant, Scope.CONFIG_READ))
    logs.sign_in(key_of(tenant, Scope.LOGS_READ))

    reader.get("/console")
    assert "Set up" not in reader.text
    assert 'href="/console/log"' not in reader.page.body
    assert logs.get("/console").headers["location"] == "/console/log"
    assert logs.get("/console/types/JobCompletedEvent").status == 403
    assert "config:read" in logs.text


# --- headers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/console", "/console/sign-in", "/console/no-such-page"])
def test_a_page_is_not_cached_not_framed_and_runs_no_foreign_script(
    visitor: Visitor, path: str
) -> None:
    headers = visitor.get(path).headers

    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert " style=" not in visitor.page.body
    assert "<style" not in visitor.page.body
    assert " on" not in {part[:3] for part in visitor.page.body.split("<") if "=" in part[:3]}


def test_only_the_origins_of_a_session_may_frame_it(tenant: Tenant) -> None:
    caller = tenant.world.access.caller(f"Bearer {key_of(tenant)}")
    assert caller
    _, session_id = wiring.sessions().begin(caller, frame_origins=("https://shop.example",))
    framed = Visitor(cookies={"posthorn_session": session_id})

    policy = framed.get("/console").headers["content-security-policy"]

    assert "frame-ancestors https://shop.example" in policy


def test_assets_are_kept_for_good_under_their_content(visitor: Visitor) -> None:
    (stylesheet,) = {
        part.partition('"')[0]
        for part in visitor.page.body.split('href="')
        if part.startswith("/console/assets/") and ".css" in part.partition('"')[0]
    }

    asset = Visitor().get(stylesheet)

    assert asset.status == 200
    assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert asset.headers["content-type"] == "text/css; charset=utf-8"
    stale = Visitor().get("/console/assets/0/posthorn.css")
    assert (stale.status, stale.headers["cache-control"]) == (200, "no-cache")
    for nothing in ("x", "0/none.css", "0/../handler.py", "0/..%2fhandler.py"):
        assert Visitor().get(f"/console/assets/{nothing}").status == 404


def test_the_bare_address_leads_to_the_console(shared: World) -> None:
    assert Visitor().get("/").headers["location"] == "/console"
