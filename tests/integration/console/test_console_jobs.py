"""Jobs in the console: counted from the log's filters, started once, watched, paused and ended."""

import html
import re
from datetime import timedelta

import pytest

from posthorn import wiring
from posthorn.deliveries.filters import DeliveryFilter
from posthorn.jobs.model import JobKind
from posthorn.models import Scope
from tests.integration.conftest import Tenant
from tests.support.console_client import Visitor
from tests.support.job_runs import deliver, run_to_end
from tests.support.page_forms import form
from tests.support.world import ORDER, World, answered

JOBS = "/console/jobs"
DEAD = "/console/jobs/new?status=dead"


@pytest.fixture(autouse=True)
def one_clock(shared: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The console uses the world's clock."""
    monkeypatch.setattr(wiring, "now", shared.clock)


@pytest.fixture
def visitor(tenant: Tenant) -> Visitor:
    return signed_in(tenant)


@pytest.fixture
def dead(tenant: Tenant) -> int:
    """How many deliveries of the tenant died, at an endpoint that works again."""
    endpoint = tenant.world.endpoint("erp<b>", tenant=tenant.id, url=f"http://{tenant.id}/erp")
    no_retry = {"retry": {"kind": "schedule", "delays_seconds": []}}
    tenant.world.configuration.change(tenant.id, endpoint.id, no_retry, by="phk_test")
    tenant.world.answers[endpoint.url] = lambda _: answered(500)
    for _ in range(3):
        tenant.world.publish({"type": "OrderReceivedEvent", "data": ORDER}, tenant=tenant.id)
        tenant.world.take_events()
        tenant.world.later(seconds=1)
    tenant.world.answers[endpoint.url] = lambda _: answered(200)
    return 3


def signed_in(tenant: Tenant, *scopes: Scope) -> Visitor:
    visitor = Visitor()
    visitor.sign_in(str((tenant.client_with(*scopes) if scopes else tenant.client).key))
    return visitor


def begun(visitor: Visitor) -> str:
    """Replay the dead deliveries by the form; return the path of the job."""
    visitor.get(DEAD)
    return visitor.send(JOBS, form(visitor.page.body, JOBS).filled()).headers["location"]


def test_the_log_s_filter_is_counted_before_anything_is_sent(
    tenant: Tenant, visitor: Visitor, dead: int
) -> None:
    visitor.get("/console/log?status=dead&range=24h")
    found = re.search(r'href="([^"]*)">Replay these…', visitor.page.body)
    assert found

    visitor.get(html.unescape(found[1]))

    assert f"{dead} deliveries From 23 Nov 2026" in visitor.text
    assert len(tenant.world.sent) >= dead
    visitor.get(JOBS)
    assert "No job yet" in visitor.text


def test_a_replay_is_watched_until_its_end(
    tenant: Tenant, shared: World, visitor: Visitor, dead: int
) -> None:
    path = begun(visitor)
    visitor.get(path)
    assert "The replay has begun." in visitor.text
    assert "Running" in visitor.text
    assert "Dead" not in visitor.text
    assert 'data-live="' in visitor.page.body

    run_to_end(shared, path.rpartition("/")[2])
    visitor.get(f"{path}/live")
    assert "Started 3" in visitor.text
    deliver(shared)
    visitor.get(path)

    assert "dead" in visitor.text  # the filter, in words
    assert str(tenant.client.key).rpartition("_")[0] in visitor.text
    assert '<progress max="3"' in visitor.page.body
    visitor.get(JOBS)
    assert "Replay of 3 deliveries" in visitor.text


def test_the_same_form_sent_twice_is_one_job(visitor: Visitor, dead: int) -> None:
    visitor.get(DEAD)
    filled = form(visitor.page.body, JOBS).filled()

    first, second = (visitor.send(JOBS, filled).headers["location"] for _ in range(2))

    assert first == second


def test_a_job_is_paused_slowed_resumed_and_cancelled(visitor: Visitor, dead: int) -> None:
    path = begun(visitor)
    visitor.get(path)

    for verb, said in (
        ("pause", "Paused. What was put on its way goes on."),
        ("rate", "The rate is changed"),
        ("resume", "It goes on."),
        ("cancel", "Cancelled."),
    ):
        filled = form(visitor.page.body, f"{path}/{verb}").filled()
        changes = {"rate": "0,5"} if verb == "rate" else {}
        assert visitor.send(f"{path}/{verb}", {**filled, **changes}).status == 303
        visitor.get(path)
        assert said in visitor.text
    assert "0.5 a second" in visitor.text
    assert "Cancelled by phk_" in visitor.text
    assert f"{path}/pause" not in visitor.page.body
    assert visitor.send(f"{path}/pause").status == 409
    assert "It has come to its end meanwhile." in visitor.text


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "needs at least one field"),
        ("?q=anna", "a text is not what a replay goes by"),
        ("?status=lost", "is none of"),
        ("?endpoint=<script>", "is not the id of an endpoint"),
    ],
)
def test_a_replay_that_cannot_start_is_explained(common: Tenant, query: str, words: str) -> None:
    visitor = signed_in(common)

    assert visitor.get(f"{JOBS}/new{query}").status == 422

    assert words in visitor.text
    assert "<script>" not in visitor.page.body.replace("<script src", "")


def test_a_rate_out_of_bounds_is_refused_at_its_field(visitor: Visitor, dead: int) -> None:
    for rate in ("0", "101", "nan", "fast", ""):
        visitor.get(DEAD)
        filled = form(visitor.page.body, JOBS).filled(rate=rate)
        assert visitor.send(JOBS, filled).status == 422
        assert "is a number from 0.1 to 100" in visitor.text
    visitor.get(JOBS)
    assert "No job yet" in visitor.text


def test_a_read_only_key_sees_jobs_and_no_actions(
    tenant: Tenant, visitor: Visitor, dead: int
) -> None:
    path = begun(visitor)
    reader = signed_in(tenant, Scope.LOGS_READ)

    assert reader.get(path).status == 200
    assert f'action="{path}' not in reader.page.body
    assert reader.get("/console/log?status=dead").status == 200
    assert "Replay these" not in reader.text
    assert reader.get(DEAD).status == reader.send(f"{path}/cancel").status == 403
    assert signed_in(tenant, Scope.CONFIG_READ, Scope.DELIVERIES_WRITE).get(DEAD).status == 403


def test_every_kind_of_job_has_its_page(tenant: Tenant, visitor: Visitor, dead: int) -> None:
    wanted = DeliveryFilter(since=tenant.world.now - timedelta(days=1))
    for kind in JobKind:
        job = tenant.world.jobs.start(tenant.id, kind, wanted, rate_per_second=10, by="phk_test")
        assert visitor.get(f"{JOBS}/{job.id}").status == 200
        assert f"{kind.capitalize()} of" in visitor.text


def test_another_tenant_s_job_is_not_there(stranger: Tenant, visitor: Visitor, dead: int) -> None:
    path = begun(visitor)
    other = signed_in(stranger)

    other.get(JOBS)
    assert "No job yet" in other.text
    token = {"csrf": other.token}
    for each in (path, f"{path}/live"):
        assert other.get(each).status == 404
    for verb in ("pause", "resume", "cancel"):
        assert other.send(f"{path}/{verb}", token).status == 404
