"""The output in the terminal: messages of the runner, and one line per attempt."""

import contextlib
import json
import sys
from datetime import datetime
from typing import Any

ATTEMPTED = "delivery attempted"  # the message of the dispatcher's log line


def say(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def show_attempts(line: str) -> None:
    """Print a line of the emulator's output if it is a dispatcher's line about an attempt."""
    if ATTEMPTED in line:
        with contextlib.suppress(ValueError, KeyError):  # part of another text
            say(attempt_line(json.loads(line)))


def attempt_line(attempt: dict[str, Any]) -> str:
    """✗  12:00:03.120  OrderReceivedEvent → ERP  attempt 2  503 http_error  41 ms  retry in 2 s"""
    at = datetime.strptime(attempt["timestamp"], "%Y-%m-%d %H:%M:%S,%f%z")
    answer = f"{attempt.get('status_code') or '---'} {attempt['outcome']}"
    columns = (
        "✓" if attempt["outcome"] == "succeeded" else "✗",
        at.astimezone().isoformat(timespec="milliseconds")[11:23],
        f"{attempt['event_type']:<31} → {attempt['endpoint_name']:<14}",
        f"attempt {attempt['attempt']}",
        f"{answer:<14}",
        f"{attempt['duration_ms']:>5} ms",
        _what_next(attempt, at),
    )
    return "  ".join(columns).rstrip()


def _what_next(attempt: dict[str, Any], at: datetime) -> str:
    if next_at := attempt.get("next_attempt_at"):
        return f"retry in {(datetime.fromisoformat(next_at) - at).total_seconds():.1f} s"
    status = str(attempt["delivery_status"])
    return "" if status == "succeeded" else status
