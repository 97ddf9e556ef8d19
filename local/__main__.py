"""`python -m local run`, `load` and `screenshots`."""

import argparse
import json
import signal
import sys
import tempfile
from pathlib import Path

from local import screenshots
from local.api import ApiError
from local.emulation.emulator import EmulatorError
from local.load import load
from local.run import DESCRIPTION, PortInUseError, demo, run
from local.screen import say


def main() -> int:
    arguments = _parser().parse_args()
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, _interrupt)
    try:
        return {"run": _run, "load": _load, "screenshots": _screenshots}[arguments.command](
            arguments
        )
    except KeyboardInterrupt:
        say("\nStopped.")
        return 0 if arguments.command == "run" else 1
    except (PortInUseError, EmulatorError, ApiError, screenshots.NoBrowserError) as error:
        say(str(error))
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="run everything until Ctrl-C")
    many = commands.add_parser("load", help="publish many events and compare log and receiver")
    many.add_argument("--events", type=int, default=1000)
    many.add_argument("--running", action="store_true", help="use what `run` started")
    commands.add_parser("screenshots", help="take the pictures of README anew")
    return parser


def _run(_: argparse.Namespace) -> int:
    run()
    return 1  # it ends only if the emulator has ended


def _load(arguments: argparse.Namespace) -> int:
    if arguments.running:
        if not DESCRIPTION.exists():
            say("nothing is running: start it with `make run`")
            return 1
        agrees = load(json.loads(DESCRIPTION.read_text()), events=arguments.events)
    else:
        with (
            tempfile.TemporaryDirectory(prefix="posthorn-") as folder,
            demo(folder=Path(folder)) as (_, description),
        ):
            agrees = load(description, events=arguments.events)
    return 0 if agrees else 1


def _screenshots(_: argparse.Namespace) -> int:
    screenshots.take()
    return 0


def _interrupt(*_: object) -> None:
    """Stop in order; a second Ctrl-C must not interrupt the clean-up."""
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
