"""The modules that each function loads: imports are most of a cold start."""

import json
import subprocess
import sys

import pytest

HEAVY = {"cryptography", "jinja2", "jsonschema_rs"}
LOADED = f"""
import importlib, json, sys
sys.modules["OpenSSL"] = None  # not in Lambda: urllib3 would load cryptography with it
importlib.import_module(sys.argv[1] + ".handler")
own = [name for name in sys.modules if name.startswith("posthorn.")]
print(json.dumps([len(own), sorted({HEAVY} & sys.modules.keys())]))
"""


@pytest.mark.parametrize(
    ("function", "most_modules", "heavy"),
    [
        ("authorizer", 22, set()),
        ("stats", 38, set()),
        ("ingest", 38, {"jsonschema_rs"}),
        ("sweeper", 44, set()),
        ("conservation", 45, set()),
        ("job", 53, set()),
        ("dispatcher", 62, set()),
        ("console", 126, {"jinja2", "jsonschema_rs"}),
        ("api", 128, {"jsonschema_rs"}),
    ],
)
def test_a_function_loads_the_modules_that_it_uses(
    function: str, most_modules: int, heavy: set[str]
) -> None:
    command = [sys.executable, "-c", LOADED, function]
    printed = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    modules, loaded = json.loads(printed.stdout)

    assert modules <= most_modules
    assert set(loaded) == heavy
