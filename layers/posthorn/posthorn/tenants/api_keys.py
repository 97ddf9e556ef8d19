"""API keys, their scopes and tenants. A key is `phk_<id>_<secret>`; its hash is stored."""

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from posthorn.aws.config_table import ConfigStore
from posthorn.core import ids
from posthorn.core.errors import ForbiddenError, InvalidError, NotFoundError
from posthorn.models import ApiKey, Caller, Scope
from posthorn.models.paging import check_cursor, cut_page

SECRET_BYTES = 32
_KEY = re.compile(r"(phk_[0-9A-HJKMNP-TV-Z]{26})_([0-9a-f]{64})", re.ASCII)


def require(caller: Caller, scope: Scope) -> None:
    """Raise ForbiddenError unless the caller's key has this scope; `admin` includes them all."""
    if scope not in caller.scopes and Scope.ADMIN not in caller.scopes:
        raise ForbiddenError(f"this needs an API key with the scope {scope}")


def tenant_for(caller: Caller, named: str | None) -> str:
    """The caller's own tenant, or the one that an admin names in the header."""
    tenant = caller.tenant or named
    if not tenant:
        message = "is required with an admin key: the tenant to act for"
        raise InvalidError.at("posthorn-tenant", message, code="tenant_required")
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
        """Create a key; return it with its text, which is not stored."""
        if tenant is None and Scope.ADMIN not in scopes:
            raise InvalidError.at("/tenant", "is required unless the key has the scope admin")
        if tenant is not None and Scope.ADMIN in scopes:
            raise InvalidError.at("/tenant", "must be left out for a key with the scope admin")
        if tenant is not None and self.config.tenant(tenant) is None:
            raise InvalidError.at("/tenant", "there is no such tenant")
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

    def keys(
        self, *, limit: int, cursor: str | None = None, tenant: str | None = None
    ) -> tuple[list[ApiKey], str | None]:
        """One page, newest first, of all keys or of a tenant's, and the cursor of the next."""
        check_cursor(cursor, partial(ids.is_id, "phk"))
        every = self.config.api_keys(before=cursor, page=limit + 1)
        found = (each for each in every if tenant is None or each.tenant == tenant)
        return cut_page(found, limit, lambda each: each.id)

    def delete_key(self, key_id: str) -> None:
        """Delete a key, or raise NotFoundError. The authorizer's answers stay cached for 60 s."""
        if not ids.is_id("phk", key_id):
            raise NotFoundError("there is no such API key")
        self.config.delete_key(key_id)

    def caller(self, authorization: str) -> Caller | None:
        """The caller of a header `Authorization: Bearer phk_…`; None when no key matches."""
        scheme, _, token = authorization.partition(" ")
        match = _KEY.fullmatch(token.strip())
        if scheme.lower() != "bearer" or match is None:
            return None
        key = self.config.key(match[1])
        if key is None or not hmac.compare_digest(key.secret_sha256, _digest(match[2])):
            return None
        return Caller(key_id=key.id, tenant=key.tenant, scopes=key.scopes)


def _digest(secret: str) -> str:
    """SHA-256 is enough for 32 random bytes, which cannot be guessed; a slow hash adds nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()
