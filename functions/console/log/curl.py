"""A request as a curl command.

Secrets stay masked. curl and the shell interpret nothing: no `@file` in a body, no globs in a URL,
and each text of a tenant or a publisher is one quoted word.
"""

from collections.abc import Mapping
from shlex import quote

_MADE_BY_CURL = frozenset({"content-length", "host"})


def command(
    method: str,
    url: str,
    headers: Mapping[str, str],
    *,
    body: str | None = None,
    body_file: str | None = None,
) -> str:
    """The command with one option per line; a long body is read from a file."""
    options = [("--request", method), ("--url", url)]
    options += [
        # `name:` removes the header, `name;` sends it empty.
        ("--header", f"{name}: {value}" if value else f"{name};")
        for name, value in headers.items()
        if name.lower() not in _MADE_BY_CURL
    ]
    if body_file is not None:
        options.append(("--data-binary", f"@{body_file}"))
    elif body is not None:
        options.append(("--data-raw", body))
    lines = [f"{name} {quote(value)}" for name, value in options]
    return " \\\n  ".join(("curl --globoff --include", *lines))
