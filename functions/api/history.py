"""/v1/endpoints/{id}/versions: what an endpoint was, and making it so again."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from api import endpoints
from posthorn import views, web, wiring
from posthorn.history import VersionView
from posthorn.models import Scope
from posthorn.views import Listed

router = Router()  # type: ignore[no-untyped-call] # its constructor has no annotations


@router.get("/v1/endpoints/<id>/versions")
def list_versions(
    id: str,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query()] = None,
) -> Listed[VersionView]:
    tenant, _ = web.acting(router, wiring.config(), Scope.CONFIG_READ)
    return wiring.history().versions(tenant, id, limit=limit, cursor=cursor)


@router.post("/v1/endpoints/<id>/versions/<version>/restore")
def restore_version(id: str, version: Annotated[int, Path(ge=1, le=999_999)]) -> Response[str]:
    tenant, key_id = web.acting(router, wiring.config(), Scope.CONFIG_WRITE)
    endpoint = wiring.configuration().restore(
        tenant,
        id,
        version,
        by=key_id,
        expected_version=endpoints.expected_version(router),
    )
    return endpoints.answer(200, views.of_endpoint(endpoint))
