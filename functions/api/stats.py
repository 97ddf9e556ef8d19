"""/v1/stats and /v1/warnings: statistics of deliveries, and current problems."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query

from api.routing import acting, router
from posthorn import wiring
from posthorn.http_api.openapi import described
from posthorn.http_api.requests import aware
from posthorn.models import Listed, Scope, WrittenTime
from posthorn.monitoring.statistics import StatsQuery
from posthorn.monitoring.stats_views import Bucket, By, StatsView
from posthorn.monitoring.warnings import WarningView


@router.get("/v1/stats")
@described("Statistics", Scope.LOGS_READ)
def read_stats(
    by: Annotated[By, Query(description="The property to group by")] = By.STATUS,
    since: Annotated[
        WrittenTime | None, Query(description="By default 24 hours before `until`")
    ] = None,
    until: Annotated[
        WrittenTime | None, Query(description="By default now; at most 31 days after `since`")
    ] = None,
    bucket: Annotated[
        Bucket | None,
        Query(description="By default hours for up to 7 days, otherwise days, in UTC"),
    ] = None,
    endpoint: Annotated[str | None, Query(description="Only for this endpoint, by its id")] = None,
    event_type: Annotated[str | None, Query(description="Only for this event type")] = None,
) -> StatsView:
    """Read counts, rates and latencies of deliveries over time.

    A delivery belongs to the time at which its event was recorded, and counts with its current
    status. Tests are not counted. The counts are some seconds old.
    """
    tenant, _ = acting(Scope.LOGS_READ)
    asked = StatsQuery(
        by=by,
        since=aware("since", since),
        until=aware("until", until),
        bucket=bucket,
        endpoint_id=endpoint,
        event_type=event_type,
    )
    return wiring.statistics().view(tenant, asked)


@router.get("/v1/warnings")
@described("Statistics", Scope.LOGS_READ)
def list_warnings() -> Listed[WarningView]:
    """List the current problems, the most urgent first, all on one page."""
    tenant, _ = acting(Scope.LOGS_READ)
    return Listed[WarningView](items=wiring.warning_signs().of(tenant))
