"""Tiny packages with the names of the real ones, and an environment of its own that stands for Slicer's Python."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Optional

import pytest

FOLDER_OF_PACKAGES = "PIP_FIND_" + "LINKS"
"""pip's variable for a folder that stands for the network."""


def write_wheel(folder: Path, name: str, version: str, files: dict[str, str], needs: tuple[str, ...] = ()) -> Path:
    """Write a package for any Python; ``files`` is path → source."""
    stem = f"{name.replace('-', '_')}-{version}"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + "".join(f"Requires-Dist: {n}\n" for n in needs)
    members = {
        **files,
        f"{stem}.dist-info/METADATA": metadata,
        f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {
        n: base64.urlsafe_b64encode(hashlib.sha256(t.encode()).digest()).rstrip(b"=").decode() for n, t in members.items()
    }
    record = "".join(f"{n},sha256={d},\n" for n, d in digests.items()) + f"{stem}.dist-info/RECORD,,\n"
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in {**members, f"{stem}.dist-info/RECORD": record}.items():
            archive.writestr(member, text)
    return path


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pip finds on the network: both variants of ONNX Runtime in one module, and a newer NumPy than Slicer's."""
    folder = tmp_path_factory.mktemp("network")
    needs = ("numpy>=1.21",)
    for name, version in (("onnxruntime", "1.31.1"), ("onnxruntime-openvino", "1.24.1")):
        write_wheel(folder, name, version, {"onnxruntime/__init__.py": f"variant = {name!r}\n"}, needs)
    image = {"skimage/__init__.py": "", "skimage/transform.py": ""}
    write_wheel(folder, "scikit-image", "0.26.0", image, ("numpy>=1.23", "scipy>=1.11"))
    for version in ("1.26.4", "2.9.0"):
        write_wheel(folder, "numpy", version, {"numpy/__init__.py": f"__version__ = {version!r}\n"})
        write_wheel(folder, "SimpleITK", version, {"SimpleITK/__init__.py": ""})
    write_wheel(folder, "scipy", "1.12.0", {"scipy/__init__.py": "", "scipy/ndimage.py": ""})
    return folder


class SlicerPython:
    """An environment with pip, NumPy, SciPy and SimpleITK; files are moved directly where pip is not what is tested."""

    def __init__(self, folder: Path, network: Path, repository: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
        self.python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
        (self.packages,) = folder.glob("[lL]ib/**/site-packages")
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "PYTHON"))}
        self.environment.update(PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull, PIP_DISABLE_PIP_VERSION_CHECK="1")
        self.environment.update({"PYTHONPATH": str(repository / "KDSegmentator"), FOLDER_OF_PACKAGES: str(network)})
        pip = importlib.metadata.distribution("pip")
        shutil.copytree(pip.locate_file("pip"), self.packages / "pip")
        for name in ("numpy-1.26.4", "SimpleITK-1.26.4", "scipy-1.12.0"):
            self.put(network / f"{name}-py3-none-any.whl")

    def put(self, wheel: Path) -> None:
        """Install a package without pip."""
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                archive.extract(name, self.packages)

    def take(self, *names: str) -> None:
        """Uninstall packages and modules without pip."""
        for path in self.packages.iterdir():
            if path.name.split("-")[0] in names:
                shutil.rmtree(path)

    def run(self, words: list[str], *, check: bool = True, network: Optional[Path] = None) -> subprocess.CompletedProcess[str]:
        environment = {**self.environment, **({} if network is None else {FOLDER_OF_PACKAGES: str(network)})}
        command = [str(self.python), *words]
        result = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=120)
        assert result.returncode == 0 or not check, result.stdout + result.stderr
        return result

    def installed(self) -> dict[str, str]:
        found = importlib.metadata.distributions(path=[str(self.packages)])
        return {d.metadata["Name"].lower(): d.metadata["Version"] for d in found}


@pytest.fixture(scope="session")
def slicer_python(tmp_path_factory: pytest.TempPathFactory, network: Path, repository: Path) -> SlicerPython:
    return SlicerPython(tmp_path_factory.mktemp("slicer") / "python", network, repository)


@pytest.fixture(scope="session")
def collected(slicer_python: SlicerPython, tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """What the documented command collects for one computer: the usual (False) and the faster (True) variant."""
    folders = {}
    for faster in (False, True):
        folders[faster] = tmp_path_factory.mktemp("stick") / "ordner für slicer"
        words = ["wheelhouse", str(folders[faster]), "--python", "3.12", "--platform", "linux", "--pin", "numpy==1.26.4"]
        slicer_python.run(["-m", "kdseg", *words, *(["--faster"] if faster else [])])
    return folders
