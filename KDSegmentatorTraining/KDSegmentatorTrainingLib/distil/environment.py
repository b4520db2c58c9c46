"""The Python that trains: not Slicer's own, but one with PyTorch and nnU-Net that the user names."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import kdseg
from kdseg.errors import InstallationError
from KDSegmentatorLib.i18n import _

OLDEST_PYTHON = (3, 10)
"""What ``kdseg_training`` is written for."""

DISTRIBUTIONS = {
    "torch": "torch>=2.6",
    "nnunetv2": "nnunetv2>=2.8.1,<2.9",
    "onnx": "onnx>=1.16",
    "onnxruntime": "onnxruntime>=1.19",
    "SimpleITK": "SimpleITK>=2.2",
    "skimage": "scikit-image>=0.22",
    "typer": "typer>=0.12",
    "rich": "rich>=13",
    "pydantic": "pydantic>=2.9",
    "yaml": "pyyaml>=6",
    "matplotlib": "matplotlib>=3.8",
}
"""What pip installs for a package that is missing."""

SLICERS_OWN = ("PYTHONHOME", "PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONIOENCODING", "PYTHONNOUSERSITE")
"""Variables of the environment that would send another Python to Slicer's libraries."""


@dataclass(frozen=True)
class TrainingPython:
    """A Python that can train.

    Attributes
    ----------
    program
        Its interpreter.
    version, torch, nnunet
        Versions, as texts.
    gpus
        Names of the CUDA devices that torch can use; empty: it computes on the CPU.
    cpus
        Logical processors.
    """

    program: str
    version: str
    torch: str
    nnunet: str
    gpus: Tuple[str, ...]
    cpus: int


def training_environment(startup: Mapping[str, str]) -> Dict[str, str]:
    """Return the environment of a child in that Python.

    Parameters
    ----------
    startup
        The environment before Slicer's launcher changed it (``slicer.util.startupEnvironment()``), so that the other Python
        does not load Slicer's libraries. ``kdseg`` and ``kdseg_training`` are those of this extension.
    """
    environment = {name: value for name, value in startup.items() if name not in SLICERS_OWN}
    environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(map(str, package_folders())))
    environment.update(PYTHONUTF8="1", PYTHONUNBUFFERED="1", PYTHONFAULTHANDLER="1")
    return environment


def package_folders() -> Tuple[Path, Path]:
    """Return the folders that hold ``kdseg`` and ``kdseg_training``; installed they are one."""
    return Path(kdseg.__file__).resolve().parents[1], Path(__file__).resolve().parents[2]


def probe_arguments() -> List[str]:
    """Return what stands after the Python to ask it what it has."""
    return ["-c", Path(__file__).with_name("probe.py").read_text(encoding="utf-8")]


def companion_arguments(*arguments: str) -> List[str]:
    """Return what stands after the Python to run ``kdseg-training``."""
    return ["-m", "kdseg_training.cli", *arguments]


def read_probe(program: str, output: str, details: str = "") -> TrainingPython:
    """Read the answer of :mod:`KDSegmentatorTrainingLib.distil.probe`.

    Parameters
    ----------
    program
        The interpreter that was asked.
    output
        What it printed.
    details
        Its errors, named where there is no answer.

    Raises
    ------
    InstallationError
        If something is missing, too old or broken; the remedy is a command where a command helps.
    """
    answer = _answer(program, output, details)
    version = tuple(answer["python"])
    if version < OLDEST_PYTHON:
        raise InstallationError(
            _("This Python is too old to train."),
            expected=_("Python {version} or newer").format(version=".".join(map(str, OLDEST_PYTHON))),
            found=".".join(map(str, version)),
            path=program,
            remedy=_("Name another Python, for example that of an environment made for nnU-Net."),
        )
    torch = answer["torch"]
    if torch["error"]:
        raise InstallationError(
            _("PyTorch is installed in this Python, but it does not load."),
            found=str(torch["error"])[:300],
            path=program,
            remedy=_("Install it again: {command}").format(command=install_command(program, ["torch"])),
        )
    if answer["missing"]:
        raise _missing(program, answer["missing"])
    if not answer["kdseg_training"]:
        raise InstallationError(
            _("The package kdseg_training of this extension is not found."),
            expected=", ".join(map(str, package_folders())),
            path=program,
            remedy=_("Install the extension again."),
        )
    return TrainingPython(
        program=program,
        version=".".join(map(str, version)),
        torch=str(torch["version"]),
        nnunet=str(answer["nnunetv2"]),
        gpus=tuple(map(str, torch["gpus"])),
        cpus=int(answer["cpus"]),
    )


def install_command(program: str, packages: Sequence[str]) -> str:
    """Return the pip command that installs packages in a Python, for people to copy."""
    wanted = " ".join(f'"{DISTRIBUTIONS[name]}"' for name in packages)
    return f'"{program}" -m pip install {wanted}'


def default_python(startup: Mapping[str, str]) -> str:
    """Return a guess for the Python that trains: that of an active environment, else none."""
    names = ("Scripts/python.exe", "python.exe") if os.name == "nt" else ("bin/python",)
    prefixes = [prefix for prefix in map(startup.get, ("VIRTUAL_ENV", "CONDA_PREFIX")) if prefix]
    places = [Path(prefix, name) for prefix in prefixes for name in names]
    return next((str(place) for place in places if place.is_file()), "")


def _missing(program: str, missing: Sequence[str]) -> InstallationError:
    command = install_command(program, missing)
    remedy = _("Run this in a terminal, then check again: {command}").format(command=command)
    if "torch" in missing:
        problem = _("This Python has no PyTorch, so it cannot train.")
        remedy += " " + _("For an NVIDIA GPU, take the command for torch from pytorch.org first. Or name another Python.")
    elif "nnunetv2" in missing:
        problem = _("This Python has no nnU-Net, so it cannot train.")
    else:
        problem = _("This Python lacks packages that training needs.")
    return InstallationError(problem, found=_("missing: {names}").format(names=", ".join(missing)), path=program, remedy=remedy)


def _answer(program: str, output: str, details: str) -> Dict[str, Any]:
    lines = [line for line in output.splitlines() if line.strip()]
    try:
        answer = json.loads(lines[-1])
        if set(answer) >= {"python", "missing", "torch", "nnunetv2", "kdseg_training", "cpus"}:
            return dict(answer)
    except (IndexError, ValueError, TypeError):
        pass
    last = [line for line in details.splitlines() if line.strip()][-1:] or lines[-1:]
    raise InstallationError(
        _("This program does not answer as a Python does."),
        expected=_("a Python interpreter, for example bin/python of an environment (python.exe on Windows)"),
        found=last[0].strip()[:300] if last else _("no answer"),
        path=program,
        remedy=_("Name the interpreter of the environment in which PyTorch and nnU-Net are installed."),
    )
