"""Sessions of the console: items of LogTable that expire, found by the hash of a random id.

sessions#{SHA-256 of the id}    session    the signed-in key, with its permissions
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from posthorn.aws.config_table import ConfigStore
from posthorn.aws.dynamodb import ConditionFailed, Table
from posthorn.core.errors import ConflictError, NotFoundError
from posthorn.models import Caller, Item, Model, Scope, TenantId, Time, iso
from posthorn.tenants import tenants
from posthorn.tenants.api_keys import require

IDLE = timedelta(hours=8)
LONGEST = timedelta(hours=24)
SEEN_INTERVAL = timedelta(minutes=5)  # between updates of `seen_at`: not every page is a write
RANDOM_BYTES = 32
READING = frozenset({Scope.CONFIG_READ, Scope.LOGS_READ})
_EXISTS = "attribute_exists(#pk)"


class TenantRequiredError(ConflictError):
    """An admin has not chosen a tenant yet."""

    code = "tenant_required"


class SessionAccess(StrEnum):
    FULL = "full"  # everything that the scopes allow
    READ_ONLY = "read_only"


class Session(Model):
    """A signed-in key. It ends with the key, `IDLE` after the last page, and at `ends_at`."""

    digest: str = Field(repr=False)  # of the id, which is in the browser only
    key_id: str
    acts_for: TenantId | None  # None: an admin has not chosen
    scopes: tuple[Scope, ...]
    access: SessionAccess
    frame_origins: tuple[str, ...]  # sites that may show its pages in a frame
    csrf_secret: str = Field(repr=False)
    seen_at: Time
    ends_at: Time
    tenant_name: str = Field(default="", exclude=True)  # read with each request

    @property
    def tenant(self) -> str:
        """The tenant; TenantRequiredError while none is chosen."""
        if self.acts_for is None:
            raise TenantRequiredError("choose the tenant to act for")
        return self.acts_for

    @property
    def is_admin(self) -> bool:
        return Scope.ADMIN in self.scopes

    @property
    def is_framed(self) -> bool:
        """Whether other sites may frame it: then its cookie is sent from within their frames."""
        return bool(self.frame_origins)

    @property
    def expires_at(self) -> datetime:
        return min(self.seen_at + IDLE, self.ends_at)

    def may(self, scope: Scope) -> bool:
        if self.access is SessionAccess.READ_ONLY and scope not in READING:
            return False
        return scope in self.scopes or self.is_admin


@dataclass(frozen=True)
class SessionStore:
    table: Table
    config: ConfigStore
    now: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]

    def begin(
        self,
        caller: Caller,
        *,
        access: SessionAccess = SessionAccess.FULL,
        frame_origins: tuple[str, ...] = (),
        ends_at: datetime | None = None,
    ) -> tuple[Session, str]:
        """Begin a session; return it and its new id, which is not stored."""
        session_id = self.random_bytes(RANDOM_BYTES).hex()
        now = self.now()
        session = Session(
            digest=_digest(session_id),
            key_id=caller.key_id,
            acts_for=caller.tenant,
            scopes=caller.scopes,
            access=access,
            frame_origins=frame_origins,
            csrf_secret=self.random_bytes(RANDOM_BYTES).hex(),
            seen_at=now,
            ends_at=min(ends_at or now + LONGEST, now + LONGEST),
        )
        self.table.put(_item(session))
        return session, session_id

    def find(self, session_id: str) -> Session | None:
        """The session of this id, marked as seen; None when it or its key has ended."""
        item = self.table.get(_key(_digest(session_id)))
        session = _read(item) if item else None
        now = self.now()
        if session is None or session.expires_at <= now or self.config.key(session.key_id) is None:
            return None
        if now - session.seen_at >= SEEN_INTERVAL:
            session = session.model_copy(update={"seen_at": now})
            if not self._change(session, _seen(session)):
                return None
        return self._at_tenant(session)

    def act_for(self, session: Session, tenant_id: str) -> None:
        """Let an admin's session act for this tenant."""
        require(Caller(key_id=session.key_id, tenant=None, scopes=session.scopes), Scope.ADMIN)
        if not tenants.is_id(tenant_id) or self.config.tenant(tenant_id) is None:
            raise NotFoundError("there is no such tenant")
        self._change(session, {"acts_for": tenant_id})

    def end(self, session: Session) -> None:
        self.table.delete(_key(session.digest))

    def _at_tenant(self, session: Session) -> Session | None:
        if session.acts_for is None:
            return session
        tenant = self.config.tenant(session.acts_for)
        if tenant:
            return session.model_copy(update={"tenant_name": tenant.name})
        return session.model_copy(update={"acts_for": None}) if session.is_admin else None

    def _change(self, session: Session, changes: Item) -> bool:
        """Write the changes; False when the session has ended in the meantime."""
        try:
            self.table.update(_key(session.digest), changes, condition=_EXISTS, values={})
        except ConditionFailed:
            return False
        return True


def _digest(session_id: str) -> str:
    return hashlib.sha256(session_id.encode()).hexdigest()


def _key(digest: str) -> Item:
    return {"pk": f"sessions#{digest}", "sk": "session"}


def _item(session: Session) -> Item:
    """The item; fields that change are attributes, so that one change does not undo another."""
    item = {
        **_key(session.digest),
        "document": session.model_dump_json(exclude={"acts_for", "seen_at"}),
        "acts_for": session.acts_for,
        **_seen(session),
    }
    return {name: value for name, value in item.items() if value is not None}


def _seen(session: Session) -> Item:
    expires_at = int(session.expires_at.timestamp())  # DynamoDB deletes the item after this
    return {"seen_at": iso(session.seen_at), "expires_at": expires_at}


def _read(item: Item) -> Session:
    changing = {"acts_for": item.get("acts_for"), "seen_at": item["seen_at"]}
    return Session.model_validate({**json.loads(item["document"]), **changing})
