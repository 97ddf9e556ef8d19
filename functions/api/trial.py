"""Preview, test and dry run, of saved endpoints and of drafts.

The first two need `config:write`: a preview shows a valid signature, a test sends credentials.
Whatever shows an event of the log needs `logs:read`.
"""

from typing import Annotated

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Body

from posthorn import access, web, wiring
from posthorn.drafts import Draft
from posthorn.models import Scope
from posthorn.trial_views import (
    DryRunView,
    PreviewView,
    SavedDryRunSpec,
    SavedTrialSpec,
    TrialSpec,
    TrialView,
    UnsavedDryRunSpec,
    UnsavedTrialSpec,
)

logger = Logger()
router = Router()  # type: ignore[no-untyped-call] # its constructor has no annotations


def _trying(spec: TrialSpec) -> tuple[str, str]:
    if spec.event_id is not None:
        access.require(web.caller(router), Scope.LOGS_READ)
    return web.acting(router, wiring.config(), Scope.CONFIG_WRITE)


@router.post("/v1/endpoints/preview")
def preview_draft(spec: Annotated[UnsavedTrialSpec, Body()]) -> PreviewView:
    tenant, _ = _trying(spec)
    return wiring.trial().preview(wiring.drafts().of_unsaved(tenant, spec.endpoint), spec)


@router.post("/v1/endpoints/<id>/preview")
def preview_endpoint(
    id: str,
    spec: Annotated[SavedTrialSpec, Body()] = SavedTrialSpec(),  # noqa: B008 - frozen
) -> PreviewView:
    tenant, _ = _trying(spec)
    return wiring.trial().preview(wiring.drafts().of_saved(tenant, id, spec.changes), spec)


@router.post("/v1/endpoints/test")
def send_draft(spec: Annotated[UnsavedTrialSpec, Body()]) -> TrialView:
    tenant, key_id = _trying(spec)
    return _tested(wiring.drafts().of_unsaved(tenant, spec.endpoint), spec, key_id)


@router.post("/v1/endpoints/<id>/test")
def send_test(
    id: str,
    spec: Annotated[SavedTrialSpec, Body()] = SavedTrialSpec(),  # noqa: B008 - frozen
) -> TrialView:
    tenant, key_id = _trying(spec)
    return _tested(wiring.drafts().of_saved(tenant, id, spec.changes), spec, key_id)


@router.post("/v1/endpoints/dry-run")
def dry_run_draft(spec: Annotated[UnsavedDryRunSpec, Body()]) -> DryRunView:
    tenant, _ = web.acting(router, wiring.config(), Scope.LOGS_READ)
    draft = wiring.drafts().of_unsaved(tenant, spec.endpoint)
    return wiring.dry_run().run(draft, limit=spec.limit)


@router.post("/v1/endpoints/<id>/dry-run")
def dry_run_endpoint(
    id: str,
    spec: Annotated[SavedDryRunSpec, Body()] = SavedDryRunSpec(),  # noqa: B008 - frozen
) -> DryRunView:
    tenant, _ = web.acting(router, wiring.config(), Scope.LOGS_READ)
    draft = wiring.drafts().of_saved(tenant, id, spec.changes)
    return wiring.dry_run().run(draft, limit=spec.limit)


def _tested(draft: Draft, spec: TrialSpec, key_id: str) -> TrialView:
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
