"""The emulator of AWS: one ministack process with its own environment.

Its Lambda workers inherit that environment, so it contains nothing of the caller's (proxies, CA
bundles, credentials). They are in its process group, so stopping the group stops them too.
"""

import contextlib
import ctypes
import functools
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

import boto3
import botocore.session
import requests
from botocore.config import Config

REGION = "eu-north-1"
ACCOUNT = "000000000000"
API_HOST = "127.0.0.1"  # see bridge.serve_api_at_loopback
START_SECONDS = 30
STOP_SECONDS = 5  # ministack's own grace for its workers is 2 s
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


class EmulatorError(Exception):
    """The emulator did not start, or refused the stack."""


@dataclass(frozen=True)
class Emulator:
    """A running emulator.

    One port serves two hosts: `localhost` for AWS calls, the IP address for the HTTP API.
    """

    port: int
    ended: threading.Event = field(default_factory=threading.Event, repr=False)

    @classmethod
    def at(cls, url: str) -> Self:
        """An emulator that already runs at this URL."""
        return cls(int(url.rpartition(":")[2]))

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def api_url(self) -> str:
        return f"http://{API_HOST}:{self.port}"

    def client(self, service: str) -> Any:
        """A boto3 client that reads nothing from the caller's environment."""
        connect: Any = _session().client  # typed for literal names only
        return connect(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 the emulator takes any
            config=Config(proxies={}, retries={"total_max_attempts": 3}, max_pool_connections=20),
        )


@functools.cache
def _session() -> boto3.Session:
    unread = {"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None)}
    return boto3.Session(botocore_session=botocore.session.Session(unread))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(
    port: int,
    *,
    log: Path,
    on_line: Callable[[str], None] = lambda line: None,
    variables: Mapping[str, str] | None = None,
) -> Iterator[Emulator]:
    """Run an emulator for the length of the `with` block, and remove all its files and processes.

    `on_line` is called on another thread for each line of its output, including the functions'
    logs. `variables` are added to the environment of the emulator and of each function.
    """
    with tempfile.TemporaryDirectory(prefix="posthorn-", ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"],
            cwd=folder,
            env=_environment(port, folder) | dict(variables or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        emulator = Emulator(port)
        reader = threading.Thread(
            target=_read,
            args=(process.stdout, log, on_line),
            kwargs={"ended": emulator.ended},
            daemon=True,
        )
        reader.start()
        try:
            _wait_until_ready(emulator, process, log)
            yield emulator
        finally:
            _stop(process)
            reader.join(timeout=STOP_SECONDS)


def _environment(port: int, folder: str) -> dict[str, str]:
    return {
        "PATH": os.defpath,
        "HOME": folder,
        "TMPDIR": folder,
        "LANG": "C.UTF-8",
        "BIND_HOST": "127.0.0.1",  # its default is every interface
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "AWS_ENDPOINT_URL": f"http://localhost:{port}",
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONUNBUFFERED": "1",
    }


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _read(
    output: IO[str], log: Path, on_line: Callable[[str], None], *, ended: threading.Event
) -> None:
    with output, log.open("w", encoding="utf-8") as file:
        for line in output:
            file.write(line)
            file.flush()
            on_line(line)
    ended.set()


def _wait_until_ready(emulator: Emulator, process: subprocess.Popen[str], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(requests.ConnectionError), requests.Session() as session:
            session.trust_env = False
            if session.get(f"{emulator.api_url}/_ministack/health", timeout=5).ok:
                return
        time.sleep(0.05)
    raise EmulatorError(f"the emulator did not start; its output is in {log}")


def _stop(process: subprocess.Popen[str]) -> None:
    """Stop the emulator and the remaining processes of its group, such as busy workers."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=STOP_SECONDS)
