"""Attacks on the pages of the console. Every route is tried, including new ones."""

import re
from dataclasses import dataclass

import pytest

from console.site import ROUTES
from console.web.routing import Route
from tests.integration.conftest import Tenant
from tests.support.console_client import Visitor
from tests.support.http_client import Client
from tests.support.world import ORDER, World, answered

EVIL = "<script>alert('1')</script>\"><img src=x onerror=alert(1)>&amp;"
ALIVE = ("<script>alert", "<img src=x", '"><img')
TYPE = "EvilEvent"
SIGNED_IN = [each for each in ROUTES if isinstance(each, Route)]
QUERIES = {"/console/jobs/new": "?status=retrying"}  # of pages that need one
FOR_OPERATORS = "/console/tenant"


@dataclass(frozen=True)
class Lived:
    """A tenant with an attack in every text that a user or an endpoint can write."""

    tenant: Tenant
    ids: dict[str, str]  # by the folder of the page

    def path(self, route: Route) -> str:
        """Of its thing, for a route such as `/console/endpoints/{id}/history/{version}`."""
        path = route.pattern.pattern
        folder = path.split("/")[2] if path.count("/") > 1 else ""
        path = re.sub(r"\(\?P<(?:id|name)>[^)]*\)", self.ids.get(folder, "none"), path)
        return re.sub(r"\(\?P<\w+>[^)]*\)", "1", path)

    @property
    def state(self) -> tuple[object, ...]:
        return (
            self.tenant.world.config.endpoints(self.tenant.id),
            self.tenant.world.deliveries(self.tenant.id),
        )


def name_of(route: Route) -> str:
    return re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", route.pattern.pattern)


def routes(method: str) -> pytest.MarkDecorator:
    found = [each for each in SIGNED_IN if each.method == method]
    return pytest.mark.parametrize("route", found, ids=name_of)


@pytest.fixture(scope="module")
def lived(shared: World, common: Tenant) -> Lived:
    tenant = common
    shared.tenancy.put(tenant.id, name=EVIL)
    _, operator = shared.access.create_key(name=EVIL, tenant=None, scopes=["admin"], by="me")
    described = {
        "category": EVIL[:40],
        "description": EVIL,
        "schema": {"type": "object", "properties": {"Email": {"description": EVIL}}},
        "example": {"Email": EVIL},
    }
    assert Client(operator).put(f"/v1/event-types/{TYPE}", described).status in (200, 201)
    endpoint = shared.endpoint(
        EVIL,
        tenant=tenant.id,
        url="http://evil.example.com/?<script>alert('1')</script>",
        description=EVIL,
        headers={"x-shop": EVIL},
        metadata={EVIL[:40]: EVIL},
        condition="data.Email != '<script>alert(2)</script>'",
        retry={"kind": "schedule", "delays_seconds": [5]},
    )
    evil = answered(500, body=EVIL)
    evil.response.headers["x-evil"] = EVIL
    shared.answers[endpoint.url] = lambda _: evil
    shared.configuration.change(tenant.id, endpoint.id, {"name": f"{EVIL}!"}, by="phk_test")
    event = {"type": TYPE, "id": EVIL, "data": {**ORDER, "Email": EVIL}}
    accepted = tenant.client.post("/v1/events", event).json
    shared.take_events()
    (delivery,) = shared.deliveries(tenant.id)
    job = tenant.client.post("/v1/jobs", {"kind": "replay", "filter": {"status": "dead"}}).json
    return Lived(
        tenant,
        {
            "types": TYPE,
            "endpoints": endpoint.id,
            "events": accepted["id"],
            "deliveries": delivery.id,
            "jobs": job["id"],
        },
    )


@pytest.fixture
def visitor(lived: Lived) -> Visitor:
    return signed_in(lived.tenant)


def signed_in(tenant: Tenant) -> Visitor:
    visitor = Visitor()
    visitor.sign_in(str(tenant.client.key))
    visitor.get("/console")
    return visitor


@routes("GET")
def test_foreign_text_is_escaped_and_not_cached(
    lived: Lived, visitor: Visitor, route: Route
) -> None:
    answer = visitor.get(lived.path(route) + QUERIES.get(name_of(route), ""))

    assert answer.status == (403 if name_of(route) == FOR_OPERATORS else 200)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    if answer.headers["content-type"].startswith("text/html"):
        assert not [each for each in ALIVE if each in answer.body]
        assert "&lt;script&gt;alert" in answer.body or "<main" not in answer.body
    else:  # a download is unchanged, and no browser renders it
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["content-disposition"].startswith("attachment;")


@routes("GET")
def test_every_page_needs_a_session(lived: Lived, route: Route) -> None:
    for visitor in (Visitor(), Visitor(cookies={"posthorn_session": "f" * 64})):
        answer = visitor.get(lived.path(route))

        assert answer.status == 303
        assert answer.headers["location"].startswith("/console/sign-in?next=")
        assert answer.headers["cache-control"] == "no-store"


@routes("POST")
def test_a_form_does_nothing_without_its_token_or_from_elsewhere(
    lived: Lived, visitor: Visitor, route: Route
) -> None:
    path, before = lived.path(route), lived.state

    forged = visitor.send(path, {"csrf": "0" * 64, "status": "paused", "do": "save"})
    elsewhere = visitor.send(path, {"status": "paused"}, sec_fetch_site="cross-site")
    nobody = Visitor().send(path, {"status": "paused"})

    assert (forged.status, elsewhere.status, nobody.status) == (403, 403, 303)
    assert nobody.headers["location"].startswith("/console/sign-in")
    assert lived.state == before
    assert visitor.get("/console").status == 200


@pytest.mark.parametrize(
    "route", [each for each in SIGNED_IN if "(?P<id>" in each.pattern.pattern], ids=name_of
)
def test_an_id_of_another_tenant_finds_nothing(
    lived: Lived, stranger: Tenant, route: Route
) -> None:
    visitor, before = signed_in(stranger), lived.state
    path = lived.path(route)

    answer = visitor.get(path) if route.method == "GET" else visitor.send(path, {"version": "2"})

    assert answer.status == 404
    assert "alert" not in visitor.page.body
    assert lived.state == before


@pytest.mark.parametrize("elsewhere", ["https://evil.example", "//evil.example", "/\\evil.example"])
def test_no_choice_of_a_tenant_leads_out_of_the_console(
    shared: World, lived: Lived, elsewhere: str
) -> None:
    _, key = shared.access.create_key(name="ops", tenant=None, scopes=["admin"], by="me")
    operator = Visitor()
    operator.sign_in(key)
    page = operator.get(f"/console/tenant?next={elsewhere}")

    chosen = operator.send("/console/tenant", {"tenant": lived.tenant.id, "next": elsewhere})

    assert not [each for each in ALIVE if each in page.body]
    assert EVIL in operator.text
    assert "evil.example" not in page.body
    assert chosen.headers["location"] == "/console"
