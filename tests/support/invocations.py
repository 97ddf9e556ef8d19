"""Handlers as Lambda calls them: an environment, built once per deploy, and a context."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

from api import handler as api
from authorizer import handler as authorizer
from conservation import handler as conservation
from console import handler as console
from dispatcher import handler as dispatcher
from ingest import handler as ingest
from job import handler as job
from posthorn import wiring
from posthorn.core.settings import Settings
from stats import handler as stats
from sweeper import handler as sweeper
from tests.support.template_facts import GLOBALS, ROOT
from tests.support.world import as_environment

HANDLERS = {
    "ApiFunction": api.lambda_handler,
    "AuthorizerFunction": authorizer.lambda_handler,
    "ConsoleFunction": console.lambda_handler,
    "ConservationFunction": conservation.lambda_handler,
    "DispatcherFunction": dispatcher.lambda_handler,
    "IngestFunction": ingest.lambda_handler,
    "StatsFunction": stats.lambda_handler,
    "JobFunction": job.lambda_handler,
    "SweeperFunction": sweeper.lambda_handler,
}
SAMPLES = ROOT / "events"
_FACTORIES: tuple[ModuleType, ...] = (
    wiring,
    *(authorizer, conservation, dispatcher, ingest, job, stats, sweeper),
)


@dataclass(frozen=True)
class Context:
    """The fields of a LambdaContext that handlers read."""

    function_name: str
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-north-1:123456789012:function:test"
    aws_request_id: str = "52fdfc07-2182-454f-963f-5f0f9a621d72"
    seconds_left: float = 60.0

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds_left * 1000)


def invoke(function: str, event: dict[str, Any]) -> Any:
    """Call a function of the template by its logical id."""
    return HANDLERS[function](event, Context(function))  # type: ignore[arg-type] # a stand-in


@contextmanager
def deployed(settings: Settings) -> Iterator[None]:
    """Set the environment of the handlers for the block, and restore it afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in as_environment(settings).items():
            patch.setenv(name, value)
        # Powertools reads it when the module is imported, and Lambda sets it before that.
        namespace = GLOBALS["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"]
        for metered in (conservation, stats, sweeper):
            patch.setattr(metered.metrics.provider, "namespace", namespace)
        _forget()
        yield
    _forget()


def _forget() -> None:
    for module in _FACTORIES:
        for thing in vars(module).values():
            if hasattr(thing, "cache_clear"):
                thing.cache_clear()


def sample(name: str) -> Any:
    """A file of events/, the samples for `sam local invoke`."""
    return json.loads((SAMPLES / name).read_text())
