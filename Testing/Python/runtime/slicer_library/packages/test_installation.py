"""Real installations with the real pip into an environment of its own: from a network, from a folder, and between variants."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import SlicerPython, write_wheel

SCRIPT = """
import json, subprocess, sys, types
import kdseg.cli.wheelhouse as wheelhouse
import KDSegmentatorLib.packages.ensure as ensure
from KDSegmentatorLib.packages import Wish, installed_runtime
from kdseg.errors import KDSegError
from pathlib import Path

order = json.loads(sys.argv[1])
target = wheelhouse.Target("Linux", "x86_64", (3, 12))  # whatever this is: one with a faster variant
ensure.this_computer = lambda: target

class Slicer:
    class util:
        @staticmethod
        def pip_install(requirements):
            print("install", *requirements)
            subprocess.run([sys.executable, "-m", "pip", "install", *requirements], check=True, capture_output=True, text=True)
        @staticmethod
        def _executePythonModule(module, arguments):
            subprocess.run([sys.executable, "-m", module, *arguments], check=True, capture_output=True, text=True)
        @staticmethod
        def pip_uninstall(names):
            print("uninstall", names)
            subprocess.run([sys.executable, "-m", "pip", "uninstall", "-y", *names.split()], check=True, capture_output=True)

from KDSegmentatorLib.packages.pip import SlicerPip
asked = []
def ask(question):
    asked.append(list(question.packages))
    if order["answer"] is None:
        return None
    folder = order["answer"].get("folder")
    return Wish(order["answer"].get("faster"), folder and Path(folder))

result = {}
try:
    result["changed"] = ensure.ensure_installed(ask, wish=Wish(order.get("wish")), installer=SlicerPip(Slicer))
except KDSegError as error:
    result["error"] = error.as_dict()
result.update(asked=asked, runtime=installed_runtime())
print("RESULT" + json.dumps(result))
"""


def ensure(slicer_python: SlicerPython, answer, *, wish=None, network=None) -> dict:
    order = json.dumps({"answer": answer, "wish": wish})
    output = slicer_python.run(["-c", SCRIPT, order], network=network).stdout
    result = json.loads(output.partition("RESULT")[2])
    result["log"] = output.partition("RESULT")[0].splitlines()
    return result


@pytest.fixture
def bare(slicer_python: SlicerPython) -> SlicerPython:
    """Slicer's Python before the first use."""
    slicer_python.take("onnxruntime", "onnxruntime_openvino", "scikit_image", "skimage")
    return slicer_python


@pytest.fixture
def own(bare: SlicerPython):
    """Checks in the end that Slicer's own packages are as they were."""
    yield
    found = bare.installed()
    assert (found["numpy"], found["simpleitk"], found["scipy"]) == ("1.26.4", "1.26.4", "1.12.0")


def test_first_use_and_switching_between_the_variants(bare: SlicerPython, own) -> None:
    first = ensure(bare, {})
    assert first["changed"] is True
    assert first["runtime"] == "ONNX Runtime 1.31.1"
    assert len(first["asked"]) == 1
    again = ensure(bare, None)
    assert (again["changed"], again["asked"]) == (False, [])
    faster = ensure(bare, {}, wish=True)
    assert [line.split()[0] for line in faster["log"]] == ["uninstall", "install"]
    assert "OpenVINO" in faster["runtime"]
    found = bare.installed()
    assert "onnxruntime" not in found
    assert found["onnxruntime-openvino"] == "1.24.1"
    assert bare.run(["-c", "import onnxruntime; print(onnxruntime.variant)"]).stdout.strip() == "onnxruntime-openvino"


def test_a_no_changes_nothing(bare: SlicerPython, own) -> None:
    before = bare.installed()
    result = ensure(bare, None)
    assert result["error"]["type"] == "InstallationError"
    assert result["log"] == []
    assert bare.installed() == before


def test_a_broken_network_leaves_the_variant_that_is_there(bare: SlicerPython, own, network: Path, tmp_path: Path) -> None:
    for name in ("onnxruntime-1.31.1", "scikit_image-0.26.0"):
        bare.put(network / f"{name}-py3-none-any.whl")
    empty = tmp_path / "empty"
    empty.mkdir()
    result = ensure(bare, {}, wish=True, network=empty)
    assert result["error"]["type"] == "InstallationError"
    assert "onnxruntime-openvino" in result["error"]["found"]
    assert result["log"] == []
    assert result["runtime"] == "ONNX Runtime 1.31.1"


def test_without_internet_from_the_folder_of_the_documented_command(bare: SlicerPython, own, collected, tmp_path: Path) -> None:
    folder = collected[True]
    names = sorted(path.name.split("-")[0] for path in folder.glob("*.whl"))
    assert names == ["onnxruntime_openvino", "scikit_image", "scipy"]  # Slicer's own NumPy is not among them
    empty = tmp_path / "no network"
    empty.mkdir()
    result = ensure(bare, {"folder": str(folder), "faster": True}, network=empty)
    assert result["changed"] is True, result
    assert "--no-index" in result["log"][0]
    assert "OpenVINO" in result["runtime"]


def folder_error(bare: SlicerPython, folder: Path) -> dict:
    result = ensure(bare, {"folder": str(folder)})
    assert result["log"] == []
    assert result["error"]["type"] == "InstallationError"
    return result["error"]


def test_a_folder_that_does_not_fit_is_refused_before_anything_happens(bare: SlicerPython, own, collected) -> None:
    folder = collected[False]
    manifest = folder / "wheelhouse.json"
    text = manifest.read_text()
    manifest.write_text(text.replace('"3.12"', '"3.9"'))
    assert "another computer" in folder_error(bare, folder)["problem"]
    manifest.write_text(text)
    wheel = next(folder.glob("onnxruntime-*"))
    content = wheel.read_bytes()
    wheel.write_bytes(content[:-1] + b"x")
    assert "damaged" in folder_error(bare, folder)["problem"]
    wheel.write_bytes(content)
    foreign = write_wheel(folder, "numpy", "9.9", {"numpy/__init__.py": ""})
    assert "numpy" in folder_error(bare, folder)["found"]
    foreign.unlink()
    manifest.unlink()
    assert "kdseg wheelhouse" in folder_error(bare, folder)["problem"]


def test_packages_that_do_not_load_are_told(bare: SlicerPython, own, tmp_path: Path) -> None:
    network = tmp_path / "broken"
    network.mkdir()
    write_wheel(network, "onnxruntime", "1.31.1", {"onnxruntime/__init__.py": "raise ImportError('DLL load failed')\n"})
    write_wheel(network, "scikit-image", "0.26.0", {"skimage/__init__.py": "", "skimage/transform.py": ""})
    result = ensure(bare, {}, network=network)
    assert "DLL load failed" in result["error"]["found"]


def test_a_folder_with_something_in_it_is_not_filled(bare: SlicerPython, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    result = bare.run(["-m", "kdseg", "wheelhouse", str(tmp_path)], check=False)
    assert result.returncode == 6
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_failed_download_leaves_no_packages(bare: SlicerPython, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    words = ["-m", "kdseg", "wheelhouse", str(folder), "--pin", "onnxruntime==1.2.3"]
    result = bare.run(words, check=False)
    assert result.returncode == 10
    assert "onnxruntime" in result.stderr
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("words", [["--pin", "numpy>=1"], ["--pin=-r file"], ["--python", "2.7"], ["--platform", "solaris"]])
def test_wrong_words_are_a_usage_error(repository: Path, tmp_path: Path, words: list[str]) -> None:
    command = [sys.executable, "-m", "kdseg", "wheelhouse", str(tmp_path / "x"), *words]
    result = subprocess.run(command, cwd=repository / "KDSegmentator", check=False, capture_output=True)
    assert result.returncode == 2
    assert not (tmp_path / "x").exists()
