"""A folder of packages that was made on another computer: whether it fits, and whether it arrived whole."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Dict, Mapping, Sequence

from kdseg.cli.wheelhouse import MANIFEST, MANIFEST_SCHEMA, Target, canonical_name, own_packages
from kdseg.errors import InstallationError
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.packages.plan import requirement_name

PINNED_FOR_OTHERS = ("numpy", "scipy")
"""What the packages must fit: the command for the other computer names Slicer's versions of these."""


def check_folder(folder: Path, target: Target, install: Sequence[str]) -> None:
    """Check a folder before anything is changed.

    Raises
    ------
    InstallationError
        If it is no such folder, was made for another computer, was changed on the way, or lacks a package.
    """
    manifest = _read_manifest(folder)
    python = ".".join(map(str, target.python))
    expected = (target.system, target.machine.lower(), python)
    found = tuple(str(manifest.get(key, "")) for key in ("system", "machine", "python"))
    if (found[0], found[1].lower(), found[2]) != expected:
        raise InstallationError(
            _("The packages were collected for another computer."),
            expected=f"{target.system}, {target.machine}, Python {python}",
            found=f"{found[0]}, {found[1]}, Python {found[2]}",
            path=folder,
            remedy=_("Collect them again with the command that KDSegmentator shows."),
        )
    _check_files(folder, manifest["files"])
    names = {canonical_name(name.split("-")[0]) for name in manifest["files"]}
    lacking = [requirement for requirement in install if requirement_name(requirement) not in names]
    if lacking:
        raise InstallationError(
            _("The folder lacks packages."),
            expected=", ".join(lacking),
            found=", ".join(sorted(names)),
            path=folder,
            remedy=_("Collect them again with the command that KDSegmentator shows."),
        )


def offline_command(target: Target, installed: Mapping[str, str], *, faster: bool = False) -> str:
    """Return the command that makes such a folder for this very Slicer on a computer with internet and ``kdseg``."""
    words = ["kdseg", "wheelhouse", "packages", "--python", ".".join(map(str, target.python))]
    if target.platform is not None:
        words += ["--platform", target.platform]
    for name in PINNED_FOR_OTHERS:
        if name in installed:
            words += ["--pin", f"{name}=={installed[name]}"]
    return " ".join([*words, *(["--faster"] if faster else [])])


def _read_manifest(folder: Path) -> Dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InstallationError(
            _("This is not a folder made by kdseg wheelhouse."),
            expected=MANIFEST,
            found=str(error),
            path=folder,
            remedy=_("Choose the folder that the command made, with all that is in it."),
        ) from error
    files = manifest.get("files") if isinstance(manifest, dict) and manifest.get("schema") == MANIFEST_SCHEMA else None
    if not isinstance(files, dict) or not files or not all(_is_plain_name(name) for name in files):
        raise InstallationError(_("The list of packages cannot be read."), expected=MANIFEST_SCHEMA, path=path)
    return dict(manifest)


def _check_files(folder: Path, files: Mapping[str, str]) -> None:
    present = {path.name for path in folder.glob("*.whl")}
    for name, digest in files.items():
        found = _("nothing") if name not in present else hashlib.sha256((folder / name).read_bytes()).hexdigest()
        if found != digest:
            raise InstallationError(
                _("A package is missing or damaged."),
                expected=f"SHA-256 {digest}",
                found=found,
                path=folder / name,
                remedy=_("Copy the folder again."),
            )
    foreign = sorted(present - set(files)) + [path.name for path in own_packages(folder)]
    if foreign:
        raise InstallationError(
            _("The folder holds packages that do not belong there."),
            found=", ".join(foreign),
            path=folder,
            remedy=_("Remove them, or collect the packages again."),
        )


def _is_plain_name(name: object) -> bool:
    return isinstance(name, str) and name.endswith(".whl") and "/" not in name and "\\" not in name
