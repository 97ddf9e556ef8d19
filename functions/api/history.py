"""/v1/endpoints/{id}/versions: what an endpoint was, and making it so again."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path

from api import endpoints
from posthorn import wiring
from posthorn.endpoints import views as endpoints_views
from posthorn.endpoints.history import VersionView
from posthorn.endpoints.views import EndpointView
from posthorn.http_api import requests as web
from posthorn.http_api.openapi import described
from posthorn.http_api.requests import Cursor, EndpointId, IfMatch, Limit
from posthorn.models import Listed, Scope

router = Router()  # type: ignore[no-untyped-call] # its constructor has no annotations


@router.get("/v1/endpoints/<id>/versions")
@described("History", Scope.CONFIG_READ)
def list_versions(id: EndpointId, limit: Limit = 50, cursor: Cursor = None) -> Listed[VersionView]:
    """List an endpoint's versions, newest first, with who made each and what differs.

    The history of a deleted endpoint can be read as well.
    """
    tenant, _ = web.acting(router, wiring.config(), Scope.CONFIG_READ)
    return wiring.history().versions(tenant, id, limit=limit, cursor=cursor)


@router.post("/v1/endpoints/<id>/versions/<version>/restore")
@described("History", Scope.CONFIG_WRITE, "stale_version", is_versioned=True)
def restore_version(
    id: EndpointId,
    version: Annotated[int, Path(ge=1, le=999_999, description="The version to restore")],
    if_match: IfMatch = None,
) -> Response[EndpointView]:
    """Make an old version the next one.

    What its owner decided comes back, credentials included; status and signing secret stay.
    """
    tenant, key_id = web.acting(router, wiring.config(), Scope.CONFIG_WRITE)
    endpoint = wiring.configuration().restore(
        tenant, id, version, by=key_id, expected_version=if_match
    )
    return endpoints.tagged(endpoints_views.of_endpoint(endpoint))
