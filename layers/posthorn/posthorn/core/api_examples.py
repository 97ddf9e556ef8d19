"""Examples of all models, for the OpenAPI description and the documentation."""

from typing import Any

from pydantic import ConfigDict

_MASK = "••••"  # as models.MASK
EVENT_ID = "evt_01KAR7XJ80000000000000000A"
ENDPOINT_ID = "ep_01KAR7XJ80000000000000000B"
DELIVERY_ID = "dlv_01KAR7XJ80000000000000000A_01KAR7XJ80000000000000000B"
KEY_ID = "phk_01KAR7XJ80000000000000000C"
JOB_ID = "job_01KAR7XJ80000000000000000D"
SECRET = "whsec_bm90IGEgc2VjcmV0OiBvbmx5IHdoYXQgb25lIGxvb2tz"  # noqa: S105 - decodes to "not a secret…"
PUBLIC_KEY = "whpk_MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lA=="
_THEN = "2026-11-23T10:00:00.000Z"

EVENT: dict[str, Any] = {
    "type": "OrderReceivedEvent",
    "data": {"ClientId": 1042, "ApplicationId": 1, "ClientOrderRef": "B-20417", "Source": "WEB"},
}
PUBLICATION = {**EVENT, "id": "order-4711-received", "time": "2026-11-23T10:00:00Z"}
CHANGE_EVENT = {
    "type": "CustomerChangedNotification",
    "data": {"ClientId": 1042, "CustomerId": 90311, "EntityChanged": "tClientCustomerAddress"},
    "change": {"entity": "tClientCustomerAddress", "operation": "update", "fields": ["City"]},
}
CLOUD_EVENT = {
    "specversion": "1.0",
    "id": "order-4711-received",
    "source": "https://shop.example.com/orders",
    **EVENT,
    "time": "2026-11-23T10:00:00Z",
}

PORTAL_LINK_SPEC = {"access": "full", "frame_origins": ["https://admin.shop.example.com"]}
PORTAL_LINK = {
    "url": "https://a1b2c3.execute-api.eu-north-1.amazonaws.com/console/portal?token=AQICAHh…",
    "tenant": "acme",
    "access": "full",
    "expires_at": "2026-11-23T10:15:00.000Z",
}

ENDPOINT_SPEC: dict[str, Any] = {
    "name": "ERP",
    "url": "https://erp.example.com/hook",
    "event_types": ["Order*"],
}
FULL_ENDPOINT_SPEC: dict[str, Any] = {
    **ENDPOINT_SPEC,
    "method": "POST",
    "condition": "data.ClientId == `1042`",
    "payload": {"mode": "data", "include": ["ClientId", "ClientOrderRef"]},
    "headers": {"x-shop": "se"},
    "auth": {"kind": "bearer", "token": "a-token-of-the-erp"},
    "retry": {"kind": "schedule", "delays_seconds": [5, 60, 600]},
    "timeout_seconds": 20,
    "status": "disabled",
    "metadata": {"team": "orders"},
}
ENDPOINT_PATCH = {"url": "https://erp.example.com/hook/v2", "timeout_seconds": 20}
CONDITION_PATCH = {"condition": "data.ClientId == `1042`"}
CONFIG_WARNING = {
    "field": "/event_types/0",
    "message": "OrderRecievedEvent is not in the catalogue",
    "suggestion": "did you mean OrderReceivedEvent?",
}
ENDPOINT: dict[str, Any] = {
    "name": "ERP",
    "description": "",
    "url": "https://erp.example.com/hook",
    "method": "POST",
    "event_types": ["Order*"],
    "condition": None,
    "rules": [],
    "payload": {"mode": "envelope"},
    "headers": {"x-shop": "se"},
    "auth": {"kind": "bearer", "token": _MASK},
    "tls": {
        **{"client_certificate": "", "client_key": "", "ca_certificate": ""},
        "certificates": [],
    },
    "signing": {"scheme": "v1"},
    "timeout_seconds": 15.0,
    "follow_redirects": False,
    "retry": {"kind": "schedule", "delays_seconds": [5.0, 60.0, 600.0]},
    "status": "enabled",
    "metadata": {},
    "id": ENDPOINT_ID,
    "status_reason": None,
    "warnings": [],
    "version": 3,
    "created_at": "2026-11-20T08:30:00.000Z",
    "updated_at": _THEN,
    "updated_by": KEY_ID,
}
VERSION = {
    "version": 3,
    "at": _THEN,
    "by": KEY_ID,
    "deleted": False,
    "changes": [{"field": "/timeout_seconds", "before": 20.0, "after": 15.0}],
    "endpoint": ENDPOINT,
}

BODY = '{"type":"OrderReceivedEvent","data":{"ClientId":1042}}'
REQUEST: dict[str, Any] = {
    "method": "POST",
    "url": "https://erp.example.com/hook",
    "headers": {"webhook-id": EVENT_ID, "authorization": _MASK},
}
ATTEMPT: dict[str, Any] = {
    "number": 1,
    "trigger": "first",
    "by": None,
    "endpoint_version": 3,
    "started_at": _THEN,
    "duration_ms": 41,
    "timings_ms": {"dns": 1, "connect": 9, "tls": 20, "first_byte": 41},
    "outcome": "http_error",
    "advice": "answered 404: there is no resource at this URL: check the path",
    "retry_after_seconds": None,
    "certificate_expires_at": "2027-01-22T10:00:00.000Z",
    "request": REQUEST,
    "response": {"status_code": 404, "headers": {}, "body": "", "truncated": False},
}
DELIVERY: dict[str, Any] = {
    "id": DELIVERY_ID,
    "event_id": EVENT_ID,
    "event_type": "OrderReceivedEvent",
    "endpoint_id": ENDPOINT_ID,
    "endpoint_version": 3,
    "status": "retrying",
    "status_reason": None,
    "attempt_count": 1,
    "created_at": _THEN,
    "expires_at": "2026-12-23T10:00:00.000Z",
    "last_attempt_at": _THEN,
    "next_attempt_at": "2026-11-23T10:00:05.000Z",
    "last_outcome": "http_error",
    "last_status_code": 404,
    "test": False,
    "job_id": None,
}
DELIVERIES = {"items": [DELIVERY], "next_cursor": None}
DELIVERIES_SEARCHED = {**DELIVERIES, "examined": 212, "searched_until": "2026-11-22T00:00:00.000Z"}
DELIVERY_OF_EVENT = {**DELIVERY, "endpoint_name": "ERP", "attempts": [ATTEMPT]}
DELIVERY_WITH_ATTEMPTS = {**DELIVERY_OF_EVENT, "body": BODY}
EVENT_SUMMARY = {
    "id": EVENT_ID,
    "published_id": "order-4711-received",
    "type": "OrderReceivedEvent",
    "recorded_at": "2026-11-23T10:00:00.000Z",
    "delivery_count": 1,
}
EVENT_HISTORY = {
    "id": EVENT_ID,
    "published_id": "order-4711-received",
    **EVENT,
    "time": _THEN,
    "accepted_at": _THEN,
    "erased_at": None,
    "erased_by": None,
    "change": None,
    "warnings": [],
    "refused_publications": [],
    "refused_count": 0,
    "summary": "matched 1 of 1 endpoint",
    "decisions": [
        {
            "endpoint_id": ENDPOINT_ID,
            "endpoint_name": "ERP",
            "endpoint_version": 3,
            "endpoint_created_at": "2026-11-20T08:30:00.000Z",
            "endpoint_deleted_at": None,
            "verdict": "matched",
            "reason": "the endpoint subscribes to OrderReceivedEvent",
            "delivery_id": DELIVERY_ID,
            "delivery_status": "retrying",
        }
    ],
    "deliveries": [DELIVERY_OF_EVENT],
}
ERASURE = {"event_id": EVENT_ID, "erased_at": _THEN, "erased_by": KEY_ID}

TYPE_SPEC: dict[str, Any] = {
    "kind": "event",
    "category": "Warehouse",
    "description": "A shelf was counted",
    "schema": {
        "type": "object",
        "properties": {"PartNo": {"type": "string"}, "Count": {"type": "integer"}},
        "required": ["PartNo"],
    },
    "example": {"PartNo": "TENT-3P", "Count": 12},
}
EVENT_TYPE = {
    **TYPE_SPEC,
    "validation": "reject",
    "deprecated": False,
    "deprecated_reason": None,
    "entities": [],
    "name": "StockCountedEvent",
    "source": "custom",
}
SEEN_TYPE: dict[str, Any] = {
    **{key: EVENT_TYPE[key] for key in ("name", "kind", "category", "description", "source")},
    **{key: EVENT_TYPE[key] for key in ("validation", "deprecated", "deprecated_reason")},
    "active": True,
    "health": "ok",
    "endpoint_count": 1,
    "endpoints": [{"id": ENDPOINT_ID, "name": "ERP", "status": "enabled", "health": "ok"}],
    "last_delivery_at": _THEN,
    "last_delivery_exact": True,
    "deliveries_by_hour": [*[0] * 20, 12, 41, 55, 12],
    "success_rate": 0.975,
    "warning_count": 0,
}
WHOLE_TYPE = {
    **SEEN_TYPE,
    **{key: EVENT_TYPE[key] for key in ("schema", "example", "entities")},
}
CATALOGUE = {"event_types": [{"name": "StockCountedEvent", **TYPE_SPEC}]}

TENANT = {
    "id": "acme",
    "name": "Acme",
    "retention_days": 90,
    "limits": {"endpoints": None, "tests_per_minute": None},
    "created_at": _THEN,
    "updated_at": _THEN,
    "effective": {"retention_days": 90, "limits": {"endpoints": 1000, "tests_per_minute": 60}},
}
API_KEY = {
    "id": KEY_ID,
    "name": "Acme shop",
    "tenant": "acme",
    "scopes": ["events:write", "logs:read"],
    "created_at": _THEN,
    "created_by": "phk_01KAR7XJ80000000000000000D",
}
WARNING = {
    "code": "endpoint_failing",
    "message": "no attempt has succeeded since one failed",
    "endpoint_id": ENDPOINT_ID,
    "endpoint_name": "ERP",
    "count": 12,
    "since": _THEN,
    "until": None,
}
NUMBERS: dict[str, Any] = {
    "events": 120,
    "wanted": 120,
    "deliveries": 120,
    "statuses": {
        "pending": 0,
        "succeeded": 117,
        "retrying": 3,
        "held": 0,
        "dead": 0,
        "cancelled": 0,
    },
    "tried": 120,
    "success_rate": 0.975,
    "first_attempt_success_rate": 0.95,
    "attempts": 132,
    "attempts_per_delivery": 1.1,
    "outcomes": {"succeeded": 117, "http_error": 15},
    "latency_ms": {"p50": 53, "p90": 215, "p99": 861},
}
STATS: dict[str, Any] = {
    "since": _THEN,
    "until": "2026-11-23T11:00:00.000Z",
    "bucket": "hour",
    "by": "endpoint",
    "totals": NUMBERS,
    "buckets": [{**NUMBERS, "start": _THEN}],
    "groups": [
        {
            "key": ENDPOINT_ID,
            "name": "ERP",
            "count": 120,
            "counts": [120],
            "numbers": {**NUMBERS, "events": None},
        }
    ],
    "groups_left_off": 0,
}
JOB_FILTER: dict[str, Any] = {
    "endpoint": ENDPOINT_ID,
    "status": "dead",
    "since": "2026-11-22T00:00:00.000Z",
}
JOB_SPEC: dict[str, Any] = {"kind": "replay", "filter": JOB_FILTER, "rate_per_second": 10}
EXPORT = {
    "parts": [
        {
            "name": "part-00001.ndjson.gz",
            "lines": 200,
            "size_bytes": 41872,
            "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "url": "https://s3.eu-north-1.amazonaws.com/posthorn-exports/part-00001.ndjson.gz",
        }
    ],
    "manifest_url": None,
    "links_expire_at": "2026-11-23T10:15:00.000Z",
    "kept_until": "2026-11-30T10:00:00.000Z",
}
JOB: dict[str, Any] = {
    "id": JOB_ID,
    "kind": "replay",
    "status": "running",
    "reason": None,
    "filter": {
        **JOB_FILTER,
        "event_type": None,
        "event_id": None,
        "outcome": None,
        "status_code": None,
        "until": _THEN,
    },
    "rate_per_second": 10.0,
    "matched": 412,
    "counted_all": True,
    "started": 200,
    "skipped": 2,
    "skipped_reasons": {"being_attempted": 2},
    "succeeded": 180,
    "failed": 0,
    "cancelled": 0,
    "held": 0,
    "taken_over": 0,
    "left": 230,
    "eta_at": "2026-11-23T10:00:41.000Z",
    "all_started_at": None,
    "created_at": _THEN,
    "created_by": KEY_ID,
    "updated_at": "2026-11-23T10:00:20.000Z",
    "finished_at": None,
}


def shown(*examples: dict[str, Any]) -> ConfigDict:
    """For `model_config`: add these examples to the schema of the model."""
    return ConfigDict(json_schema_extra={"examples": list(examples)})
