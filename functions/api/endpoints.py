"""/v1/endpoints: the destinations of a tenant's events, with their versions."""

from datetime import timedelta
from typing import Annotated, Any, TypeVar

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path

from api.routing import acting, logger, router
from posthorn import wiring
from posthorn.core import api_examples
from posthorn.core.errors import NotFoundError
from posthorn.deliveries.filters import DeliveryFilter
from posthorn.endpoints.history import VersionView
from posthorn.endpoints.views import (
    ChangedEndpointView,
    EndpointView,
    PublicKeyView,
    RotationSpec,
    SecretView,
    endpoint_view,
)
from posthorn.http_api.openapi import described
from posthorn.http_api.requests import Cursor, EndpointId, IfMatch, Limit, answer
from posthorn.models import DeliveryStatus, EndpointSpec, EndpointStatus, Listed, Scope

MAX_HELD = 100  # counted: one page
_View = TypeVar("_View", bound=EndpointView)
Patch = Annotated[
    dict[str, Any],
    Body(
        description="The fields of `EndpointSpec` to change", examples=[api_examples.ENDPOINT_PATCH]
    ),
]


@router.get("/v1/endpoints")
@described("Endpoints", Scope.CONFIG_READ)
def list_endpoints(limit: Limit = 50, cursor: Cursor = None) -> Listed[EndpointView]:
    """List the tenant's endpoints, newest first."""
    tenant, _ = acting(Scope.CONFIG_READ)
    page, next_cursor = wiring.endpoints().endpoints(tenant, limit=limit, cursor=cursor)
    found = [endpoint_view(each) for each in page]
    return Listed[EndpointView](items=found, next_cursor=next_cursor)


@router.post("/v1/endpoints", status_code=201)
@described(
    "Endpoints", Scope.CONFIG_WRITE, "too_many_endpoints", "test_required", is_versioned=True
)
def create_endpoint(spec: Annotated[EndpointSpec, Body()]) -> Response[EndpointView]:
    """Create an endpoint.

    The answer includes the signing secret. docs/configuring.md explains each field, and
    docs/receiving.md describes the requests that the URL
    receives.
    """
    tenant, key_id = acting(Scope.CONFIG_WRITE)
    endpoint, secret = wiring.endpoints().create(tenant, spec, by=key_id)
    return _tagged(endpoint_view(endpoint, secret=secret), status=201)


@router.get("/v1/endpoints/<id>")
@described("Endpoints", Scope.CONFIG_READ, is_versioned=True)
def read_endpoint(id: EndpointId) -> Response[EndpointView]:
    """Read an endpoint. Its secrets are masked."""
    tenant, _ = acting(Scope.CONFIG_READ)
    return _tagged(endpoint_view(wiring.endpoints().endpoint(tenant, id)))


@router.patch("/v1/endpoints/<id>")
@described("Endpoints", Scope.CONFIG_WRITE, "stale_version", "test_required", is_versioned=True)
def change_endpoint(
    id: EndpointId, patch: Patch, if_match: IfMatch = None
) -> Response[ChangedEndpointView]:
    """Change some fields of an endpoint.

    A field in the body is replaced as a whole; the others stay. A mask in place of a secret keeps
    the secret. Pending retries use the new version, and each attempt records its version. Enabling
    an endpoint keeps its held deliveries: the answer has their number, and how to send them.
    """
    tenant, key_id = acting(Scope.CONFIG_WRITE)
    endpoint = wiring.endpoints().change(tenant, id, patch, by=key_id, expected_version=if_match)
    view = ChangedEndpointView(**dict(endpoint_view(endpoint)))
    if patch.get("status") == EndpointStatus.ENABLED:
        view = view.model_copy(update=_held(tenant, id))
    return _tagged(view)


@router.delete("/v1/endpoints/<id>", status_code=204)
@described("Endpoints", Scope.CONFIG_WRITE, "stale_version")
def delete_endpoint(id: EndpointId, if_match: IfMatch = None) -> None:
    """Delete an endpoint.

    Its waiting deliveries are cancelled, those that are held by a job. Its log and the history of
    its versions stay.
    """
    tenant, key_id = acting(Scope.CONFIG_WRITE)
    wiring.endpoint_remover().delete(tenant, id, by=key_id, expected_version=if_match)


@router.post("/v1/endpoints/<id>/rotate-secret")
@described("Endpoints", Scope.CONFIG_WRITE, "stale_version", is_versioned=True)
def rotate_secret(
    id: EndpointId,
    spec: Annotated[RotationSpec, Body()] = RotationSpec(),  # noqa: B008 - frozen
) -> Response[EndpointView]:
    """Create a new signing secret, which the answer includes.

    Both secrets sign until the overlap ends, so that the receiver has time to change.
    """
    tenant, key_id = acting(Scope.CONFIG_WRITE)
    endpoint, secret = wiring.endpoints().rotate(
        tenant, id, by=key_id, overlap=timedelta(hours=spec.overlap_hours)
    )
    return _tagged(endpoint_view(endpoint, secret=secret))


@router.get("/v1/endpoints/<id>/secret")
@described("Endpoints", Scope.CONFIG_WRITE)
def read_secret(id: EndpointId) -> SecretView:
    """Read the signing secret. The function's log records each read."""
    tenant, key_id = acting(Scope.CONFIG_WRITE)
    secret = wiring.endpoints().signing_secret(tenant, id)
    logger.info("signing secret read", tenant=tenant, endpoint_id=id, key_id=key_id)
    return SecretView(secret=secret)


@router.get("/v1/endpoints/<id>/public-key")
@described("Endpoints", Scope.CONFIG_READ)
def read_public_key(id: EndpointId) -> PublicKeyView:
    """Read the public key of an endpoint that signs with `v1a`."""
    tenant, _ = acting(Scope.CONFIG_READ)
    public_key = wiring.endpoints().endpoint(tenant, id).public_key
    if public_key is None:
        raise NotFoundError("the endpoint signs with v1, which has no public key")
    return PublicKeyView(public_key=public_key)


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
    return _tagged(endpoint_view(endpoint))


def _held(tenant: str, id: str) -> dict[str, Any]:
    """The number of held deliveries, up to MAX_HELD, and how to send them."""
    wanted = DeliveryFilter(endpoint_ids=(id,), status=DeliveryStatus.HELD)
    found = wiring.delivery_reader().deliveries(tenant, wanted, limit=MAX_HELD, cursor=None)
    if not found.items:
        return {"held_count": 0}
    count = f"{len(found.items)}{' or more' if found.next_cursor else ''}"
    advice = f'{count} are held: POST /v1/endpoints/{id}/resume with {{"held": "drain"}} sends them'
    return {"held_count": len(found.items), "held_advice": advice}


def _tagged(view: _View, *, status: int = 200) -> Response[_View]:
    return answer(view, status, {"etag": f'"{view.version}"'})
