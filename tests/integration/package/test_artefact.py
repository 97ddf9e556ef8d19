"""The output of `sam build`, run by Lambda's runtime client with nothing else on the path."""

import json
import platform
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import awslambdaric
import pytest

from posthorn.core.settings import Settings
from tests.support.invocations import sample
from tests.support.runtime_api import RuntimeApi, serving
from tests.support.template_facts import ROOT
from tests.support.world import as_environment

# The runtime has these packages besides its client; the function brings all others.
OF_THE_RUNTIME = ("awslambdaric", "simplejson", "snapshot_restore_py", "runtime_client")
MOST_UNZIPPED_BYTES = 250 * 1024 * 1024  # Lambda takes no more of a function and its layers
SETTINGS = Settings(
    config_table_name="ConfigTable",
    log_table_name="LogTable",
    event_queue_url="https://sqs.eu-north-1.amazonaws.com/123456789012/EventQueue",
    retry_queue_url="https://sqs.eu-north-1.amazonaws.com/123456789012/RetryQueue",
    retry_state_machine_arn="arn:aws:states:eu-north-1:123456789012:stateMachine:Retry",
    job_state_machine_arn="arn:aws:states:eu-north-1:123456789012:stateMachine:jobs",
    export_bucket_name="exports",
    secrets_key_arn="arn:aws:kms:eu-north-1:123456789012:key/1",
    operations_bus_name="",
    retention_days=30,
    allow_http=False,
    allow_private_addresses=False,
    require_test=False,
)


@pytest.fixture(scope="module")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The functions and both layers as their makefiles build them, for this interpreter."""
    built = tmp_path_factory.mktemp("artefact")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for folder, target in (
        ("functions", "IngestFunction"),
        ("layers/dependencies", "DependenciesLayer"),
        ("layers/posthorn", "PosthornLayer"),
    ):
        destination = built / target
        destination.mkdir()
        subprocess.run(  # noqa: S603 - fixed arguments
            [  # noqa: S607 - whichever make runs these tests
                "make",
                "--silent",
                f"build-{target}",
                f"ARTIFACTS_DIR={destination}",
                f"UV={Path(sys.executable).with_name('uv')}",
                f"POSTHORN_LAYER_PYTHON={version}",
                f"POSTHORN_LAYER_PLATFORM={platform.machine()}-manylinux_2_28",
            ],
            cwd=ROOT / folder,
            check=True,
        )
    runtime = built / "runtime"
    runtime.mkdir()
    for path in Path(awslambdaric.__file__).parent.parent.iterdir():
        if path.name.split(".")[0] in OF_THE_RUNTIME:
            (runtime / path.name).symlink_to(path)
    return built


def environment(artefact: Path, **variables: str) -> dict[str, str]:
    """The environment that Lambda gives a function: its settings and the path to the artefact."""
    path = [
        artefact / "IngestFunction",
        artefact / "DependenciesLayer" / "python",
        artefact / "PosthornLayer" / "python",
        artefact / "runtime",
    ]
    return {
        **as_environment(SETTINGS),
        **variables,
        "AWS_REGION": "eu-north-1",
        "AWS_DEFAULT_REGION": "eu-north-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_LAMBDA_FUNCTION_NAME": "function",
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_LOG_GROUP_NAME": "group",
        "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
        "PYTHONPATH": ":".join(map(str, path)),
    }


@contextmanager
def running(artefact: Path, handler: str) -> Iterator[RuntimeApi]:
    """A function of the artefact in a process of its own, without this environment's packages."""
    with serving() as (api, address):
        # -S excludes site-packages, so only the artefact can be imported.
        process = subprocess.Popen(  # noqa: S603 - fixed arguments
            [sys.executable, "-S", "-m", "awslambdaric", f"{handler}.handler.lambda_handler"],
            env=environment(artefact, AWS_LAMBDA_RUNTIME_API=address),
            cwd=artefact / "IngestFunction",
            stdout=subprocess.DEVNULL,
        )
        try:
            yield api
        finally:
            process.kill()
            process.wait()


def http(name: str, **changes: Any) -> dict[str, Any]:
    return {**sample(name), **changes}


def test_all_imports_of_the_functions_are_in_the_artefact(artefact: Path) -> None:
    program = """
import importlib, json, sys
for function in sys.argv[1:]:
    importlib.import_module(f"{function}.handler")
print(json.dumps({name: getattr(m, "__file__", None) for name, m in sys.modules.items()}))
"""
    names = [path.parent.name for path in (artefact / "IngestFunction").glob("*/handler.py")]
    done = subprocess.run(  # noqa: S603 - fixed arguments
        [sys.executable, "-S", "-c", program, *names],
        env=environment(artefact),
        cwd=artefact,
        check=True,
        capture_output=True,
    )

    files = {name: Path(file) for name, file in json.loads(done.stdout).items() if file}
    assert len(names) >= 5
    assert files["boto3"].is_relative_to(artefact / "DependenciesLayer")
    assert files["posthorn"].is_relative_to(artefact / "PosthornLayer")
    ours = (artefact, Path(sysconfig.get_path("stdlib")))
    assert [file for file in files.values() if not any(map(file.is_relative_to, ours))] == []
    assert [file for file in files.values() if "site-packages" in file.parts] == []


def test_the_authorizer_refuses_a_request_without_a_key(artefact: Path) -> None:
    with running(artefact, "authorizer") as function:
        answer = function.invoke(http("authorizer.json", headers={"authorization": "Bearer x"}))

    assert answer == {"isAuthorized": False}


def test_the_api_describes_itself(artefact: Path) -> None:
    document, page = (
        http("api-list-deliveries.json", rawPath=path) for path in ("/openapi.json", "/docs")
    )
    for request in (document, page):
        request["requestContext"]["http"]["path"] = request["rawPath"]

    with running(artefact, "api") as function:
        described, shown = function.invoke(document), function.invoke(page)

    assert (described["statusCode"], shown["statusCode"]) == (200, 200)
    assert json.loads(described["body"])["openapi"].startswith("3.1")
    assert "<h1>Posthorn API</h1>" in shown["body"]


def test_the_console_brings_its_templates_and_its_stylesheet(artefact: Path) -> None:
    request = http("console-sign-in.json")

    with running(artefact, "console") as function:
        answer = function.invoke(request)

    assert answer["statusCode"] == 200
    assert "posthorn.css" in answer["body"]


def test_ingest_refuses_a_path_that_is_not_its_own(artefact: Path) -> None:
    request = http("ingest.json", rawPath="/v1/nothing")
    request["requestContext"]["http"]["path"] = "/v1/nothing"

    with running(artefact, "ingest") as function:
        answer = function.invoke(request)

    assert answer["statusCode"] == 404
    assert json.loads(answer["body"])["code"] == "not_found"


def test_the_dispatcher_returns_a_poison_message_to_the_queue(artefact: Path) -> None:
    batch = sample("dispatcher-event.json")
    batch["Records"][0]["body"] = "no JSON"

    with running(artefact, "dispatcher") as function:
        answer = function.invoke(batch)

    assert answer == {"batchItemFailures": [{"itemIdentifier": batch["Records"][0]["messageId"]}]}


def test_sam_builds_for_lambda_where_only_this_interpreter_is(tmp_path: Path) -> None:
    sam = Path(sys.executable).with_name("sam")

    subprocess.run(  # noqa: S603 - fixed arguments
        [sam, "build", "--build-dir", tmp_path / "build", "--template", ROOT / "template.yaml"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )

    layer = tmp_path / "build" / "DependenciesLayer" / "python"
    (library,) = (layer / "pydantic_core").glob("*.so")
    assert "cpython-313-aarch64" in library.name
    assert (tmp_path / "build" / "PosthornLayer" / "python" / "posthorn" / "py.typed").is_file()
    assert (tmp_path / "build" / "DispatcherFunction" / "dispatcher" / "handler.py").is_file()
    parts = ("DispatcherFunction", "DependenciesLayer", "PosthornLayer")
    files = [file for part in parts for file in (tmp_path / "build" / part).rglob("*")]
    assert sum(file.stat().st_size for file in files if file.is_file()) < MOST_UNZIPPED_BYTES
