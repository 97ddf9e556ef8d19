"""Endpoints: create, change, restore, rotate and delete; each change makes a new version."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from posthorn.aws.config_table import ConfigStore
from posthorn.aws.kms import Secrets, SigningKey, Vault
from posthorn.core import ids
from posthorn.core.errors import ConflictError, NotFoundError, StaleVersionError
from posthorn.core.problem_details import invalid
from posthorn.egress.url_guard import EgressPolicy
from posthorn.endpoints import signing
from posthorn.endpoints.certificates import extract_key
from posthorn.endpoints.secret_masking import extract_secrets
from posthorn.endpoints.spec_warnings import spec_warnings
from posthorn.endpoints.validation import check_endpoint
from posthorn.events.event_types import builtin
from posthorn.models import (
    DisabledBy,
    EffectiveLimits,
    Endpoint,
    EndpointSpec,
    EndpointStatus,
    EventType,
)
from posthorn.models.paging import cut_page

DRAFT = "draft"  # the author of an endpoint that is not stored
DEFAULT_OVERLAP = timedelta(hours=24)


@dataclass(frozen=True)
class EndpointService:
    config: ConfigStore
    vault: Vault
    policy: EgressPolicy
    limits: Callable[[str], EffectiveLimits]
    now: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]
    require_test: bool = False
    types: Callable[[], Mapping[str, EventType]] = builtin

    def endpoints(
        self, tenant: str, *, limit: int, cursor: str | None = None
    ) -> tuple[list[Endpoint], str | None]:
        """One page of the tenant's endpoints, newest first, and the cursor of the next."""
        newest_first = reversed(self.config.endpoints(tenant))
        rest = (each for each in newest_first if cursor is None or each.id < cursor)
        return cut_page(rest, limit, lambda each: each.id)

    def endpoint(self, tenant: str, endpoint_id: str) -> Endpoint:
        known = ids.is_id("ep", endpoint_id)
        endpoint = self.config.endpoint(tenant, endpoint_id) if known else None
        if endpoint is None:
            raise NotFoundError("there is no such endpoint")
        return endpoint

    def at_version(self, tenant: str, endpoint_id: str, version: int | None) -> Endpoint:
        """The endpoint; StaleVersionError when a version is given that is not its current one."""
        endpoint = self.endpoint(tenant, endpoint_id)
        if version is not None and endpoint.version != version:
            raise StaleVersionError(f"the endpoint is at version {endpoint.version}: read it again")
        return endpoint

    def create(self, tenant: str, spec: EndpointSpec, *, by: str) -> tuple[Endpoint, str]:
        """Create an endpoint; return it with its signing secret."""
        limit = self.limits(tenant).endpoints
        if len(self.config.endpoints(tenant)) >= limit:
            message = f"the limit of this tenant is {limit} endpoints"
            raise ConflictError(message, code="too_many_endpoints")
        if self.require_test and spec.status is not EndpointStatus.DISABLED:
            raise _untested("create it disabled, test it, then enable it")
        secrets = self._first_secrets(spec)
        identity = {**self._identity(tenant, version=1), **_status_fields(spec.status)}
        endpoint = self._build(spec, secrets, identity, by=by)
        self.config.create_endpoint(endpoint)
        return endpoint, secrets.signing[0].secret

    def change(
        self,
        tenant: str,
        endpoint_id: str,
        patch: Mapping[str, Any],
        *,
        by: str,
        expected_version: int | None = None,
    ) -> Endpoint:
        """Replace the fields that `patch` has. A mask in place of a secret keeps the secret."""
        before = self.at_version(tenant, endpoint_id, expected_version)
        spec = _merged(before, patch)
        if self.require_test:
            _check_tested(before, spec)
        return self._changed(before, spec, self._secrets(before), by=by)

    def restore(
        self,
        tenant: str,
        endpoint_id: str,
        version: int,
        *,
        by: str,
        expected_version: int | None = None,
    ) -> Endpoint:
        """Make a version with the settings and credentials of an earlier one.

        Status and signing keys stay: a restore neither enables an endpoint nor brings back a
        rotated secret.
        """
        before = self.at_version(tenant, endpoint_id, expected_version)
        earlier = self.config.version(tenant, endpoint_id, version)
        if earlier is None:
            raise NotFoundError("there is no such version")
        then = self._secrets(earlier.endpoint)
        secrets = self._secrets(before).model_copy(
            update={"auth": then.auth, "headers": then.headers, "tls": then.tls}
        )
        spec = _spec(earlier.endpoint).model_copy(update={"status": before.status})
        return self._changed(before, spec, secrets, by=by)

    def draft(self, tenant: str, spec: EndpointSpec) -> tuple[Endpoint, str]:
        """Build an endpoint without storing it; return it with its own signing secret."""
        secrets = self._first_secrets(spec)
        draft = self._build(spec, secrets, self._identity(tenant, version=0), by=DRAFT)
        return draft, secrets.signing[0].secret

    def changed_draft(self, before: Endpoint, patch: Mapping[str, Any]) -> Endpoint:
        """The endpoint as `change` would make it, with its secrets, but not stored."""
        spec = _merged(before, patch)
        secrets = self._secrets_for(spec, before, self._secrets(before))
        return self._build(spec, secrets, self._identity(before.tenant, version=0), by=DRAFT)

    def rotate(
        self, tenant: str, endpoint_id: str, *, by: str, overlap: timedelta = DEFAULT_OVERLAP
    ) -> tuple[Endpoint, str]:
        """Make a new signing secret. The previous one also signs until the overlap ends."""
        before = self.endpoint(tenant, endpoint_id)
        secrets = self._rotated(self._secrets(before), before.signing.scheme, overlap)
        after = self._build(_spec(before), secrets, _next(before, before.status), by=by)
        self.config.change_endpoint(after)
        return after, secrets.signing[0].secret

    def signing_secret(self, tenant: str, endpoint_id: str) -> str:
        return self._secrets(self.endpoint(tenant, endpoint_id)).signing[0].secret

    def delete(
        self, tenant: str, endpoint_id: str, *, by: str, expected_version: int | None = None
    ) -> None:
        """Delete the endpoint. Log and history stay; pending deliveries are cancelled when due."""
        before = self.at_version(tenant, endpoint_id, expected_version)
        last = before.model_copy(
            update={"version": before.version + 1, "updated_at": self.now(), "updated_by": by}
        )
        self.config.delete_endpoint(last)

    def _changed(
        self, before: Endpoint, spec: EndpointSpec, secrets: Secrets, *, by: str
    ) -> Endpoint:
        secrets = self._secrets_for(spec, before, secrets)
        after = self._build(spec, secrets, _next(before, spec.status), by=by)
        self.config.change_endpoint(after)
        return after

    def _identity(self, tenant: str, *, version: int) -> dict[str, Any]:
        now = self.now()
        endpoint_id = ids.new("ep", now, self.random_bytes(ids.RANDOM_BYTES))
        times = {"created_at": now, "updated_at": now}
        return {"id": endpoint_id, "tenant": tenant, "version": version, **times}

    def _secrets(self, endpoint: Endpoint) -> Secrets:
        return self.vault.open(endpoint.sealed, tenant=endpoint.tenant, endpoint_id=endpoint.id)

    def _first_secrets(self, spec: EndpointSpec) -> Secrets:
        secret = signing.new_secret(spec.signing.scheme, self.random_bytes(signing.SECRET_BYTES))
        return Secrets(signing=(SigningKey(secret=secret),))

    def _secrets_for(self, spec: EndpointSpec, before: Endpoint, secrets: Secrets) -> Secrets:
        if spec.signing.scheme == before.signing.scheme:
            return secrets
        return self._rotated(secrets, spec.signing.scheme, DEFAULT_OVERLAP)

    def _rotated(self, secrets: Secrets, scheme: signing.Scheme, overlap: timedelta) -> Secrets:
        now = self.now()
        end = now + overlap
        fresh = signing.new_secret(scheme, self.random_bytes(signing.SECRET_BYTES))
        ending = [
            SigningKey(secret=key.secret, expires_at=min(key.expires_at or end, end))
            for key in secrets.signing
            if (key.expires_at or end) > now
        ]
        return secrets.model_copy(update={"signing": (SigningKey(secret=fresh), *ending)})

    def _build(
        self, spec: EndpointSpec, secrets: Secrets, identity: Mapping[str, Any], *, by: str
    ) -> Endpoint:
        """Check the spec, seal its secrets, and return the endpoint."""
        check_endpoint(spec, self.policy)
        shown, auth, headers = extract_secrets(
            spec, kept_auth=secrets.auth, kept_headers=secrets.headers
        )
        shown, tls = extract_key(shown, secrets.tls)
        sealed = self.vault.seal(
            secrets.model_copy(update={"auth": auth, "headers": headers, "tls": tls}),
            tenant=identity["tenant"],
            endpoint_id=identity["id"],
        )
        newest = secrets.signing[0].secret
        return Endpoint(
            **shown.model_dump(),
            **{"updated_at": self.now(), **identity},
            public_key=signing.public_key(newest) if spec.signing.scheme == "v1a" else None,
            updated_by=by,
            sealed=sealed,
            warnings=spec_warnings(spec, self.types()),
        )


def _next(before: Endpoint, status: EndpointStatus) -> dict[str, Any]:
    """The fields of the next version that its spec does not have."""
    kept = ("id", "tenant", "created_at", "status_reason", "disabled_by")
    identity = {name: getattr(before, name) for name in kept}
    identity["version"] = before.version + 1
    return identity if status is before.status else {**identity, **_status_fields(status)}


def _check_tested(before: Endpoint, spec: EndpointSpec) -> None:
    """Raise ConflictError when this enables an endpoint with settings that were not tested."""
    if before.status is not EndpointStatus.DISABLED or spec.status is EndpointStatus.DISABLED:
        return
    if before.tested_version != before.version:
        raise _untested("test it, then enable it")
    if spec.model_copy(update={"status": before.status}) != _spec(before):
        raise _untested("change it, test it, then enable it")


def _untested(advice: str) -> ConflictError:
    return ConflictError(
        f"the current version needs a passed test before the endpoint is enabled: {advice}",
        code="test_required",
    )


def _status_fields(status: EndpointStatus) -> dict[str, Any]:
    off = status is EndpointStatus.DISABLED
    return {
        "status_reason": "disabled by its owner" if off else None,
        "disabled_by": DisabledBy.OWNER if off else None,
    }


def _merged(before: Endpoint, patch: Mapping[str, Any]) -> EndpointSpec:
    try:
        return EndpointSpec.model_validate({**_spec(before).model_dump(), **patch})
    except ValidationError as error:
        raise invalid(error.errors()) from None


def _spec(endpoint: Endpoint) -> EndpointSpec:
    return EndpointSpec.model_validate(endpoint.model_dump(include=set(EndpointSpec.model_fields)))
