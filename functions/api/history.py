"""/v1/endpoints/{id}/versions: the versions of an endpoint, and how to restore one."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from api import endpoints
from api.routing import acting, router
from posthorn import wiring
from posthorn.endpoints.history import VersionView
from posthorn.endpoints.views import EndpointView, endpoint_view
from posthorn.http_api.openapi import described
from posthorn.http_api.requests import Cursor, EndpointId, IfMatch, Limit
from posthorn.models import Listed, Scope


@router.get("/v1/endpoints/<id>/versions")
@described("History", Scope.CONFIG_READ)
def list_versions(id: EndpointId, limit: Limit = 50, cursor: Cursor = None) -> Listed[VersionView]:
    """List an endpoint's versions, newest first, each with its author and its changes.

    This includes deleted endpoints.
    """
    tenant, _ = acting(Scope.CONFIG_READ)
    return wiring.endpoint_history().versions(tenant, id, limit=limit, cursor=cursor)


@router.post("/v1/endpoints/<id>/versions/<version>/restore")
@described("History", Scope.CONFIG_WRITE, "stale_version", is_versioned=True)
def restore_version(
    id: EndpointId,
    version: Annotated[int, Path(ge=1, le=999_999, description="The version to restore")],
    if_match: IfMatch = None,
) -> Response[EndpointView]:
    """Restore an earlier version.

    This makes a new version with the settings and credentials of the earlier one; status and
    signing secret stay.
    """
    tenant, key_id = acting(Scope.CONFIG_WRITE)
    endpoint = wiring.endpoints().restore(tenant, id, version, by=key_id, expected_version=if_match)
    return endpoints.tagged(endpoint_view(endpoint))
