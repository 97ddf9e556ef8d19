"""Portal links: access to the console for a customer of the platform, as one tenant."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from posthorn import wiring
from posthorn.core.errors import ForbiddenError
from posthorn.models import Scope
from tests.integration.conftest import Tenant
from tests.support.console_client import Visitor
from tests.support.http_client import Answer, Client

SITE = "https://admin.shop.example.com"


def link(client: Client, **spec: Any) -> dict[str, Any]:
    answer = client.post("/v1/portal-links", spec)
    assert answer.status == 201, answer.json["code"]
    made: dict[str, Any] = answer.json
    return made


def path_of(made: dict[str, Any]) -> str:
    parts = urlsplit(made["url"])
    return f"{parts.path}?{parts.query}"


def opened(made: dict[str, Any]) -> tuple[Visitor, Answer]:
    """A browser that follows the link from the platform's site."""
    visitor = Visitor()
    return visitor, visitor.get(path_of(made), sec_fetch_site="cross-site")


def test_a_link_lets_its_tenant_in_and_goes_on_to_the_events(tenant: Tenant) -> None:
    made = link(tenant.client)
    visitor, come = opened(made)

    assert (come.status, made["tenant"], made["access"]) == (200, tenant.id, "read_only")
    assert 'content="0;url=/console"' in come.body
    assert "samesite=strict" in come.cookies[0].lower()
    assert visitor.get("/console").status == 200
    assert tenant.id in visitor.text
    assert "Switch" not in visitor.text


def test_a_read_only_link_shows_everything_and_changes_nothing(tenant: Tenant) -> None:
    visitor, _ = opened(link(tenant.client))

    visitor.get("/console")

    assert "Read only" in visitor.text
    assert "New endpoint" not in visitor.text


def test_a_full_link_has_the_scopes_of_its_key_without_publishing_and_other_tenants(
    tenant: Tenant, stranger: Tenant, admin: Client
) -> None:
    acting = Client(admin.key, {"posthorn-tenant": tenant.id})
    visitor, _ = opened(link(acting, access="full"))

    visitor.get("/console")
    assert "New endpoint" in visitor.text
    assert visitor.get("/console/tenant").status == 403
    assert visitor.send("/console/tenant", {"tenant": stranger.id}).status == 403
    visitor.get("/console")
    assert stranger.id not in visitor.text


def test_a_link_allows_no_more_than_the_key_that_made_it(tenant: Tenant) -> None:
    client = tenant.client_with(Scope.CONFIG_READ, Scope.CONFIG_WRITE)
    visitor, _ = opened(link(client, access="full"))

    assert visitor.get("/console/log").status in (403, 404)
    assert tenant.client_with(Scope.CONFIG_READ).post("/v1/portal-links", {}).status == 403


def test_a_link_ends_and_so_does_the_session_that_it_began(tenant: Tenant) -> None:
    made = link(tenant.client, expires_in_minutes=1, session_minutes=5)
    token = parse_qs(urlsplit(made["url"]).query)["token"][0]
    links = wiring.portal_links()
    a_minute_later = wiring.now() + timedelta(seconds=61)

    session, _ = links.open(token)

    assert session.ends_at - session.seen_at <= timedelta(minutes=5)
    with pytest.raises(ForbiddenError):
        replace(links, now=lambda: a_minute_later).open(token)


def test_a_changed_foreign_or_empty_token_is_refused(tenant: Tenant) -> None:
    token = parse_qs(urlsplit(link(tenant.client)["url"]).query)["token"][0]
    sealed_elsewhere = tenant.world.vault.seal_text("{}", purpose="something-else")

    for wrong in ("", "x", token[:-2], token[:40] + "A" + token[41:], "é", sealed_elsewhere):
        visitor = Visitor()
        answer = visitor.get(f"/console/portal?token={wrong}")
        assert (answer.status, answer.cookies) == (403, ()), wrong[:5]
        assert "not valid any more" in visitor.text


def test_a_link_ends_with_the_key_that_made_it(tenant: Tenant, admin: Client) -> None:
    client = tenant.client_with(Scope.CONFIG_WRITE, Scope.CONFIG_READ)
    made = link(client)
    inside, _ = opened(made)
    admin.delete(f"/v1/api-keys/{str(client.key).rpartition('_')[0]}")

    assert opened(made)[1].status == 403
    assert inside.get("/console").status == 303


def test_only_named_sites_may_show_it_in_a_frame_and_its_cookie_comes_back_there(
    tenant: Tenant,
) -> None:
    visitor, come = opened(link(tenant.client, frame_origins=[SITE]))
    page = visitor.get("/console")
    plain, _ = opened(link(tenant.client))

    for answer in (come, page):
        assert f"frame-ancestors {SITE};" in answer.headers["content-security-policy"] + ";"
    assert {"samesite=none", "secure", "partitioned"} <= {
        part.strip().lower() for part in come.cookies[0].split(";")
    }
    assert "frame-ancestors 'none'" in plain.get("/console").headers["content-security-policy"]


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"frame_origins": ["https://a.example.com; script-src *"]}, "/frame_origins/0"),
        ({"frame_origins": ["https://a.example.com/path"]}, "/frame_origins/0"),
        ({"frame_origins": ["*"]}, "/frame_origins/0"),
        ({"frame_origins": ["http://a.example.com"]}, "/frame_origins/0"),
        ({"expires_in_minutes": 0}, "/expires_in_minutes"),
        ({"session_minutes": 100_000}, "/session_minutes"),
        ({"access": "admin"}, "/access"),
        ({"tenant": "other"}, "/tenant"),
    ],
)
def test_a_link_that_breaks_a_rule_is_refused_at_its_field(
    common: Tenant, spec: dict[str, Any], field: str
) -> None:
    answer = common.client.post("/v1/portal-links", spec)

    assert (answer.status, answer.fields) == (422, [field])


def test_the_token_of_a_link_is_in_no_log_line(
    tenant: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    made = link(tenant.client)
    opened(made)

    logged = [str(vars(record)) for record in caplog.records]

    token = parse_qs(urlsplit(made["url"]).query)["token"][0]
    assert any("portal link made" in line for line in logged)
    assert not [line for line in logged if token in line]
