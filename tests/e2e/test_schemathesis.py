"""The API against its description, by a program that has only the description."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.stack import Running

FOLDER = Path(__file__).parent / "schemathesis"
ADMIN_TAGS = ("Tenants", "API keys")
ADMIN_OPERATIONS = ("put_event_type", "delete_event_type", "import_event_types")


def only_of_admins(filter: str) -> list[str]:
    """Arguments that include them, or exclude them."""
    tags = [word for tag in ADMIN_TAGS for word in (f"--{filter}-tag", tag)]
    return tags + [word for id in ADMIN_OPERATIONS for word in (f"--{filter}-operation-id", id)]


def run(stack: Running, key: str, phases: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("schemathesis")
    return subprocess.run(  # noqa: S603 - fixed arguments
        [
            program,
            *("--config-file", "schemathesis.toml"),
            *("run", f"{stack.url}/openapi.json", "--checks", "all", "--no-color"),
            *("--header", f"Authorization: Bearer {key}", "--phases", phases),
            *arguments,
        ],
        cwd=FOLDER,
        env={
            **{name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
            "POSTHORN_RECEIVER": stack.receiver.url,
            "POSTHORN_PHASES": phases,
            "PYTHONPATH": str(FOLDER),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("who", "phases"),
    [
        ("tenant", "examples,fuzzing"),
        ("tenant", "stateful"),
        ("admin", "examples,fuzzing"),  # links would lead it to the tenants of other tests
    ],
)
def test_the_api_conforms_to_its_description(stack: Running, who: str, phases: str) -> None:
    key = stack.admin.key if who == "admin" else stack.new_tenant().key
    of_admins = only_of_admins("include" if who == "admin" else "exclude")

    if phases == "stateful":  # hooks.py replaces the first request of a sequence by a valid one
        of_admins += ["--mode", "positive", "--exclude-checks", "negative_data_rejection"]

    done = run(stack, key, phases, *of_admins)

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
