"""`sam package` for the emulator: each local path in the template becomes an object in S3."""

import json
import zipfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

Store = Callable[[str, bytes], str]
LAYER = "AWS::Serverless::LayerVersion"
STATE_MACHINE = "AWS::Serverless::StateMachine"


def package(template: Path, layers: Mapping[str, bytes], *, store: Store) -> str:
    """Return the template as JSON, with its code stored by `store`, which returns a URI.

    `layers` are finished archives by ContentUri; functions are zipped from their CodeUri.
    """
    root = template.parent
    document: dict[str, Any] = yaml_parse(template.read_text())
    resources = document["Resources"].values()
    defaults = document["Globals"]["Function"]
    for properties in (defaults, *(resource.get("Properties", {}) for resource in resources)):
        if "CodeUri" in properties:
            path = properties["CodeUri"]
            properties["CodeUri"] = store(f"{path}.zip", _zipped(root / path))
    for resource in resources:
        if resource["Type"] == LAYER:
            path = resource["Properties"]["ContentUri"]
            resource["Properties"]["ContentUri"] = store(f"{path}.zip", layers[path])
        elif resource["Type"] == STATE_MACHINE:
            path = resource["Properties"]["DefinitionUri"]
            resource["Properties"]["DefinitionUri"] = store(path, (root / path).read_bytes())
    return json.dumps(document)


def _zipped(folder: Path) -> bytes:
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file.suffix != ".pyc":
                code.write(file, file.relative_to(folder))
    return archive.getvalue()
