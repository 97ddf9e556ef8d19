"""Packed text unpacks to itself and is at most one byte longer than the text."""

import json

from hypothesis import given
from hypothesis import strategies as st

from posthorn.deliveries.items import pack, unpack


@given(st.text(max_size=2000))
def test_any_text_comes_back(text: str) -> None:
    assert unpack(pack(text)) == text


@given(st.text(max_size=2000))
def test_packing_adds_at_most_its_tag_byte(text: str) -> None:
    assert len(pack(text)) <= len(text.encode()) + 1


def test_a_usual_attempt_shrinks_by_more_than_half() -> None:
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
