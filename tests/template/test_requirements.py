"""The pin files agree with pyproject.toml, with each other, and name no place to download from."""

import re
import tomllib

import pytest

from tests.support.template_facts import ROOT

RUNTIME = "layers/dependencies/requirements.txt"
FILES = (RUNTIME, "requirements-dev.txt", "requirements-uv.txt")


def pins(file: str) -> dict[str, str]:
    return dict(
        re.findall(r"^([a-z0-9][\w.-]*)(?:\[.*?\])?==([^\s;]+)", (ROOT / file).read_text(), re.M)
    )


def named(requirements: list[str]) -> set[str]:
    names = (re.split(r"[\[<>=!~; ]", requirement)[0] for requirement in requirements)
    return {re.sub(r"[-_.]+", "-", name).lower() for name in names}


def test_the_layer_pins_all_dependencies_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert named(project["project"]["dependencies"]) <= set(pins(RUNTIME))


def test_tests_and_lambda_run_the_same_versions() -> None:
    assert pins(RUNTIME).items() <= pins("requirements-dev.txt").items()


def test_the_development_pins_cover_the_development_group() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert named(project["dependency-groups"]["dev"]) <= set(pins("requirements-dev.txt"))


@pytest.mark.parametrize("file", FILES)
def test_every_pin_has_its_hashes_and_no_address(file: str) -> None:
    text = (ROOT / file).read_text()
    blocks = [block for block in re.split(r"\n(?=\S)", text) if block and not block.startswith("#")]

    assert blocks
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text
    assert not re.search(r"^(-i|-f|--index|--extra-index|--find-links|--trusted)", text, re.M)
