"""Preview, test and dry run, of saved endpoints and of drafts.

The first two need `config:write`: a preview shows a valid signature, a test sends credentials.
Whatever shows an event of the log needs `logs:read`.
"""

from typing import Annotated

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Body

from posthorn import wiring
from posthorn.endpoint_tests.drafts import Draft
from posthorn.endpoint_tests.views import (
    DryRunView,
    EndpointTestSpec,
    EndpointTestView,
    PreviewView,
    SavedDryRunSpec,
    SavedEndpointTestSpec,
    UnsavedDryRunSpec,
    UnsavedEndpointTestSpec,
)
from posthorn.http_api import requests as web
from posthorn.http_api.openapi import described
from posthorn.http_api.requests import EndpointId
from posthorn.models import Scope
from posthorn.tenants import api_keys as access

logger = Logger()
router = Router()  # type: ignore[no-untyped-call] # its constructor has no annotations


def _trying(spec: EndpointTestSpec) -> tuple[str, str]:
    if spec.event_id is not None:
        access.require(web.caller(router), Scope.LOGS_READ)
    return web.acting(router, wiring.config(), Scope.CONFIG_WRITE)


@router.post("/v1/endpoints/preview")
@described("Trying out", Scope.CONFIG_WRITE, "payload_erased")
def preview_draft(spec: Annotated[UnsavedEndpointTestSpec, Body()]) -> PreviewView:
    """Preview what a draft would do with an event.

    Tells whether it matches and why not, and shows the exact request. Nothing is sent or stored.
    An event of the log (`event_id`) needs the scope `logs:read` as well.
    """
    tenant, _ = _trying(spec)
    return wiring.trial().preview(wiring.drafts().of_unsaved(tenant, spec.endpoint), spec)


@router.post("/v1/endpoints/<id>/preview")
@described("Trying out", Scope.CONFIG_WRITE, "payload_erased")
def preview_endpoint(
    id: EndpointId,
    spec: Annotated[SavedEndpointTestSpec, Body()] = SavedEndpointTestSpec(),  # noqa: B008 - frozen
) -> PreviewView:
    """Preview what an endpoint, with or without changes, would do with an event.

    Tells whether it matches and why not, and shows the exact request. Nothing is sent or stored.
    An event of the log (`event_id`) needs the scope `logs:read` as well.
    """
    tenant, _ = _trying(spec)
    return wiring.trial().preview(wiring.drafts().of_saved(tenant, id, spec.changes), spec)


@router.post("/v1/endpoints/test")
@described("Trying out", Scope.CONFIG_WRITE, "limited", "payload_erased")
def send_draft(spec: Annotated[UnsavedEndpointTestSpec, Body()]) -> EndpointTestView:
    """Send a test as a draft says, now and once.

    Returns the whole attempt. It is not in the log. An event of the log (`event_id`) needs the
    scope `logs:read` as well.
    """
    tenant, key_id = _trying(spec)
    return _tested(wiring.drafts().of_unsaved(tenant, spec.endpoint), spec, key_id)


@router.post("/v1/endpoints/<id>/test")
@described("Trying out", Scope.CONFIG_WRITE, "limited", "payload_erased")
def send_test(
    id: EndpointId,
    spec: Annotated[SavedEndpointTestSpec, Body()] = SavedEndpointTestSpec(),  # noqa: B008 - frozen
) -> EndpointTestView:
    """Send a test to an endpoint, now and once, whatever its status.

    Returns the whole attempt, and marks it by the header `posthorn-test` and in the log. With
    `changes` it is not in the log. An event of the log (`event_id`) needs the scope `logs:read` as
    well.
    """
    tenant, key_id = _trying(spec)
    return _tested(wiring.drafts().of_saved(tenant, id, spec.changes), spec, key_id)


@router.post("/v1/endpoints/dry-run")
@described("Trying out", Scope.LOGS_READ)
def dry_run_draft(spec: Annotated[UnsavedDryRunSpec, Body()]) -> DryRunView:
    """Try a draft on the tenant's latest events.

    Tells how many would match, and shows some payloads. Nothing is sent or stored.
    """
    tenant, _ = web.acting(router, wiring.config(), Scope.LOGS_READ)
    draft = wiring.drafts().of_unsaved(tenant, spec.endpoint)
    return wiring.dry_run().run(draft, limit=spec.limit)


@router.post("/v1/endpoints/<id>/dry-run")
@described("Trying out", Scope.LOGS_READ)
def dry_run_endpoint(
    id: EndpointId,
    spec: Annotated[SavedDryRunSpec, Body()] = SavedDryRunSpec(),  # noqa: B008 - frozen
) -> DryRunView:
    """Try changes of an endpoint on the tenant's latest events.

    Tells how many would match, shows some payloads, and compares with the saved version. Nothing is
    sent or stored.
    """
    tenant, _ = web.acting(router, wiring.config(), Scope.LOGS_READ)
    draft = wiring.drafts().of_saved(tenant, id, spec.changes)
    return wiring.dry_run().run(draft, limit=spec.limit)


def _tested(draft: Draft, spec: EndpointTestSpec, key_id: str) -> EndpointTestView:
    done = wiring.trial().test(draft, spec, by=key_id)
    logger.info(
        "endpoint tested",
        tenant=draft.endpoint.tenant,
        endpoint_id=draft.saved and draft.saved.id,
        delivery_id=done.delivery_id,
        outcome=done.attempt.outcome,
        duration_ms=done.attempt.duration_ms,
        key_id=key_id,
    )
    return done
