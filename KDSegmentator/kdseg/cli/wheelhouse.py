"""``kdseg wheelhouse``: collect what Slicer needs on a computer with internet, for one without."""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from kdseg._version import __version__
from kdseg.atomic import write_bytes
from kdseg.cli.console import Console, format_bytes
from kdseg.cli.runtime import Runtime
from kdseg.errors import InstallationError, OutputError

ONNXRUNTIME = "onnxruntime>=1.19,<2"
SCIKIT_IMAGE = "scikit-image>=0.22,<1"
OPENVINO = "onnxruntime-openvino>=1.24,<1.25"
OPENVINO_LIBRARIES = (
    "openvino>=2025.4,<2025.5"  # on Windows they are not inside of onnxruntime-openvino; the versions belong together
)

OLDEST_OPENVINO_PYTHON = (3, 11)
"""There are no packages of :data:`OPENVINO` for an older Python."""

SLICERS_OWN = ("numpy", "simpleitk")
"""What Slicer brings and nobody may replace: their packages never stay in a wheelhouse."""

MANIFEST = "wheelhouse.json"
MANIFEST_SCHEMA = "kdseg-wheelhouse/1"

PLATFORMS: Mapping[str, Tuple[str, str, Tuple[str, ...]]] = {
    "linux": ("Linux", "x86_64", (*(f"manylinux_2_{n}_x86_64" for n in (28, 27, 24, 17)), "manylinux2014_x86_64")),
    "windows": ("Windows", "AMD64", ("win_amd64",)),
    "macos-arm64": ("Darwin", "arm64", ("macosx_14_0_arm64",)),
    "macos-x86_64": ("Darwin", "x86_64", ("macosx_13_0_x86_64",)),
}
"""Name → ``platform.system()``, ``platform.machine()`` and pip's tags, for the computers Slicer is built for."""

_PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!-]+")


@dataclass(frozen=True)
class Target:
    """The computer that installs: ``platform.system()``, ``platform.machine()``, and major and minor version of its Python."""

    system: str
    machine: str
    python: Tuple[int, int]

    @property
    def has_openvino(self) -> bool:
        """Whether there is a faster variant for it."""
        x86 = self.machine.lower() in ("x86_64", "amd64")
        return x86 and self.system in ("Linux", "Windows") and self.python >= OLDEST_OPENVINO_PYTHON

    @property
    def platform(self) -> Optional[str]:
        """Its name in :data:`PLATFORMS`; None if Slicer is not built for it."""
        same = [
            n
            for n, (system, machine, _) in PLATFORMS.items()
            if (system, machine.lower()) == (self.system, self.machine.lower())
        ]
        return same[0] if same else None


def this_computer() -> Target:
    """Return what runs this."""
    return Target(platform.system(), platform.machine(), sys.version_info[:2])


def runtime_requirements(target: Target, *, faster: bool) -> Tuple[str, ...]:
    """Return what pip is asked for.

    Parameters
    ----------
    target
        The computer that installs.
    faster
        OpenVINO's variant of ONNX Runtime.

    Raises
    ------
    InstallationError
        If there is no faster variant for it.
    """
    if not faster:
        return (ONNXRUNTIME, SCIKIT_IMAGE)
    if not target.has_openvino:
        raise InstallationError(
            "There is no faster variant of ONNX Runtime for this computer.",
            expected=f"Linux or Windows on x86-64 with Python {'.'.join(map(str, OLDEST_OPENVINO_PYTHON))} or newer",
            found=f"{target.system} on {target.machine} with Python {'.'.join(map(str, target.python))}",
            remedy="Take the usual variant.",
        )
    return (OPENVINO, *([OPENVINO_LIBRARIES] if target.system == "Windows" else []), SCIKIT_IMAGE)


def run_wheelhouse(arguments: argparse.Namespace, runtime: Runtime, console: Console) -> int:
    """Run the command and return its exit code.

    Raises
    ------
    InstallationError
        If pip fails, or the target has no faster variant.
    OutputError
        If the folder cannot be written or holds other packages.
    """
    folder, target = Path(arguments.folder), _target(arguments)
    wanted = (*runtime_requirements(target, faster=arguments.faster), *_conditional(target))
    _make_empty_folder(folder)
    console.say(
        f"packages for {target.system} on {target.machine}, Python {'.'.join(map(str, target.python))}: {', '.join(wanted)}"
    )
    with tempfile.TemporaryDirectory(prefix="kdseg-") as scratch:
        pins = Path(scratch) / "pins.txt"
        pins.write_text("\n".join(arguments.pin or ()) + "\n", encoding="ascii")
        _download([*download_options(target), "-c", str(pins), *wanted], folder, quiet=console.quiet or console.json_lines)
    for path in own_packages(folder):
        path.unlink()
    manifest = make_manifest(folder, target, wanted)
    write_bytes(folder / MANIFEST, (json.dumps(manifest, indent=2) + "\n").encode("ascii"))
    size = sum(path.stat().st_size for path in folder.glob("*.whl"))
    console.say(f"{len(manifest['files'])} packages, {format_bytes(size)}, in {folder}")
    console.say("Carry the folder to the other computer and choose it in KDSegmentator when it asks to install.")
    console.event("wheelhouse", folder=str(folder), packages=sorted(manifest["files"]), size_bytes=size)
    return 0


def download_options(target: Target) -> List[str]:
    """Return pip's options that choose the packages for ``target``; none for this very kind of computer."""
    if target == this_computer():
        return []
    tags = PLATFORMS[target.platform][2] if target.platform is not None else ()
    chosen = [word for tag in tags for word in ("--platform", tag)]
    return ["--implementation", "cp", "--python-version", ".".join(map(str, target.python)), *chosen]


def own_packages(folder: Path) -> List[Path]:
    """Return the packages in ``folder`` that Slicer brings itself."""
    return [path for path in folder.glob("*.whl") if canonical_name(path.name.split("-")[0]) in SLICERS_OWN]


def canonical_name(name: str) -> str:
    """Return the name of a distribution as package indexes compare it: ``SimpleITK`` → ``simpleitk``."""
    return re.sub(r"[-_.]+", "-", name).lower()


def make_manifest(folder: Path, target: Target, requirements: Sequence[str]) -> Dict[str, Any]:
    """Return what is in the folder and for which computer, with the digest of every file."""
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.whl"))}
    return {
        "schema": MANIFEST_SCHEMA,
        "kdseg": __version__,
        "system": target.system,
        "machine": target.machine,
        "python": ".".join(map(str, target.python)),
        "requirements": list(requirements),
        "files": files,
    }


def pin(text: str) -> str:
    """Check the value of ``--pin``: ``name==version``."""
    if not _PIN.fullmatch(text):
        raise argparse.ArgumentTypeError(f"expected name==version, found {text}")
    return text


def python_version(text: str) -> Tuple[int, int]:
    """Parse the value of ``--python``: ``3.12``."""
    match = re.fullmatch(r"(3)\.(\d{1,2})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"expected a version such as 3.12, found {text}")
    return int(match.group(1)), int(match.group(2))


def _target(arguments: argparse.Namespace) -> Target:
    here = this_computer()
    system, machine, _tags = PLATFORMS[arguments.platform] if arguments.platform else (here.system, here.machine, ())
    return Target(system, machine, arguments.python or here.python)


def _conditional(target: Target) -> Tuple[str, ...]:
    """Return what packages need on ``target`` only: pip asks for it by the computer it runs on, not by the target."""
    if target.system == "Windows" and target.python < (3, 11):
        return ("pyreadline3",)  # of humanfriendly, which older versions of ONNX Runtime bring
    return ()


def _make_empty_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        others = [path.name for path in folder.iterdir()]
    except OSError as error:
        raise OutputError("The folder cannot be made.", found=error.strerror or str(error), path=folder) from error
    if others:
        raise OutputError(
            "The folder is not empty: packages for two computers in one folder are easily confused.",
            found=", ".join(sorted(others)[:5]),
            path=folder,
            remedy="Choose another folder, or empty this one.",
        )


def _download(words: Sequence[str], folder: Path, *, quiet: bool) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--only-binary", ":all:"]
    command += ["--dest", str(folder), *(["--quiet"] if quiet else []), *words]
    result = subprocess.run(command, check=False, stdout=sys.stderr, stderr=subprocess.PIPE, encoding="utf-8", errors="replace")  # noqa: S603
    if result.returncode != 0:
        for path in folder.glob("*.whl"):
            path.unlink()
        raise InstallationError(
            "pip could not collect the packages.",
            found=" ".join(result.stderr.split())[-600:],
            path=folder,
            remedy="Check the network, the Python version and the pins; pip uses its own configuration for a proxy or mirror.",
        )
