"""Who may do what: API keys, `phk_<id>_<secret>`, stored as a hash (design.md §8)."""

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from posthorn.aws.config_table import ConfigStore
from posthorn.core import ids
from posthorn.core.errors import ForbiddenError, InvalidError, NotFoundError, Violation
from posthorn.models import ApiKey, Caller, Scope
from posthorn.models.paging import check_cursor, cut_page

SECRET_BYTES = 32
_KEY = re.compile(r"(phk_[0-9A-HJKMNP-TV-Z]{26})_([0-9a-f]{64})", re.ASCII)


def require(caller: Caller, scope: Scope) -> None:
    """Raise ForbiddenError unless the caller's key has this scope; `admin` has them all."""
    if scope not in caller.scopes and Scope.ADMIN not in caller.scopes:
        raise ForbiddenError(f"this needs an API key with the scope {scope}")


def tenant_for(caller: Caller, named: str | None) -> str:
    """The tenant the caller acts for: its own, or the one that an admin's header names."""
    tenant = caller.tenant or named
    if not tenant:
        message = "an admin key names the tenant to act for in this header"
        raise InvalidError(
            f"posthorn-tenant: {message}",
            [Violation("posthorn-tenant", message)],
            code="tenant_required",
        )
    if named and named != tenant:
        raise NotFoundError("there is no such tenant")
    return tenant


@dataclass(frozen=True)
class ApiKeyService:
    config: ConfigStore
    now: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]

    def create_key(
        self, *, name: str, tenant: str | None, scopes: Sequence[Scope], by: str
    ) -> tuple[ApiKey, str]:
        """Make a key; return it with the text that is shown this once and stored nowhere."""
        if tenant is None and Scope.ADMIN not in scopes:
            message = "a key without the scope admin is bound to a tenant"
            raise InvalidError(f"tenant: {message}", [Violation("/tenant", message)])
        if tenant is not None and Scope.ADMIN in scopes:
            message = "a key with the scope admin is bound to no tenant"
            raise InvalidError(f"tenant: {message}", [Violation("/tenant", message)])
        if tenant is not None and self.config.tenant(tenant) is None:
            message = "there is no such tenant"
            raise InvalidError(f"tenant: {message}", [Violation("/tenant", message)])
        now = self.now()
        secret = self.random_bytes(SECRET_BYTES).hex()
        key = ApiKey(
            id=ids.new("phk", now, self.random_bytes(ids.RANDOM_BYTES)),
            name=name,
            tenant=tenant,
            scopes=tuple(scopes),
            secret_sha256=_digest(secret),
            created_at=now,
            created_by=by,
        )
        self.config.put_key(key)
        return key, f"{key.id}_{secret}"

    def keys(self, *, limit: int, cursor: str | None = None) -> tuple[list[ApiKey], str | None]:
        """One page, newest first, and the cursor of the next."""
        check_cursor(cursor, partial(ids.is_id, "phk"))
        found = self.config.api_keys(before=cursor, page=limit + 1)
        return cut_page(found, limit, lambda each: each.id)

    def delete_key(self, key_id: str) -> None:
        """Delete; NotFoundError when there is none. What the authorizer cached outlives it."""
        if not ids.is_id("phk", key_id):
            raise NotFoundError("there is no such API key")
        self.config.delete_key(key_id)

    def caller(self, authorization: str) -> Caller | None:
        """Who a header `Authorization: Bearer phk_…` stands for; None for nobody."""
        scheme, _, token = authorization.partition(" ")
        match = _KEY.fullmatch(token.strip())
        if scheme.lower() != "bearer" or match is None:
            return None
        key = self.config.key(match[1])
        if key is None or not hmac.compare_digest(key.secret_sha256, _digest(match[2])):
            return None
        return Caller(key_id=key.id, tenant=key.tenant, scopes=key.scopes)


def _digest(secret: str) -> str:
    """SHA-256 is enough for 32 random bytes: a slow hash slows guessing, and none succeeds here."""
    return hashlib.sha256(secret.encode()).hexdigest()
