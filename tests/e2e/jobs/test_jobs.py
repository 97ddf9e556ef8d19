"""Replay, drain and repair on the running stack: by API, Step Functions, queue and stream."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from posthorn.models import iso
from tests.e2e.flow import Flow, after, new_flow
from tests.e2e.stack import Running, eventually

Job = dict[str, Any]


def dead_ones(stack: Running, behaviour: str, count: int) -> tuple[Flow, list[str]]:
    flow = new_flow(stack, behaviour, retry=after())
    ids = [flow.publish() for _ in range(count)]
    for event_id in ids:
        flow.until(event_id, "dead")
    return flow, ids


def start(flow: Flow, *, rate: float = 100, **wanted: str) -> Job:
    body = {"kind": "replay", "filter": wanted, "rate_per_second": rate}
    started: Job = flow.api.call("POST", "/v1/jobs", body=body)
    return started


def until(flow: Flow, job: Job, **fields: Any) -> Job:
    """Wait until the job has these fields, among others."""

    def there() -> Job:
        found: Job = flow.api.call("GET", f"/v1/jobs/{job['id']}")
        return found if fields.items() <= found.items() else {}

    return eventually(there, within_seconds=40)


def test_a_replay_delivers_dead_deliveries_and_shows_its_progress(stack: Running) -> None:
    flow, ids = dead_ones(stack, "/fail/1", 3)
    counted = flow.api.call("POST", "/v1/jobs/count", body={"filter": {"status": "dead"}})
    assert (counted["matched"], counted["complete"]) == (3, True)

    job = start(flow, status="dead")

    done = until(flow, job, status="completed")
    assert (done["matched"], done["started"], done["succeeded"], done["left"]) == (3, 3, 3, 0)
    for event_id in ids:
        delivery = flow.until(event_id, "succeeded")
        assert [each["trigger"] for each in delivery["attempts"]] == ["first", "replay"]
        assert delivery["job_id"] == job["id"]
        assert len(flow.came_of(event_id)) == 2
    again = start(flow, status="succeeded")
    assert until(flow, again, status="completed")["succeeded"] == 3
    of_one = start(flow, event_id=ids[0])
    assert until(flow, of_one, status="completed")["succeeded"] == 1


def test_a_drain_delivers_held_deliveries_and_survives_the_loss_of_its_execution(
    stack: Running,
) -> None:
    flow = new_flow(stack, "/ok", status="paused")
    ids = [flow.publish() for _ in range(3)]
    for event_id in ids:
        flow.until(event_id, "held")
    body = {"held": "drain", "rate_per_second": 100}

    job = flow.api.call("POST", f"/v1/endpoints/{flow.id}/resume", body=body)["job"]

    until(flow, job, status="running", started=3, succeeded=3, left=0)
    for event_id in ids:
        (attempt,) = flow.until(event_id, "succeeded")["attempts"]
        assert (attempt["trigger"], attempt["by"]) == ("drain", job["id"])
    _make_overdue(stack, job)  # its second look, which comes after 90 seconds
    assert stack.invoke("SweeperFunction", logs="swept")["restarted_jobs"] == [job["id"]]
    assert until(flow, job, status="completed")["started"] == 3


def test_a_job_that_was_paused_goes_on_in_another_execution(stack: Running) -> None:
    flow, _ = dead_ones(stack, "/fail/1", 3)
    job = start(flow, rate=0.1, status="dead")  # one, and the next one in ten seconds
    until(flow, job, started=1)
    where = f"/v1/jobs/{job['id']}"
    flow.api.call("POST", f"{where}/pause")
    flow.api.call("POST", f"{where}/resume")

    until(flow, job, started=2, succeeded=2)

    before = {"tenant": _tenant(stack, job), "job_id": job["id"], "run": 1}  # when it wakes up
    assert stack.invoke("JobFunction", before, logs="job stepped")["done"] is True
    flow.api.call("PATCH", where, body={"rate_per_second": 100})
    flow.api.call("POST", f"{where}/cancel")
    assert until(flow, job, status="cancelled")["started"] == 2


def _item(stack: Running, job: Job) -> dict[str, Any]:
    pages = (
        stack.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=stack.resources["LogTable"],
            FilterExpression="sk = :id",
            ExpressionAttributeValues={":id": {"S": job["id"]}},
        )
    )
    (item,) = (item for page in pages for item in page["Items"])
    found: dict[str, Any] = item
    return found


def _tenant(stack: Running, job: Job) -> str:
    return str(_item(stack, job)["pk"]["S"].partition("#")[2])


def _make_overdue(stack: Running, job: Job) -> None:
    """Move the time of the next step into the past, instead of waiting for that."""
    item = _item(stack, job)
    due = iso(datetime.now(UTC) - timedelta(minutes=5))
    document = json.loads(item["document"]["S"]) | {"next_step_at": due}
    changed = {"document": {"S": json.dumps(document)}, "due_sk": {"S": due}}
    stack.client("dynamodb").put_item(
        TableName=stack.resources["LogTable"], Item={**item, **changed}
    )
