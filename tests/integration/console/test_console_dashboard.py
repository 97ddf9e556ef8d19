"""The dashboard shows the numbers that the statistics have, drawn and as a table."""

import re

from posthorn import wiring
from posthorn.egress.http_client import AttemptResult, Request
from posthorn.models import Scope
from tests.integration.conftest import Tenant
from tests.support.console_client import Visitor
from tests.support.world import answered

HOSTILE = '<script>alert("x")</script>'


def visitor_of(tenant: Tenant, *scopes: Scope) -> Visitor:
    visitor = Visitor()
    client = tenant.client_with(*scopes) if scopes else tenant.client
    visitor.sign_in(str(client.key))
    return visitor


def failing(_: Request) -> AttemptResult:
    return answered(500)


def busy(tenant: Tenant) -> None:
    """Three deliveries of today: two succeed, one used up its retries."""
    world = tenant.world
    world.now = wiring.now()
    never = {"kind": "schedule", "delays_seconds": []}
    world.endpoint("steady", tenant.id)
    bad = world.endpoint(HOSTILE, tenant.id, url="http://bad.example.com/", retry=never)
    world.configuration.change(tenant.id, bad.id, {"event_types": ["JobCompletedEvent"]}, by="me")
    world.answers[bad.url] = failing
    job = {"type": "JobCompletedEvent", "data": {"ClientId": 1, "JobId": 1, "StatusId": 2}}
    world.publish(job, tenant=tenant.id)
    world.publish(tenant=tenant.id)
    world.take_events()
    world.count()


def test_without_deliveries_it_explains_the_first_steps(tenant: Tenant) -> None:
    visitor = visitor_of(tenant)

    assert visitor.get("/console/dashboard").status == 200
    assert "Nothing was delivered in this time" in visitor.text


def test_numbers_are_in_tiles_charts_and_the_table(tenant: Tenant) -> None:
    busy(tenant)
    visitor = visitor_of(tenant)

    page = visitor.get("/console/dashboard")

    assert page.status == 200
    assert len(page.body) < 100_000
    for words in ("Deliveries 3", "Succeeded 66.7 %", "Dead 1", "2 succeeded, 1 dead"):
        assert words in visitor.text
    row = re.search(r"<tr><th scope=\"row\">\d+ \w+ \d\d:00</th>(.*?)</tr>", page.body)
    assert row
    assert re.findall(r">(\d+)</td>", row[1])[:5] == ["3", "2", "0", "0", "1"]
    assert 'class="bar-of bad"' in page.body


def test_text_of_a_tenant_is_escaped(tenant: Tenant) -> None:
    busy(tenant)

    page = visitor_of(tenant).get("/console/dashboard")

    assert HOSTILE not in page.body
    assert "&lt;script&gt;" in page.body


def test_the_events_show_their_last_24_hours(tenant: Tenant) -> None:
    busy(tenant)
    visitor = visitor_of(tenant)

    home = visitor.get("/console").body
    job = next(row for row in home.split("<tr>") if "/console/types/JobCompletedEvent" in row)
    visitor.get("/console/types/JobCompletedEvent")

    assert '<svg class="spark"' in job
    for words in ("2 deliveries", "50 %", "2 warnings"):
        assert words in job
        assert words in visitor.text


def test_other_times_are_asked_for_in_the_address_and_nonsense_is_the_last_day(
    tenant: Tenant,
) -> None:
    busy(tenant)
    visitor = visitor_of(tenant)

    for chosen in ("7d", "31d", "nonsense", ""):
        assert visitor.get(f"/console/dashboard?range={chosen}").status == 200
        assert "Deliveries 3" in visitor.text


def test_a_stranger_sees_nothing_of_it_and_a_key_without_the_log_is_refused(
    tenant: Tenant, stranger: Tenant
) -> None:
    busy(tenant)

    visitor = visitor_of(stranger)
    visitor.get("/console/dashboard")
    assert "steady" not in visitor.text
    assert visitor_of(tenant, Scope.CONFIG_READ).get("/console/dashboard").status == 403
