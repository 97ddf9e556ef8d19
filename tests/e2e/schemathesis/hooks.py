"""For schemathesis: whatever URL it makes up, what we send goes no further than the receiver."""

import os
from typing import Any
from urllib.parse import urlsplit

import schemathesis

RECEIVER = os.environ["POSTHORN_RECEIVER"]


@schemathesis.hook
def before_call(
    context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]
) -> None:
    case.body = _near(case.body)


def _near(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: f"{RECEIVER}/ok"
            if name in ("url", "token_url") and _is_url(each)
            else _near(each)
            for name, each in value.items()
        }
    return [_near(each) for each in value] if isinstance(value, list) else value


def _is_url(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(urlsplit(value).hostname)
    except ValueError:
        return False
