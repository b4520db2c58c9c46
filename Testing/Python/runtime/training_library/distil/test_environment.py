"""The Python that trains: what it is asked, and what is said about its answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kdseg.errors import InstallationError
from KDSegmentatorTrainingLib.distil.environment import (
    DISTRIBUTIONS,
    default_python,
    package_folders,
    probe_arguments,
    read_probe,
    training_environment,
)
from KDSegmentatorTrainingLib.distil.probe import NEEDED

ANSWER = {
    "python": [3, 11, 9],
    "executable": "/env/bin/python",
    "system": "Linux",
    "cpus": 8,
    "missing": [],
    "torch": {"version": "2.6.0", "gpus": ["NVIDIA A"], "error": ""},
    "nnunetv2": "2.8.1",
    "kdseg_training": "0.1",
}


def answer(**changes: object) -> str:
    return "a library prints this\n" + json.dumps({**ANSWER, **changes}) + "\n"


def test_a_python_that_has_everything() -> None:
    found = read_probe("/env/bin/python", answer())
    assert (found.version, found.torch, found.nnunet, found.gpus, found.cpus) == ("3.11.9", "2.6.0", "2.8.1", ("NVIDIA A",), 8)


@pytest.mark.parametrize(
    ("changes", "problem", "remedy"),
    [
        ({"python": [3, 9, 1]}, "too old", "another Python"),
        ({"missing": ["torch"]}, "no PyTorch", '"/p y" -m pip install "torch>=2.6"'),
        ({"missing": ["nnunetv2", "torch"]}, "no PyTorch", "pytorch.org"),
        ({"missing": ["nnunetv2"]}, "no nnU-Net", '"nnunetv2>=2.8.1,<2.9"'),
        ({"missing": ["skimage", "yaml"]}, "lacks packages", '"scikit-image>=0.22" "pyyaml>=6"'),
        ({"torch": {"version": "", "gpus": [], "error": "DLL load failed"}}, "does not load", "Install it again"),
        ({"kdseg_training": ""}, "kdseg_training", "extension again"),
    ],
)
def test_what_is_missing_is_said_with_a_command(changes, problem: str, remedy: str) -> None:
    with pytest.raises(InstallationError, match=problem) as caught:
        read_probe("/p y", answer(**changes))
    assert remedy in caught.value.remedy
    assert caught.value.path == "/p y"


@pytest.mark.parametrize(
    ("output", "errors", "found"),
    [("", "", "no answer"), ("GNU bash 5\n", "", "GNU bash 5"), ("[1]\n", "boom\n", "boom"), ("{}\n", "", "{}")],
)
def test_a_program_that_is_no_python(output: str, errors: str, found: str) -> None:
    with pytest.raises(InstallationError, match="does not answer") as caught:
        read_probe("/bin/bash", output, errors)
    assert caught.value.found == found


def test_every_package_that_is_asked_for_can_be_installed() -> None:
    assert set(DISTRIBUTIONS) == {"torch", *NEEDED}


def test_this_python_answers(tmp_path: Path) -> None:
    environment = training_environment(dict(os.environ))
    done = subprocess.run(
        [sys.executable, *probe_arguments()], capture_output=True, text=True, check=False, env=environment, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["python"] == list(sys.version_info[:3])
    assert told["kdseg_training"]
    assert "SimpleITK" not in told["missing"]


def test_a_torch_that_does_not_load_is_told(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise OSError('libcudart.so.12: cannot open shared object file')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, *probe_arguments()], capture_output=True, text=True, check=True, env=environment, cwd=tmp_path
    )
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["torch"]["error"] == "libcudart.so.12: cannot open shared object file"


def test_the_environment_is_that_before_slicer_with_this_extensions_packages() -> None:
    made = training_environment({"PATH": "/bin", "PYTHONHOME": "/slicer", "PYTHONPATH": "/slicer/lib", "nnUNet_raw": "/raw"})
    assert "PYTHONHOME" not in made
    assert (made["PATH"], made["nnUNet_raw"], made["PYTHONUTF8"]) == ("/bin", "/raw", "1")
    assert made["PYTHONPATH"].split(os.pathsep) == [str(folder) for folder in package_folders()]
    kdseg, training = package_folders()
    assert (kdseg / "kdseg" / "__init__.py").is_file()
    assert (training / "kdseg_training" / "cli.py").is_file()


def test_the_python_of_an_active_environment_is_offered(tmp_path: Path) -> None:
    assert default_python({"VIRTUAL_ENV": str(tmp_path)}) == ""
    name = "Scripts/python.exe" if os.name == "nt" else "bin/python"
    python = tmp_path / name
    python.parent.mkdir()
    python.touch()
    assert default_python({"CONDA_PREFIX": str(tmp_path)}) == str(python)
    assert default_python({}) == ""
