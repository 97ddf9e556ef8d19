"""Portal links: a platform gives one to its customer, who opens the console with it.

The link carries its permissions, sealed by the stack's KMS key: nobody else can make or change
one, and it is not stored. It is invalid once the API key that made it is deleted.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError

from posthorn.aws.config_table import ConfigStore
from posthorn.aws.kms import Vault
from posthorn.core import api_examples
from posthorn.core.errors import ForbiddenError
from posthorn.models import Caller, Model, Scope, TenantId, Time
from posthorn.tenants.console_sessions import Session, SessionAccess, SessionStore

PURPOSE = "portal-link"
# The most that a link can permit: only the platform itself publishes events.
SCOPES = (Scope.CONFIG_READ, Scope.CONFIG_WRITE, Scope.LOGS_READ, Scope.DELIVERIES_WRITE)
MAX_ORIGINS = 10
MAX_TOKEN = 4096
_ORIGIN = re.compile(
    r"https://[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){0,10}(:\d{1,5})?"
    r"|http://(localhost|127\.0\.0\.1)(:\d{1,5})?"
)


def _origin(text: str) -> str:
    """Check an origin as a browser writes it: a header will contain it."""
    if not _ORIGIN.fullmatch(text):
        raise ValueError("must be an origin such as https://shop.example.com")
    return text


class PortalLinkSpec(Model):
    """A link to create: its validity, its permissions and the sites that may frame it."""

    model_config = api_examples.shown(api_examples.PORTAL_LINK_SPEC)

    access: SessionAccess = SessionAccess.READ_ONLY
    expires_in_minutes: int = Field(
        default=15, ge=1, le=1440, description="How long the link can be opened"
    )
    session_minutes: int = Field(
        default=480, ge=5, le=1440, description="The longest session after opening the link"
    )
    frame_origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = Field(
        default=(),
        max_length=MAX_ORIGINS,
        description="Origins of sites that may show the console in a frame",
    )


class PortalLinkView(Model):
    model_config = api_examples.shown(api_examples.PORTAL_LINK)

    url: str = Field(description="Gives access to anybody who has it")
    tenant: TenantId
    access: SessionAccess
    expires_at: Time


class _Pass(Model):
    """The sealed content of a link."""

    tenant: TenantId
    key_id: str
    scopes: tuple[Scope, ...]
    access: SessionAccess
    frame_origins: tuple[str, ...]
    expires_at: Time
    session_minutes: int


@dataclass(frozen=True)
class PortalLinks:
    config: ConfigStore
    vault: Vault
    sessions: SessionStore
    now: Callable[[], datetime]

    def make(self, tenant: str, spec: PortalLinkSpec, *, by: Caller) -> tuple[str, datetime]:
        """Return the token of a link for this tenant, and the time until which it can be opened.

        It has no scope that the caller's key does not have.
        """
        is_admin = Scope.ADMIN in by.scopes
        ticket = _Pass(
            tenant=tenant,
            key_id=by.key_id,
            scopes=tuple(each for each in SCOPES if is_admin or each in by.scopes),
            access=spec.access,
            frame_origins=spec.frame_origins,
            expires_at=self.now() + timedelta(minutes=spec.expires_in_minutes),
            session_minutes=spec.session_minutes,
        )
        return self.vault.seal_text(ticket.model_dump_json(), purpose=PURPOSE), ticket.expires_at

    def open(self, token: str) -> tuple[Session, str]:
        """Begin a session with the link's permissions; ForbiddenError for an invalid link."""
        ticket = self._ticket(token)
        now = self.now()
        if ticket is None or ticket.expires_at <= now or not self._is_valid(ticket):
            raise ForbiddenError(
                "this link is not valid any more: request a new one from the site that gave it",
                code="link_expired",
            )
        return self.sessions.begin(
            Caller(key_id=ticket.key_id, tenant=ticket.tenant, scopes=ticket.scopes),
            access=ticket.access,
            frame_origins=ticket.frame_origins,
            ends_at=now + timedelta(minutes=ticket.session_minutes),
        )

    def _ticket(self, token: str) -> _Pass | None:
        text = self.vault.open_text(token, purpose=PURPOSE) if len(token) <= MAX_TOKEN else None
        try:
            return None if text is None else _Pass.model_validate_json(text)
        except ValidationError:
            return None  # of an earlier release

    def _is_valid(self, ticket: _Pass) -> bool:
        """Whether its tenant and the key that made it still exist."""
        return (
            self.config.tenant(ticket.tenant) is not None
            and self.config.key(ticket.key_id) is not None
        )
