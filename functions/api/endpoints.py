"""/v1/endpoints: where a tenant's events go."""

import re
from datetime import timedelta
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from posthorn import views, web, wiring
from posthorn.errors import InvalidError, NotFoundError, Violation
from posthorn.models import EndpointSpec, Scope
from posthorn.views import EndpointView, Listed

_ETAG = re.compile(r'(?:W/)?"?([0-9]{1,9})"?')
logger = Logger()
router = Router()  # type: ignore[no-untyped-call] # its constructor has no annotations


def _acting(scope: Scope) -> tuple[str, str]:
    return web.acting(router, wiring.config(), scope)


@router.get("/v1/endpoints")
def list_endpoints(
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query()] = None,
) -> Listed[EndpointView]:
    tenant, _ = _acting(Scope.CONFIG_READ)
    page, next_cursor = wiring.configuration().endpoints(tenant, limit=limit, cursor=cursor)
    found = [views.of_endpoint(each) for each in page]
    return Listed[EndpointView](items=found, next_cursor=next_cursor)


@router.post("/v1/endpoints")
def create_endpoint(spec: Annotated[EndpointSpec, Body()]) -> Response[str]:
    tenant, key_id = _acting(Scope.CONFIG_WRITE)
    endpoint, secret = wiring.configuration().create(tenant, spec, by=key_id)
    return answer(201, views.of_endpoint(endpoint, secret=secret))


@router.get("/v1/endpoints/<id>")
def read_endpoint(id: str) -> Response[str]:
    tenant, _ = _acting(Scope.CONFIG_READ)
    return answer(200, views.of_endpoint(wiring.configuration().endpoint(tenant, id)))


@router.patch("/v1/endpoints/<id>")
def change_endpoint(id: str, patch: Annotated[dict[str, Any], Body()]) -> Response[str]:
    tenant, key_id = _acting(Scope.CONFIG_WRITE)
    endpoint = wiring.configuration().change(
        tenant, id, patch, by=key_id, expected_version=expected_version(router)
    )
    return answer(200, views.of_endpoint(endpoint))


@router.delete("/v1/endpoints/<id>")
def delete_endpoint(id: str) -> Response[str]:
    tenant, key_id = _acting(Scope.CONFIG_WRITE)
    wiring.configuration().delete(tenant, id, by=key_id, expected_version=expected_version(router))
    return Response(204, body="")


@router.post("/v1/endpoints/<id>/rotate-secret")
def rotate_secret(
    id: str,
    spec: Annotated[views.RotationSpec, Body()] = views.RotationSpec(),  # noqa: B008 - frozen
) -> Response[str]:
    tenant, key_id = _acting(Scope.CONFIG_WRITE)
    endpoint, secret = wiring.configuration().rotate(
        tenant, id, by=key_id, overlap=timedelta(hours=spec.overlap_hours)
    )
    return answer(200, views.of_endpoint(endpoint, secret=secret))


@router.get("/v1/endpoints/<id>/secret")
def read_secret(id: str) -> views.SecretView:
    tenant, key_id = _acting(Scope.CONFIG_WRITE)
    secret = wiring.configuration().signing_secret(tenant, id)
    logger.info("signing secret read", tenant=tenant, endpoint_id=id, key_id=key_id)
    return views.SecretView(secret=secret)


@router.get("/v1/endpoints/<id>/public-key")
def read_public_key(id: str) -> views.PublicKeyView:
    tenant, _ = _acting(Scope.CONFIG_READ)
    public_key = wiring.configuration().endpoint(tenant, id).public_key
    if public_key is None:
        raise NotFoundError("the endpoint signs with v1, which has no public key")
    return views.PublicKeyView(public_key=public_key)


def answer(status: int, view: EndpointView) -> Response[str]:
    return web.answer(status, view.model_dump(mode="json"), headers={"etag": f'"{view.version}"'})


def expected_version(app: Any) -> int | None:
    """The version that `If-Match` names, None when any will do."""
    given = app.current_event.headers.get("if-match")
    if given is None or given == "*":
        return None
    match = _ETAG.fullmatch(given.strip())
    if match is None:
        message = "is not a version as an ETag of this API gives it"
        raise InvalidError(f"if-match {message}", [Violation("if-match", message)])
    return int(match[1])
