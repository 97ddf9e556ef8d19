"""The HTTP API, but for publishing: routes by resource, refusals in one place (web.py)."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from api import admin, catalogue, endpoints, history, log, trial
from posthorn import __version__, web

logger = Logger()
app = web.resolver(logger)
app.include_router(endpoints.router)
app.include_router(history.router)
app.include_router(trial.router)
app.include_router(catalogue.router)
app.include_router(log.router)
app.include_router(admin.router)


@app.get("/openapi.json", include_in_schema=False)
def openapi() -> Any:
    return web.answer(
        200,
        app.get_openapi_schema(title="Posthorn", version=__version__).model_dump(
            mode="json", by_alias=True, exclude_none=True
        ),
    )


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return web.respond(app, event, context)
