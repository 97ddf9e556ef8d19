"""The product in packages of a readable size, with one meaning for each name."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

from tests.support.template_facts import ROOT

LAYER = ROOT / "layers" / "posthorn" / "posthorn"
PRODUCT = (LAYER, ROOT / "functions", ROOT / "local")
FOLDERS = sorted(
    {path.parent for root in PRODUCT for path in root.rglob("*.py")}, key=lambda each: each.parts
)
MOST_PACKAGES, MOST_MODULES = 14, 3  # of the layer
MOST_FILES = 15  # of a folder: as many names as fit into one glance


def test_each_public_class_of_the_product_has_a_name_of_its_own() -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path in (path for root in PRODUCT for path in sorted(root.rglob("*.py"))):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path.relative_to(ROOT)))

    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_the_layer_has_few_packages_and_modules() -> None:
    packages = [each.parent.name for each in LAYER.glob("*/__init__.py")]
    modules = [each.name for each in LAYER.glob("*.py") if each.name != "__init__.py"]

    assert len(packages) <= MOST_PACKAGES, packages
    assert len(modules) <= MOST_MODULES, modules


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda each: str(Path(each).relative_to(ROOT)))
def test_a_folder_of_the_product_has_at_most_15_python_files(folder: Path) -> None:
    assert len(list(folder.glob("*.py"))) <= MOST_FILES
