"""The deployed stack: template.yaml on an emulator with bridged gaps."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.emulation import bridge, layers, packaging, recorder
from local.emulation.emulator import REGION, Emulator, EmulatorError, running

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".local"
DEPENDENCIES, PACKAGE = "layers/dependencies", "layers/posthorn"  # ContentUri of each layer
STACK_NAME = "posthorn"
BUCKET = "artifacts"
DEPLOY_SECONDS = 60
# The receiver is plain http on loopback. Few workers: each is a process on this machine.
PARAMETERS = {
    "AllowHttp": "true",
    "AllowPrivateAddresses": "true",
    "EventConcurrency": "2",
    "RetryConcurrency": "2",
}


@dataclass(frozen=True)
class Stack:
    """A running stack. `resources` are the physical ids by the template's logical ids."""

    emulator: Emulator
    resources: dict[str, str]
    calls_file: Path | None = field(default=None, repr=False)

    @property
    def api_url(self) -> str:
        return self.emulator.api_url

    def client(self, service: str) -> Any:
        return self.emulator.client(service)

    def functions(self) -> dict[str, str]:
        """Physical names by logical ids."""
        return {key: name for key, name in self.resources.items() if key.endswith("Function")}

    def setting(self, name: str) -> str:
        """The functions' value of this environment variable."""
        dispatcher = self.functions()["DispatcherFunction"]
        told = self.client("lambda").get_function_configuration(FunctionName=dispatcher)
        return str(told["Environment"]["Variables"][name])

    def calls(self) -> list[dict[str, Any]]:
        """The functions' AWS calls so far; `function` is a logical id (recorder.py)."""
        if self.calls_file is None:
            raise EmulatorError("this stack was started without record_calls")
        logical = {name: key for key, name in self.functions().items()}
        calls = [json.loads(line) for line in self.calls_file.read_text().splitlines()]
        return [call | {"function": logical[call["function"]]} for call in calls]


@contextlib.contextmanager
def deployed(
    port: int,
    *,
    folder: Path = CACHE,
    on_line: Callable[[str], None] = lambda line: None,
    record_calls: bool = False,
) -> Iterator[Stack]:
    """Run the stack on `port`; the emulator's log and the recorded calls go to `folder`."""
    dependencies = layers.build_dependencies(ROOT / DEPENDENCIES / "requirements.txt", CACHE)
    folder.mkdir(parents=True, exist_ok=True)
    calls_file, plugin, variables = None, None, {}
    if record_calls:
        calls_file, plugin = folder / "calls.jsonl", Path(recorder.__file__)
        calls_file.write_text("")
        variables = {recorder.CALLS_FILE: str(calls_file)}
    archives = {
        DEPENDENCIES: layers.pointing_to(dependencies, plugin=plugin),
        PACKAGE: layers.pointing_to(ROOT / PACKAGE),
    }
    log = folder / "emulator.log"
    with running(port, log=log, on_line=on_line, variables=variables) as emulator:
        yield Stack(emulator, _deploy(emulator, archives), calls_file)


def _deploy(emulator: Emulator, archives: dict[str, bytes]) -> dict[str, str]:
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})

    def store(key: str, content: bytes) -> str:
        s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        return f"s3://{BUCKET}/{key}"

    cloudformation = emulator.client("cloudformation")
    cloudformation.create_stack(
        StackName=STACK_NAME,
        TemplateBody=packaging.package(ROOT / "template.yaml", archives, store=store),
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in PARAMETERS.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    _wait_until_complete(cloudformation)
    deployment = bridge.read_deployment(emulator, STACK_NAME)
    bridge.bridge_gaps(deployment)
    return deployment.physical_ids()


def _wait_until_complete(cloudformation: Any) -> None:
    deadline = time.monotonic() + DEPLOY_SECONDS
    while time.monotonic() < deadline:
        (stack,) = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"]
        if stack["StackStatus"] == "CREATE_COMPLETE":
            return
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            break
        time.sleep(0.05)
    raise EmulatorError(f"the deploy ended as {stack['StackStatus']}: {_reasons(cloudformation)}")


def _reasons(cloudformation: Any) -> str:
    events = cloudformation.describe_stack_events(StackName=STACK_NAME)["StackEvents"]
    return "; ".join(
        f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
        for event in events
        if event.get("ResourceStatusReason") and "FAILED" in event["ResourceStatus"]
    )
