"""What is packed comes back, and never takes more than a byte beside its text."""

import json

from hypothesis import given
from hypothesis import strategies as st

from posthorn.deliveries.items import pack, unpack


@given(st.text(max_size=2000))
def test_any_text_comes_back(text: str) -> None:
    assert unpack(pack(text)) == text


@given(st.text(max_size=2000))
def test_packing_costs_at_most_the_byte_that_tells_how(text: str) -> None:
    assert len(pack(text)) <= len(text.encode()) + 1


def test_what_the_log_writes_most_shrinks_by_more_than_half() -> None:
    attempt = {
        "number": 1,
        "trigger": "first",
        "endpoint_version": 1,
        "started_at": "2026-11-23T10:00:00.000Z",
        "duration_ms": 41,
        "outcome": "succeeded",
        "advice": "",
        "request": {
            "method": "POST",
            "url": "https://erp.example.com/hook",
            "headers": {"content-type": "application/json", "webhook-id": "evt_01KAR7XJ8000000"},
        },
    }
    text = json.dumps(attempt, separators=(",", ":"))

    assert len(pack(text)) < len(text) / 2


def test_text_that_was_kept_plain_is_read_too() -> None:
    assert unpack(b"\0" + "Åström".encode()) == "Åström"
