"""A request as a curl command: the shell passes on every byte unchanged."""

import shlex
import subprocess

from hypothesis import given
from hypothesis import strategies as st

from console.log import curl

# No command line can hold a NUL, and JSON, headers and URLs have none.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)
URL = "https://erp.example.com/hook?a=[1-9]&b={x,y}"
HOSTILE = "'; rm -rf ~ #$(id)`id`\\\n!!\"@/etc/passwd"


NEW_LINE = "\n"  # as shlex has it; a shell drops one that is escaped


def words(command: str) -> list[str]:
    return [each for each in shlex.split(command) if each != NEW_LINE]


@given(url=TEXT, value=TEXT, body=TEXT)
def test_the_shell_reproduces_every_part(url: str, value: str, body: str) -> None:
    command = curl.command("POST", url, {"x-shop": value}, body=body)

    header = f"x-shop: {value}" if value else "x-shop;"
    assert shlex.split(command) == [
        *("curl", "--globoff", "--include", NEW_LINE),
        *("--request", "POST", NEW_LINE),
        *("--url", url, NEW_LINE),
        *("--header", header, NEW_LINE),
        *("--data-raw", body),
    ]


def test_a_real_shell_runs_nothing_of_it() -> None:
    command = curl.command("PUT", URL, {"x-shop": HOSTILE.replace("\n", "")}, body=HOSTILE)

    told = subprocess.run(  # noqa: S603 - the test is about the shell
        ["/bin/bash", "-c", f'curl() {{ printf "%s\\0" "$@"; }}\n{command}'],
        capture_output=True,
        check=True,
    )

    assert told.stdout.decode().split("\0")[:-1] == words(command)[1:]
    assert told.stderr == b""


def test_curl_itself_reads_no_file_and_expands_no_url() -> None:
    told = words(curl.command("POST", URL, {}, body="@/etc/passwd"))

    assert told[told.index("--data-raw") + 1] == "@/etc/passwd"  # which raw data is taken as
    assert "--globoff" in told


def test_a_mask_stays_a_mask_and_curl_makes_its_own_length_and_host() -> None:
    headers = {"authorization": "••••", "Host": "a.example.com", "Content-Length": "3", "x-a": "1"}

    told = words(curl.command("POST", URL, headers, body="{}"))

    assert [told[i + 1] for i, word in enumerate(told) if word == "--header"] == [
        "authorization: ••••",
        "x-a: 1",
    ]


def test_a_body_that_is_too_long_for_a_command_comes_from_a_file() -> None:
    told = words(curl.command("POST", URL, {}, body="x" * 9, body_file="evt_1.txt"))

    assert told[-2:] == ["--data-binary", "@evt_1.txt"]
