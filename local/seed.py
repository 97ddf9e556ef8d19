"""Demo data: a tenant with endpoints that behave well and badly, and events of its shop."""

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local.api import Api, ApiError
from local.emulation.stack import Stack
from posthorn.aws.config_table import ConfigStore
from posthorn.aws.dynamodb import Table
from posthorn.models import Scope
from posthorn.tenants.api_keys import ApiKeyService

TENANT = "demo"
TENANT_SCOPES = [scope for scope in Scope if scope is not Scope.ADMIN]
RETRY = {"kind": "schedule", "delays_seconds": [1, 2, 3]}

# Name, path at the receiver (receiver.py), and event types.
ENDPOINTS = (
    ("ERP", "/ok/erp", ["Order*", "JobCompletedEvent"]),
    ("Mail service", "/fail/2/mail", ["OrderReceivedEvent"]),
    ("Price feed", "/busy/3/prices", ["SkuPriceChangedNotification"]),
    ("Warehouse", "/always/500/warehouse", ["SkuOnHandBreakPointNotification"]),
    ("Data lake", "/slow/1/lake", ["Order*", "Sku*", "Job*"]),
    ("Old CRM", "/gone/crm", ["CustomerChangedNotification"]),
)

_SHOP = {"ClientId": 1042, "ApplicationId": 1}
ORDER: dict[str, Any] = {
    "type": "OrderReceivedEvent",
    "data": _SHOP
    | {
        "ClientOrderRef": "B-20417",
        "Email": "kim@example.com",
        "FirstName": "Kim",
        "Source": "WEB",
    },
}
PRICE: dict[str, Any] = {
    "type": "SkuPriceChangedNotification",
    "data": _SHOP
    | {"PartNo": "TENT-3P", "PricelistId": 7, "PricelistCode": "SE-B2C", "PriceSaleValue": 2499.0},
}
STOCK: dict[str, Any] = {
    "type": "SkuOnHandBreakPointNotification",
    "data": _SHOP
    | {"PartNo": "TENT-3P", "WarehouseId": 3, "WarehouseCode": "SE1", "LocationId": 12}
    | {"OnHandValue": 4, "MinimumValue": 5},
}
CUSTOMER: dict[str, Any] = {
    "type": "CustomerChangedNotification",
    "data": {"ClientId": 1042, "CustomerId": 90311, "EntityChanged": "tClientCustomerAddress"},
    "change": {
        "entity": "tClientCustomerAddress",
        "operation": "update",
        "fields": ["City", "ZipCode"],
    },
}
JOB: dict[str, Any] = {
    "type": "JobCompletedEvent",
    "data": {"ClientId": 1042, "JobId": 5519, "StatusId": 2},
}


@dataclass(frozen=True)
class Keys:
    admin: str = field(repr=False)
    tenant: str = field(repr=False)


def create_admin_key(stack: Stack) -> str:
    """Create the first key, which cannot be done through the API."""
    table = Table(stack.client("dynamodb"), stack.resources["ConfigTable"])
    access = ApiKeyService(
        ConfigStore(table), now=lambda: datetime.now(UTC), random_bytes=os.urandom
    )
    _, key = access.create_key(name="local", tenant=None, scopes=[Scope.ADMIN], by="local")
    return key


def create_tenant(admin: Api, tenant: str, *, name: str) -> str:
    """Create a tenant with its own key, and return the key."""
    admin.call("PUT", f"/v1/tenants/{tenant}", body={"name": name})
    asked = {"name": name, "tenant": tenant, "scopes": TENANT_SCOPES}
    return str(admin.call("POST", "/v1/api-keys", body=asked)["key"])


def create_endpoint(api: Api, name: str, *, url: str, event_types: list[str]) -> dict[str, Any]:
    asked = {"name": name, "url": url, "event_types": event_types, "retry": RETRY}
    created: dict[str, Any] = api.call("POST", "/v1/endpoints", body=asked)
    return created


def seed(stack: Stack, *, receiver_url: str) -> Keys:
    """Create the demo tenant and its endpoints."""
    admin = create_admin_key(stack)
    tenant = create_tenant(Api(stack.api_url, admin), TENANT, name="Demo")
    api = Api(stack.api_url, tenant)
    for name, path, event_types in ENDPOINTS:
        create_endpoint(api, name, url=f"{receiver_url}{path}", event_types=event_types)
    return Keys(admin=admin, tenant=tenant)


def publish(api: Api) -> int:
    """Publish an event of each kind; return their number."""
    events = [ORDER, PRICE, STOCK, CUSTOMER, JOB]
    for result in api.call("POST", "/v1/events", body={"events": events})["results"]:
        if "error" in result:
            raise ApiError(f"a demo event was refused: {result['error']}")
    return len(events)
