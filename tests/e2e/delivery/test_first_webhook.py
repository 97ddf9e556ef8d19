"""README's first webhook: each command is run unchanged in a shell."""

import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.stack import Running, eventually
from tests.support.template_facts import ROOT

SECTION = (ROOT / "README.md").read_text(encoding="utf-8").partition("## The first webhook")[2]
BLOCK = re.findall(r"^```sh\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)[0]
FUNCTION, *COMMANDS = re.split(
    r"^(?=ask |ID=)", re.sub(r"^# .*\n", "", BLOCK, flags=re.M), flags=re.M
)


@dataclass
class Shell:
    variables: dict[str, str] = field(repr=False)

    def run(self, command: str) -> str:
        done = subprocess.run(  # noqa: S603 - our own README
            ["/bin/bash", "-euc", f'{FUNCTION}\n{command}\necho "${{ID:-}}"'],
            env={"PATH": os.environ["PATH"], "NO_PROXY": "*", **self.variables},
            capture_output=True,
            text=True,
            check=True,
        )
        *printed, self.variables["ID"] = done.stdout.splitlines()
        return "\n".join(printed)

    def ask(self, command: str) -> Any:
        return json.loads(self.run(command))


def test_the_first_webhook_goes_as_described(stack: Running) -> None:
    api = stack.new_tenant()
    shell = Shell({"API": stack.url, "RECEIVER": stack.receiver.url, "KEY": api.key})
    (
        find,
        create,
        preview,
        test,
        enable,
        publish,
        see,
        change,
        versions,
        restore,
    ) = COMMANDS

    (inactive,) = shell.ask(find)["items"]
    assert not inactive["active"]
    shell.run(create)
    assert inactive["name"] in shell.ask(preview)["request"]["body"]
    assert shell.ask(test)["passed"]
    assert shell.ask(enable)["status"] == "enabled"
    event_id = shell.ask(publish)["id"]
    (delivery,) = eventually(lambda: shell.ask(see)["items"])
    assert (delivery["event_id"], delivery["event_type"]) == (event_id, inactive["name"])
    (request,) = eventually(
        lambda: [each for each in stack.receiver.received if each.webhook_id == event_id]
    )
    assert request.path == "/ok/mine"
    assert shell.ask(find)["items"] == []
    assert shell.ask(change)["url"].endswith("/fail/2/mine")
    newest, *_ = shell.ask(versions)["items"]
    assert [each["field"] for each in newest["changes"]] == ["/url"]
    restored = shell.ask(restore)
    assert (restored["url"], restored["status"]) == (f"{stack.receiver.url}/ok/mine", "enabled")
