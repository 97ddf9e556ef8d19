"""An export: the deliveries of a time range as lines of JSON, in files with signed links."""

import gzip
import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from posthorn import wiring
from posthorn.core.errors import PosthornError
from posthorn.deliveries.filters import DeliveryFilter
from posthorn.jobs import export as exporting
from posthorn.jobs import model as job
from posthorn.jobs.model import JobKind
from posthorn.jobs.runner import JobRun
from posthorn.models import Scope, iso
from tests.integration.api_calls import endpoint_of, published
from tests.integration.conftest import Tenant
from tests.support.faults import Died, Fault, failing
from tests.support.http_client import Answer
from tests.support.job_runs import run_to_end, started
from tests.support.template_facts import properties
from tests.support.world import World

Document = dict[str, Any]


@pytest.fixture(scope="module", autouse=True)
def one_clock(shared: World) -> Iterator[None]:
    """The API uses the world's clock."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wiring, "now", shared.clock)
        yield


def export(tenant: Tenant, **fields: Any) -> Answer:
    """Start an export of the deliveries recorded before now."""
    tenant.world.later(seconds=1)
    wanted = {"until": iso(tenant.world.now), **fields}
    return tenant.client.post("/v1/jobs", {"kind": "export", "filter": wanted})


def run(tenant: Tenant, answer: Answer) -> Document:
    """Run the whole job; return it as it is then."""
    assert answer.status == 201, answer.body
    run_to_end(tenant.world, answer.json["id"])
    return read(tenant, answer.json["id"])


def read(tenant: Tenant, job_id: str) -> Document:
    found: Document = tenant.client.get(f"/v1/jobs/{job_id}").json
    return found


def stored(tenant: Tenant, job_id: str, name: str) -> bytes:
    key = f"exports/{tenant.id}/{job_id}/{name}"
    content: bytes = tenant.world.s3.get_object(Bucket="exports", Key=key)["Body"].read()
    return content


def lines(tenant: Tenant, done: Document) -> list[Document]:
    return [
        json.loads(line)
        for part in done["export"]["parts"]
        for line in gzip.decompress(stored(tenant, done["id"], part["name"])).splitlines()
    ]


def test_an_export_has_a_line_for_each_delivery_with_its_event(tenant: Tenant) -> None:
    good, bad = endpoint_of(tenant, "good"), endpoint_of(tenant, "bad", answers=500)
    event_id = published(tenant)

    done = run(tenant, export(tenant))

    found = {each["delivery"]["endpoint_id"]: each for each in lines(tenant, done)}
    assert set(found) == {good.id, bad.id}
    line = found[bad.id]
    whole = tenant.client.get(f"/v1/events/{event_id}").json
    seen = tenant.client.get(f"/v1/deliveries/{line['delivery']['id']}").json
    assert line["delivery"] == seen
    assert line["delivery"]["attempts"][0]["response"]["body"] == "as you wish"
    assert line["event"]["data"] == whole["data"]
    assert [each["verdict"] for each in line["event"]["decisions"]] == ["matched", "matched"]
    assert (done["status"], done["matched"], done["started"]) == ("completed", 2, 2)
    assert (done["succeeded"], done["left"], done["failed"]) == (2, 0, 0)


def test_an_export_is_cut_into_parts_that_its_manifest_lists(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "MAX_BATCH_SIZE", 2)
    endpoint_of(tenant)
    ids = [published(tenant) for _ in range(5)]

    done = run(tenant, export(tenant))

    parts = done["export"]["parts"]
    assert [part["lines"] for part in parts] == [2, 2, 1]
    for part in parts:
        content = stored(tenant, done["id"], part["name"])
        assert hashlib.sha256(content).hexdigest() == part["sha256"]
        assert len(content) == part["size_bytes"]
    manifest = json.loads(stored(tenant, done["id"], "manifest.json"))
    assert (manifest["lines"], manifest["job_id"]) == (5, done["id"])
    assert [part["sha256"] for part in manifest["parts"]] == [part["sha256"] for part in parts]
    assert [each["event"]["id"] for each in lines(tenant, done)] == ids


@pytest.mark.parametrize("by", ["endpoint", "event_type", "status", "since"])
def test_an_export_is_chosen_by_filters(tenant: Tenant, by: str) -> None:
    other = endpoint_of(tenant, "other", answers=500)
    published(tenant, "JobCompletedEvent" if by == "event_type" else "OrderReceivedEvent")
    tenant.client.patch(f"/v1/endpoints/{other.id}", {"status": "disabled"})
    tenant.world.later(minutes=1)
    endpoint = endpoint_of(tenant, "erp")
    event_id = published(tenant)
    values = {
        "endpoint": endpoint.id,
        "event_type": "OrderReceivedEvent",
        "status": "succeeded",
        "since": iso(tenant.world.now),
    }

    done = run(tenant, export(tenant, **{by: values[by]}))

    assert [each["event"]["id"] for each in lines(tenant, done)] == [event_id]


def test_the_deliveries_of_a_deleted_endpoint_are_exported_under_its_name(tenant: Tenant) -> None:
    endpoint = endpoint_of(tenant)
    published(tenant)
    tenant.client.delete(f"/v1/endpoints/{endpoint.id}")

    done = run(tenant, export(tenant))

    assert [each["delivery"]["endpoint_name"] for each in lines(tenant, done)] == [endpoint.name]
    assert done["matched"] == 1


def test_an_erased_event_is_exported_without_its_payload(tenant: Tenant) -> None:
    endpoint_of(tenant)
    event_id = published(tenant)
    tenant.client.delete(f"/v1/events/{event_id}/payload")

    (line,) = lines(tenant, run(tenant, export(tenant)))

    assert line["event"]["data"] is None
    assert line["event"]["erased_by"].startswith("phk_")
    assert line["delivery"]["body"] is None


def test_secrets_are_masked_in_an_export(tenant: Tenant) -> None:
    endpoint_of(tenant, auth={"kind": "bearer", "token": "s3cret-token"})
    published(tenant)

    (line,) = lines(tenant, run(tenant, export(tenant)))

    assert "s3cret-token" not in json.dumps(line)
    assert line["delivery"]["attempts"][0]["request"]["headers"]["authorization"] == "••••"


def test_an_export_of_nothing_is_a_manifest(tenant: Tenant) -> None:
    done = run(tenant, export(tenant))

    assert (done["status"], done["export"]["parts"]) == ("completed", [])
    assert json.loads(stored(tenant, done["id"], "manifest.json"))["lines"] == 0


def test_links_lead_to_the_files_for_a_while(tenant: Tenant) -> None:
    endpoint_of(tenant)
    published(tenant)

    export_ = run(tenant, export(tenant))["export"]

    urls = [export_["manifest_url"], *(part["url"] for part in export_["parts"])]
    assert all("X-Amz-Expires=900" in url and "eu-north-1" in url for url in urls)


def test_a_job_in_a_list_shows_no_links(tenant: Tenant) -> None:
    done = run(tenant, export(tenant))

    (listed,) = tenant.client.get("/v1/jobs").json["items"]

    assert "export" not in listed
    assert listed["id"] == done["id"]


def test_an_export_needs_the_scope_to_read_its_content(tenant: Tenant) -> None:
    body = {"kind": "export", "filter": {"status": "dead"}}

    refused = tenant.client_with(Scope.DELIVERIES_WRITE).post("/v1/jobs", body)

    assert (refused.status, refused.json["code"]) == (403, "forbidden")
    assert Scope.LOGS_READ in refused.json["detail"]


def test_another_tenant_cannot_read_the_export(tenant: Tenant, stranger: Tenant) -> None:
    done = run(tenant, export(tenant))

    assert stranger.client.get(f"/v1/jobs/{done['id']}").status == 404


def test_a_cancelled_export_writes_no_more(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "MAX_BATCH_SIZE", 1)
    endpoint_of(tenant)
    published(tenant)
    published(tenant)
    job_id = export(tenant).json["id"]
    tenant.world.stepping.step(started(tenant.world, job_id)[-1])

    tenant.client.post(f"/v1/jobs/{job_id}/cancel")
    run_to_end(tenant.world, job_id)

    after = read(tenant, job_id)
    assert (after["status"], after["started"]) == ("cancelled", 1)
    assert [part["lines"] for part in after["export"]["parts"]] == [1]
    assert after["export"]["manifest_url"] is None


@pytest.mark.parametrize("fault", Fault)
def test_a_failure_at_any_call_of_a_step_leaves_each_delivery_in_one_line(
    tenant: Tenant, fault: Fault
) -> None:
    """Step Functions takes the step again."""
    world = tenant.world
    wanted = DeliveryFilter(endpoint_ids=(endpoint_of(tenant).id,))
    ids = [published(tenant), published(tenant)]
    world.later(seconds=1)
    call, reached = 0, True
    while reached:
        call += 1
        made_job = world.jobs.start(
            tenant.id, JobKind.EXPORT, wanted, rate_per_second=10, by="phk_ops"
        )
        run = JobRun(tenant=tenant.id, job_id=made_job.id, run=1)
        with failing(world, {call: fault}) as made, suppress(Died, PosthornError):
            world.stepping.step(run)
        reached = len(made) >= call

        assert world.stepping.step(run).run.done

        done, _ = world.jobs.job(tenant.id, made_job.id)
        assert (done.status, done.matched, done.started) == ("completed", 2, 2)
        (part,) = world.exporting.store.parts(done)
        content = stored(tenant, done.id, part.name)
        found = map(json.loads, gzip.decompress(content).splitlines())
        assert [each["event"]["id"] for each in found] == ids
        manifest = json.loads(stored(tenant, done.id, "manifest.json"))
        assert [each["sha256"] for each in manifest["parts"]] == [part.sha256]
        assert hashlib.sha256(content).hexdigest() == part.sha256
    assert call > 12


def test_links_end_before_the_bucket_deletes_the_files() -> None:
    (rule,) = properties("ExportBucket")["LifecycleConfiguration"]["Rules"]

    assert timedelta(days=rule["ExpirationInDays"]) == exporting.RETENTION
