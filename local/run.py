"""`make run`: the whole system on this machine until Ctrl-C."""

import contextlib
import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from local import check, past, screen, seed
from local.api import Api
from local.emulation.emulator import REGION, free_port
from local.emulation.stack import CACHE, Stack, deployed
from local.receiver import Receiver
from local.screen import say

PORTS = {"POSTHORN_PORT": 8600, "POSTHORN_RECEIVER_PORT": 8601}
DESCRIPTION = CACHE / "stack.json"


class PortInUseError(Exception):
    """Another program uses the port."""


def run() -> None:
    """Start everything, seed it, publish a few events, and show attempts until interrupted."""
    port, receiver_port = (_port(variable) for variable in PORTS)
    say("Starting the emulator and deploying template.yaml to it …")
    with demo(port=port, receiver_port=receiver_port, on_line=screen.show_attempts) as (
        stack,
        description,
    ):
        DESCRIPTION.write_text(json.dumps(description, indent=2) + "\n")
        try:
            yesterday = past.write(stack, seed.TENANT)
            say(what_to_try(description))
            events = yesterday + seed.publish(
                Api(description["api_url"], description["tenant_key"])
            )
            check.conserved(description, seed.TENANT, events=events)
            stack.emulator.ended.wait()
            say("The emulator ended by itself; its output is in .local/emulator.log")
        finally:
            DESCRIPTION.unlink()


@contextlib.contextmanager
def demo(
    *,
    port: int | None = None,
    receiver_port: int = 0,
    folder: Path = CACHE,
    on_line: Callable[[str], None] = lambda line: None,
) -> Iterator[tuple[Stack, dict[str, Any]]]:
    """A seeded stack with its receiver, on free ports unless they are given."""
    with (
        Receiver(receiver_port) as receiver,
        deployed(port or free_port(), folder=folder, on_line=on_line) as stack,
    ):
        keys = seed.seed(stack, receiver_url=receiver.url)
        yield stack, describe(stack, receiver, keys)


def describe(stack: Stack, receiver: Receiver, keys: seed.Keys) -> dict[str, Any]:
    """Write .local/stack.json, from which other tools find the running stack."""
    made = stack.resources
    return {
        "api_url": stack.api_url,
        "emulator_url": stack.emulator.url,
        "receiver_url": receiver.url,
        "region": REGION,
        "tenant": seed.TENANT,
        "admin_key": keys.admin,
        "tenant_key": keys.tenant,
        "config_table": made["ConfigTable"],
        "log_table": made["LogTable"],
        "event_queue_url": made["EventQueue"],
        "retry_queue_url": made["RetryQueue"],
        "event_dead_letter_queue_url": made["EventDeadLetterQueue"],
        "retry_dead_letter_queue_url": made["RetryDeadLetterQueue"],
        "retry_state_machine_arn": made["RetryStateMachine"],
        "job_state_machine_arn": made["JobStateMachine"],
        "functions": stack.functions(),
    }


def what_to_try(description: dict[str, Any]) -> str:
    return f"""
Posthorn runs at {description["api_url"]}, the receiver at {description["receiver_url"]}.

Open the console and sign in with this key:
  {description["api_url"]}/console
  {description["tenant_key"]}

  export API={description["api_url"]} RECEIVER={description["receiver_url"]}
  export KEY={description["tenant_key"]}

Publish an event:
  curl -s $API/v1/events -H "Authorization: Bearer $KEY" -H 'content-type: application/json' \\
    -d '{json.dumps(seed.ORDER)}'

Read the log: all deliveries, then those that used up their retries:
  curl -s $API/v1/deliveries -H "Authorization: Bearer $KEY"
  curl -s "$API/v1/deliveries?status=dead" -H "Authorization: Bearer $KEY"

Add an endpoint that fails three times first, with retries after 1, 2 and 4 seconds:
  curl -s $API/v1/endpoints -H "Authorization: Bearer $KEY" -H 'content-type: application/json' \\
    -d '{{"name": "Mine", "url": "'$RECEIVER'/fail/3/mine", "event_types": ["Order*"],
         "retry": {{"kind": "schedule", "delays_seconds": [1, 2, 4]}}}}'

See what the receiver got:
  curl -s "$RECEIVER/_received?path=/ok/erp"

All of this is demo data of the tenant {description["tenant"]}. An empty tenant, and a key for it
that also opens the console:
  export ADMIN={description["admin_key"]}
  curl -s -X PUT $API/v1/tenants/mine -H "Authorization: Bearer $ADMIN" \\
    -H 'content-type: application/json' -d '{{"name": "Mine"}}'
  curl -s $API/v1/api-keys -H "Authorization: Bearer $ADMIN" \\
    -H 'content-type: application/json' -d '{{"name": "Me", "tenant": "mine", "scopes":
      ["events:write", "config:read", "config:write", "logs:read", "deliveries:write"]}}'

Attempts follow as they happen. Ctrl-C stops everything.
"""


def _port(variable: str) -> int:
    port = int(os.environ.get(variable, PORTS[variable]))
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise PortInUseError(f"port {port} is in use: choose another with {variable}") from error
    return port
