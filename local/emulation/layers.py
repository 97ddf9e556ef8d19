"""The two layers for this machine.

The emulator unpacks each layer for each worker, so a layer here is one `.pth` file that puts a
folder in front of `sys.path`: the built packages, or our package in the work tree.
"""

import contextlib
import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from io import BytesIO
from pathlib import Path

SITE_PACKAGES = f"python/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"


def build_dependencies(requirements: Path, cache: Path) -> Path:
    """Return a folder with the pinned packages; it is rebuilt if pins or interpreter change."""
    fingerprint = hashlib.sha256(
        requirements.read_bytes() + f"{sys.version}{platform.machine()}".encode()
    )
    folder = cache / f"dependencies-{fingerprint.hexdigest()[:12]}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix="building-") as target:
            _install(requirements, Path(target, "python"))
            for old in cache.glob("dependencies-*"):
                shutil.rmtree(old)
            with contextlib.suppress(OSError):  # another process has built it
                Path(target, "python").rename(folder)
    return folder


def _install(requirements: Path, target: Path) -> None:
    uv = [sys.executable, "-m", "uv", "--no-config", "pip", "install", "--quiet", "--no-deps"]
    where = ["--python", sys.executable, "--target", str(target), "--compile-bytecode"]
    what = ["--require-hashes", "-r", str(requirements)]
    subprocess.run([*uv, *where, *what], check=True)  # noqa: S603 no word of it is from outside


def pointing_to(folder: Path, *, plugin: Path | None = None) -> bytes:
    """A layer archive that makes `folder` importable and runs `plugin` at each worker's start."""
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as layer:
        startup = f"import sys; sys.path.insert(0, {str(folder)!r})\n"
        if plugin:
            layer.write(plugin, f"python/posthorn_{plugin.name}")
            startup += f"import posthorn_{plugin.stem}\n"
        layer.writestr(f"{SITE_PACKAGES}/{folder.name}.pth", startup)
    return archive.getvalue()
