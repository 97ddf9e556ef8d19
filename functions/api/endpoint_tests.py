"""Preview, test and dry run, for saved endpoints and for drafts.

The first two need `config:write`: a preview shows a valid signature, a test sends credentials.
Access to an event of the log needs `logs:read`.
"""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body

from api.routing import acting, caller, logger, router
from posthorn import wiring
from posthorn.endpoint_tests.drafts import Draft
from posthorn.endpoint_tests.preview_and_test import logged
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
from posthorn.http_api.openapi import described
from posthorn.http_api.requests import EndpointId
from posthorn.models import Scope
from posthorn.tenants.api_keys import require


def _acting(spec: EndpointTestSpec) -> tuple[str, str]:
    if spec.event_id is not None:
        require(caller(), Scope.LOGS_READ)
    return acting(Scope.CONFIG_WRITE)


@router.post("/v1/endpoints/preview")
@described("Trying out", Scope.CONFIG_WRITE, "payload_erased")
def preview_draft(spec: Annotated[UnsavedEndpointTestSpec, Body()]) -> PreviewView:
    """Preview a draft: whether an event matches, and the request.

    The answer has the reason when it does not match, and the exact request. Nothing is sent or
    stored. An event of the log (`event_id`) also needs the scope `logs:read`.
    """
    tenant, _ = _acting(spec)
    return wiring.endpoint_tester().preview(wiring.drafts().of_unsaved(tenant, spec.endpoint), spec)


@router.post("/v1/endpoints/<id>/preview")
@described("Trying out", Scope.CONFIG_WRITE, "payload_erased")
def preview_endpoint(
    id: EndpointId,
    spec: Annotated[SavedEndpointTestSpec, Body()] = SavedEndpointTestSpec(),  # noqa: B008 - frozen
) -> PreviewView:
    """Preview an endpoint, with or without changes: whether an event matches, and the request.

    The answer has the reason when it does not match, and the exact request. Nothing is sent or
    stored. An event of the log (`event_id`) also needs the scope `logs:read`.
    """
    tenant, _ = _acting(spec)
    draft = wiring.drafts().of_saved(tenant, id, spec.changes)
    return wiring.endpoint_tester().preview(draft, spec)


@router.post("/v1/endpoints/test")
@described("Trying out", Scope.CONFIG_WRITE, "limited", "payload_erased")
def send_draft(spec: Annotated[UnsavedEndpointTestSpec, Body()]) -> EndpointTestView:
    """Send one test request for a draft.

    The answer has the whole attempt, which is not recorded in the log. An event of the log
    (`event_id`) also needs the scope `logs:read`.
    """
    tenant, key_id = _acting(spec)
    return _tested(wiring.drafts().of_unsaved(tenant, spec.endpoint), spec, key_id)


@router.post("/v1/endpoints/<id>/test")
@described("Trying out", Scope.CONFIG_WRITE, "limited", "payload_erased")
def send_test(
    id: EndpointId,
    spec: Annotated[SavedEndpointTestSpec, Body()] = SavedEndpointTestSpec(),  # noqa: B008 - frozen
) -> EndpointTestView:
    """Send one test request to an endpoint of any status.

    The answer has the whole attempt. The request has the header `posthorn-test`, and the log marks
    the attempt as a test; with `changes` it is not in the log. An event of the log (`event_id`)
    also needs the scope `logs:read`.
    """
    tenant, key_id = _acting(spec)
    return _tested(wiring.drafts().of_saved(tenant, id, spec.changes), spec, key_id)


@router.post("/v1/endpoints/dry-run")
@described("Trying out", Scope.LOGS_READ)
def dry_run_draft(spec: Annotated[UnsavedDryRunSpec, Body()]) -> DryRunView:
    """Apply a draft to the tenant's latest events.

    The answer has the number of matching events and some payloads. Nothing is sent or stored.
    """
    tenant, _ = acting(Scope.LOGS_READ)
    draft = wiring.drafts().of_unsaved(tenant, spec.endpoint)
    return wiring.dry_run().run(draft, limit=spec.limit)


@router.post("/v1/endpoints/<id>/dry-run")
@described("Trying out", Scope.LOGS_READ)
def dry_run_endpoint(
    id: EndpointId,
    spec: Annotated[SavedDryRunSpec, Body()] = SavedDryRunSpec(),  # noqa: B008 - frozen
) -> DryRunView:
    """Apply changes of an endpoint to the tenant's latest events.

    The answer has the number of matching events, some payloads, and a comparison with the saved
    version. Nothing is sent or stored.
    """
    tenant, _ = acting(Scope.LOGS_READ)
    draft = wiring.drafts().of_saved(tenant, id, spec.changes)
    return wiring.dry_run().run(draft, limit=spec.limit)


def _tested(draft: Draft, spec: EndpointTestSpec, key_id: str) -> EndpointTestView:
    done = wiring.endpoint_tester().test(draft, spec, by=key_id)
    logger.info("endpoint tested", **logged(draft, done, by=key_id))
    return done
