"""Ids: a prefix for the kind, then a ULID.

The id of an event published with an id is derived from that and the tenant, so a repeated
publication is recognised without a look-up. The id of a delivery combines those of its event and
endpoint.
"""

import hashlib
import re
from datetime import datetime

from ulid import ULID

RANDOM_BYTES = 10
_ULID = "[0-9A-HJKMNP-TV-Z]{26}"
_DELIVERY = re.compile(f"dlv_({_ULID})_({_ULID})")


def new(prefix: str, now: datetime, random_bytes: bytes) -> str:
    """Make a sortable id from RANDOM_BYTES random bytes."""
    milliseconds = int(now.timestamp() * 1000)
    return f"{prefix}_{ULID.from_bytes(milliseconds.to_bytes(6, 'big') + random_bytes)}"


def derived_event(tenant: str, published_id: str) -> str:
    digest = hashlib.sha256(f"{tenant}\0{published_id}".encode()).digest()
    return f"evt_{ULID.from_bytes(digest[:16])}"


def is_id(prefix: str, text: str) -> bool:
    """Whether the text is an id of this kind; other text may exceed the size of a table key."""
    return re.fullmatch(f"{prefix}_{_ULID}", text) is not None


def delivery(event_id: str, endpoint_id: str) -> str:
    return f"dlv_{event_id.removeprefix('evt_')}_{endpoint_id.removeprefix('ep_')}"


def parts_of_delivery(delivery_id: str) -> tuple[str, str] | None:
    """Event id and endpoint id, or None if this is not a delivery id."""
    match = _DELIVERY.fullmatch(delivery_id)
    return (f"evt_{match[1]}", f"ep_{match[2]}") if match else None
