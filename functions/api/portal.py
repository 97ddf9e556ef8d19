"""/v1/portal-links: access to the console for a tenant's people, without an API key."""

from typing import Annotated
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler.openapi.params import Body

from api.routing import acting, caller, logger, router
from posthorn import wiring
from posthorn.core.hosts import is_loopback
from posthorn.http_api.openapi import described
from posthorn.models import Scope
from posthorn.tenants.portal_links import PortalLinkSpec, PortalLinkView


@router.post("/v1/portal-links", status_code=201)
@described("Console", Scope.CONFIG_WRITE)
def create_portal_link(spec: Annotated[PortalLinkSpec, Body()]) -> PortalLinkView:
    """Create a link that opens the console for this tenant.

    Whoever has the link has access, with the scopes of the key that created it, except for
    publishing, and until that key is deleted. Only the sites in `frame_origins` may show the
    console in a frame.
    """
    tenant, key_id = acting(Scope.CONFIG_WRITE)
    token, expires_at = wiring.portal_links().make(tenant, spec, by=caller())
    logger.info(
        "portal link made",
        tenant=tenant,
        access=spec.access,
        expires_at=expires_at,
        frame_origins=spec.frame_origins,
        key_id=key_id,
    )
    return PortalLinkView(
        url=f"{_origin()}/console/portal?{urlencode({'token': token})}",
        tenant=tenant,
        access=spec.access,
        expires_at=expires_at,
    )


def _origin() -> str:
    """The origin of the request, which is also that of the console; this machine has no https."""
    host = router.current_event.headers["host"]
    if is_loopback(host):
        return f"http://{host}"
    return f"{router.current_event.headers.get('x-forwarded-proto', 'https')}://{host}"
