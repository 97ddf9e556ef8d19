"""Host names of this machine, which has no https."""

import re

_LOOPBACK = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?", re.IGNORECASE)


def is_loopback(host: str) -> bool:
    """Whether the header `Host` names this machine, with or without a port."""
    return _LOOPBACK.fullmatch(host) is not None
