"""`make bench [TOPIC=…]`: costs, counted from the calls made.

One module here for each topic; its `rows()` yields the lines to print.
"""

import os
import sys
from importlib import import_module
from pathlib import Path
from time import monotonic

for _name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
    os.environ[_name] = "testing"
os.environ["AWS_DEFAULT_REGION"] = "eu-north-1"


def main(chosen: list[str]) -> None:
    topics = sorted(each.stem for each in Path(__file__).parent.glob("[!_]*.py"))
    began = monotonic()
    for number, topic in enumerate(chosen or topics, start=1):
        seconds = monotonic() - began
        place = f"{number} of {len(chosen or topics)}, after {seconds:.0f} s"
        print(f"\n{topic} ({place})", flush=True)  # noqa: T201 - this is its purpose
        for row in import_module(f"tests.bench.{topic}").rows():
            print(f"  {row}", flush=True)  # noqa: T201 - this is its purpose


if __name__ == "__main__":
    main(sys.argv[1:])
