"""/v1/stats and /v1/warnings: how deliveries are doing, and what needs attention."""

from datetime import datetime
from typing import Annotated

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query

from posthorn import wiring
from posthorn.http_api import requests as web
from posthorn.http_api.openapi import described
from posthorn.models import Listed, Scope
from posthorn.monitoring.statistics import StatsQuery
from posthorn.monitoring.stats_views import Bucket, By, StatsView
from posthorn.monitoring.warnings import WarningView

router = Router()  # type: ignore[no-untyped-call] # its constructor has no annotations


@router.get("/v1/stats")
@described("Statistics", Scope.LOGS_READ)
def read_stats(
    by: Annotated[By, Query(description="What the groups are")] = By.STATUS,
    since: Annotated[
        datetime | None, Query(description="By default 24 hours before `until`")
    ] = None,
    until: Annotated[
        datetime | None, Query(description="By default now; at most 31 days after `since`")
    ] = None,
    bucket: Annotated[
        Bucket | None, Query(description="By default hours up to 7 days, else days, in UTC")
    ] = None,
    endpoint: Annotated[str | None, Query(description="Only of this endpoint, by its id")] = None,
    event_type: Annotated[str | None, Query(description="Only of this event type")] = None,
) -> StatsView:
    """Read how deliveries are doing: counts, rates and latencies over time.

    Deliveries are told of by when their event was recorded, with the status that they have now.
    Tests are not among them. What happens is counted some seconds later.
    """
    tenant, _ = web.acting(router, wiring.config(), Scope.LOGS_READ)
    asked = StatsQuery(
        by=by,
        since=web.aware("since", since),
        until=web.aware("until", until),
        bucket=bucket,
        endpoint_id=endpoint,
        event_type=event_type,
    )
    return wiring.statistics().view(tenant, asked)


@router.get("/v1/warnings")
@described("Statistics", Scope.LOGS_READ)
def list_warnings() -> Listed[WarningView]:
    """List what needs somebody's attention now, the most urgent first. All of it is one page."""
    tenant, _ = web.acting(router, wiring.config(), Scope.LOGS_READ)
    return Listed[WarningView](items=wiring.warning_signs().of(tenant))
