"""/v1/portal-links: people of a tenant into the console, without an API key of their own."""

from typing import Annotated
from urllib.parse import urlencode

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Body

from posthorn import wiring
from posthorn.http_api import requests as web
from posthorn.http_api.openapi import described
from posthorn.models import Scope
from posthorn.tenants.portal_links import PortalLinkSpec, PortalLinkView

logger = Logger()
router = Router()  # type: ignore[no-untyped-call] # its constructor has no annotations


@router.post("/v1/portal-links", status_code=201)
@described("Console", Scope.CONFIG_WRITE)
def create_portal_link(spec: Annotated[PortalLinkSpec, Body()]) -> PortalLinkView:
    """Make a link that lets whoever opens it into the console, as this tenant and no other.

    It allows no more than the key that makes it, never publishing, and ends with that key. A link
    for frames works in those of the named sites only.
    """
    tenant, key_id = web.acting(router, wiring.config(), Scope.CONFIG_WRITE)
    token, expires_at = wiring.portal_links().make(tenant, spec, by=web.caller(router))
    logger.info(
        "portal link made",
        tenant=tenant,
        access=spec.access,
        expires_at=expires_at,
        frame_origins=spec.frame_origins,
        key_id=key_id,
    )
    return PortalLinkView(
        url=f"{_here()}/console/portal?{urlencode({'token': token})}",
        tenant=tenant,
        access=spec.access,
        expires_at=expires_at,
    )


def _here() -> str:
    """Where this API was called, which is where the console is."""
    headers = router.current_event.headers
    return f"{headers.get('x-forwarded-proto', 'https')}://{headers['host']}"
