"""A step of a job, for statemachines/job.asl.json: what it answers goes round in the execution."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from posthorn import wiring
from posthorn.jobs.runner import JobRun, StepResult

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    stepped = wiring.stepping().step(JobRun.model_validate(event))
    _log(stepped)
    return stepped.run.model_dump(mode="json")


def _log(stepped: StepResult) -> None:
    run, job, done = stepped.run, stepped.job, stepped.slice
    logger.info(
        "job stepped",
        tenant=run.tenant,
        job_id=run.job_id,
        run=run.run,
        kind=job and job.kind,
        status=job and job.status,
        started=done.started if done else 0,
        skipped=dict(done.skipped) if done else {},
        started_so_far=job and job.started,
        matched=job and job.matched,
        done=run.done,
        wait_seconds=run.wait_seconds,
    )
