"""ConfigTable: tenants, API keys, event types, endpoints and their versions.

tenants            {tenant id}                   a tenant; the stamp of its endpoints
keys               {key id}                      an API key
types              {name}                        a custom event type, or a replaced built-in one
tenant#{tenant}    endpoint#{endpoint id}        the current version of an endpoint
tenant#{tenant}    version#{endpoint id}#{n}     version n of the endpoint
tenant#{tenant}    deleted#{endpoint id}         a tombstone: the log of the endpoint may outlast it
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel

from posthorn.aws.dynamodb import ConditionFailed, Table
from posthorn.core.errors import NotFoundError, StaleVersionError
from posthorn.models import ApiKey, Endpoint, EventType, Health, Item, Model, Tenant, Time, iso

_ABSENT = "attribute_not_exists(#pk)"
_PRESENT = "attribute_exists(#pk)"
_BELOW = "#pk = :pk AND begins_with(#sk, :prefix)"
_M = TypeVar("_M", bound=BaseModel)


class EndpointVersion(Model):
    """One version of an endpoint. The last one of a deleted endpoint is the deletion."""

    version: int
    at: Time
    by: str
    deleted: bool = False
    endpoint: Endpoint


class ConfigStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def tenant(self, tenant_id: str) -> Tenant | None:
        return self._read(Tenant, _tenant_key(tenant_id))

    def stamped_tenant(self, tenant_id: str) -> tuple[Tenant | None, int]:
        """The tenant, and the stamp that every change of its endpoints moves."""
        item = self._table.get(_tenant_key(tenant_id))
        if item is None:
            return None, 0
        return Tenant.model_validate_json(item["document"]), item.get("stamp", 0)

    def tenants(self, *, after: str | None = None, page: int | None = None) -> Iterator[Tenant]:
        """Yield all by id, starting after one; `page` is the number read at once."""
        return self._list(Tenant, "tenants", beyond=after, page=page)

    def put_tenant(self, tenant: Tenant) -> None:
        self._table.update(_tenant_key(tenant.id), {"document": _dump(tenant)})

    def delete_tenant(self, tenant_id: str) -> None:
        self._table.delete(_tenant_key(tenant_id))

    def key(self, key_id: str) -> ApiKey | None:
        return self._read(ApiKey, {"pk": "keys", "sk": key_id})

    def api_keys(self, *, before: str | None = None, page: int | None = None) -> Iterator[ApiKey]:
        """Yield all, newest first, starting before one; `page` is the number read at once."""
        return self._list(ApiKey, "keys", beyond=before, page=page, newest_first=True)

    def put_key(self, key: ApiKey) -> None:
        self._table.put({"pk": "keys", "sk": key.id, "document": _dump(key)}, condition=_ABSENT)

    def delete_key(self, key_id: str) -> None:
        """Delete the key; raise NotFoundError."""
        try:
            self._table.delete({"pk": "keys", "sk": key_id}, condition="attribute_exists(#pk)")
        except ConditionFailed:
            raise NotFoundError("there is no such API key") from None

    def event_type(self, name: str) -> EventType | None:
        return self._read(EventType, {"pk": "types", "sk": name})

    def event_types(self) -> list[EventType]:
        return list(self._list(EventType, "types"))

    def put_event_type(self, event_type: EventType) -> None:
        self._table.put({"pk": "types", "sk": event_type.name, "document": _dump(event_type)})

    def delete_event_type(self, name: str) -> None:
        self._table.delete({"pk": "types", "sk": name})

    def endpoint(self, tenant: str, endpoint_id: str) -> Endpoint | None:
        item = self._table.get(_endpoint_key(tenant, endpoint_id))
        return _endpoint(item) if item else None

    def endpoints(self, tenant: str) -> list[Endpoint]:
        """All endpoints of a tenant, oldest first, read consistently."""
        rows = self._table.query(_BELOW, {"pk": f"tenant#{tenant}", "prefix": "endpoint#"})
        return [_endpoint(row) for row in rows]

    def put_health(self, endpoint: Endpoint, health: Health) -> bool:
        """Write the health of the endpoint; False if another attempt has written it meanwhile.

        A new version of the endpoint has a new health: past failures do not count against it.
        """
        values: Item = {"version": endpoint.version}
        seen = "attribute_not_exists(#health)"
        if known := _health(endpoint.health):
            seen = "#health = :known"
            values["known"] = known
        try:
            self._table.update(
                _endpoint_key(endpoint.tenant, endpoint.id),
                {"health": _health(health)},
                condition=f"#version = :version AND {seen}",
                values=values,
            )
            # Apart from it, so that endpoints that fail together do not conflict. If we die in
            # between, an environment has the old health until its cache is a minute old.
            self._table.update(
                _tenant_key(endpoint.tenant), {}, condition=_PRESENT, increments={"stamp": 1}
            )
        except ConditionFailed:
            return False
        return True

    def deleted_endpoints(self, tenant: str, *, since: datetime) -> list[str]:
        """Ids of the endpoints deleted since then, whose deliveries may still be in the log."""
        rows = self._table.query(_BELOW, {"pk": f"tenant#{tenant}", "prefix": "deleted#"})
        return [
            row["sk"].removeprefix("deleted#") for row in rows if row["deleted_at"] > iso(since)
        ]

    def create_endpoint(self, endpoint: Endpoint) -> None:
        self._write(endpoint, condition=_ABSENT, values=None)

    def change_endpoint(self, endpoint: Endpoint) -> None:
        """Write the next version; raise StaleVersionError if the stored one has changed."""
        self._write(
            endpoint, condition="#version = :before", values={"before": endpoint.version - 1}
        )

    def versions(
        self, tenant: str, endpoint_id: str, *, below: int | None = None, page: int
    ) -> Iterator[EndpointVersion]:
        """Yield the endpoint's versions, newest first, starting below a version."""
        rows = self._table.query(
            "#pk = :pk AND #sk BETWEEN :first AND :last",
            {
                "pk": f"tenant#{tenant}",
                "first": f"version#{endpoint_id}#",
                "last": f"version#{endpoint_id}#{f'{below - 1:06d}' if below else '9'}",
            },
            newest_first=True,
            page=page,
        )
        return (EndpointVersion.model_validate_json(row["document"]) for row in rows)

    def version(self, tenant: str, endpoint_id: str, version: int) -> EndpointVersion | None:
        return self._read(EndpointVersion, _version_key(tenant, endpoint_id, version))

    def put_tested(self, endpoint: Endpoint) -> None:
        """Record that this version passed a test, unless it is no longer current."""
        with suppress(ConditionFailed):
            self._table.update(
                _endpoint_key(endpoint.tenant, endpoint.id),
                {"tested_version": endpoint.version},
                condition="#version = :version",
                values={"version": endpoint.version},
            )

    def _write(self, endpoint: Endpoint, *, condition: str, values: Item | None) -> None:
        item = {
            **_endpoint_key(endpoint.tenant, endpoint.id),
            "version": endpoint.version,
            "document": _dump(endpoint),
        }
        put = self._table.put_request(item, condition=condition, values=values)
        try:
            self._table.write_together(
                [{"Put": put}, self._history(endpoint, deleted=False), self._moved(endpoint.tenant)]
            )
        except ConditionFailed:
            raise _stale_version() from None

    def delete_endpoint(self, last: Endpoint) -> None:
        """Delete the endpoint; `last`, the version after the current one, ends its history."""
        delete = self._table.delete_request(
            _endpoint_key(last.tenant, last.id),
            condition="#version = :before",
            values={"before": last.version - 1},
        )
        tombstone = self._table.put_request(
            {
                "pk": f"tenant#{last.tenant}",
                "sk": f"deleted#{last.id}",
                "deleted_at": iso(last.updated_at),
            }
        )
        try:
            self._table.write_together(
                [
                    {"Delete": delete},
                    {"Put": tombstone},
                    self._history(last, deleted=True),
                    self._moved(last.tenant),
                ]
            )
        except ConditionFailed:
            raise _stale_version() from None

    def _moved(self, tenant: str) -> Item:
        """Move the tenant's stamp, so that dispatchers read its endpoints again."""
        key = _tenant_key(tenant)
        request = self._table.update_request(key, {}, condition=_PRESENT, increments={"stamp": 1})
        return {"Update": request}

    def _history(self, endpoint: Endpoint, *, deleted: bool) -> Item:
        entry = EndpointVersion(
            version=endpoint.version,
            at=endpoint.updated_at,
            by=endpoint.updated_by,
            deleted=deleted,
            endpoint=endpoint,
        )
        key = _version_key(endpoint.tenant, endpoint.id, endpoint.version)
        return {
            "Put": self._table.put_request({**key, "document": _dump(entry)}, condition=_ABSENT)
        }

    def _read(self, model: type[_M], key: Item) -> _M | None:
        item = self._table.get(key)
        return model.model_validate_json(item["document"]) if item else None

    def _list(
        self,
        model: type[_M],
        pk: str,
        *,
        beyond: str | None = None,
        page: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[_M]:
        condition, values = "#pk = :pk", {"pk": pk}
        if beyond is not None:
            condition += f" AND #sk {'<' if newest_first else '>'} :beyond"
            values["beyond"] = beyond
        rows = self._table.query(condition, values, newest_first=newest_first, page=page)
        return (model.model_validate_json(row["document"]) for row in rows)


def _endpoint(item: Item) -> Endpoint:
    endpoint = Endpoint.model_validate_json(item["document"])
    if "tested_version" in item:
        endpoint = endpoint.model_copy(update={"tested_version": item["tested_version"]})
    if "health" in item:
        health = Health.model_validate_json(item["health"])
        endpoint = endpoint.model_copy(update={"health": health})
    return endpoint


def _health(health: Health) -> str | None:
    """The attribute for the health; None, which removes it, for a healthy endpoint."""
    return None if health == Health() else health.model_dump_json(exclude_defaults=True)


def _tenant_key(tenant: str) -> Item:
    return {"pk": "tenants", "sk": tenant}


def _endpoint_key(tenant: str, endpoint_id: str) -> Item:
    return {"pk": f"tenant#{tenant}", "sk": f"endpoint#{endpoint_id}"}


def _version_key(tenant: str, endpoint_id: str, version: int) -> Item:
    return {"pk": f"tenant#{tenant}", "sk": f"version#{endpoint_id}#{version:06d}"}


def _stale_version() -> StaleVersionError:
    return StaleVersionError("the endpoint was changed in the meantime: read it again")


def _dump(model: BaseModel) -> str:
    return model.model_dump_json()
