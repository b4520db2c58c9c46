"""Stand-in for ``slicer.packaging`` (Slicer 5.12 and newer): asks and checks like Slicer; installations are recorded."""

from __future__ import annotations

import importlib.metadata
import shlex
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from slicer.i18n import tr as _

import slicer
from slicer_bed.pip import installer


def load_requirements(path: str | Path) -> list[Requirement]:
    """Return the requirements of a file; comments and options are left out."""
    lines = (line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]


def _to_requirements(wanted: object) -> list[Requirement]:
    if not isinstance(wanted, str):
        items = wanted if isinstance(wanted, list) else [wanted]
        return [item if isinstance(item, Requirement) else Requirement(item) for item in items]
    try:
        return [Requirement(wanted)]
    except InvalidRequirement:
        return [Requirement(item) for item in wanted.split()]


def pip_check(wanted: object) -> bool:
    """Tell whether everything is installed in a version that fits."""
    for item in _to_requirements(wanted):
        if item.marker is not None and not item.marker.evaluate():
            continue
        try:
            version = importlib.metadata.version(item.name)
        except importlib.metadata.PackageNotFoundError:
            return False
        if version not in item.specifier:
            return False
    return True


def isPipInstallInProgress() -> bool:
    """Return False: nothing is installed in the background."""
    return False


def _arguments(requirements: object) -> list[str]:
    return shlex.split(requirements) if isinstance(requirements, str) else [str(item) for item in requirements]


def pip_install(
    requirements,
    constraints=None,
    no_deps_requirements=None,
    skip_packages=None,
    blocking=True,
    show_progress=True,
    requester=None,
    logCallback=None,
    completedCallback=None,
):
    """Install packages; CalledProcessError if pip fails."""
    if no_deps_requirements is not None or skip_packages is not None or not blocking:
        raise NotImplementedError("The stand-in installs in the plain way only")
    options = [] if constraints is None else ["-c", str(constraints)]
    installer.run(["install", *_arguments(requirements), *options])


def pip_uninstall(requirements, **unused) -> None:
    """Remove packages."""
    installer.run(["uninstall", *_arguments(requirements), "--yes"])


def pip_ensure(
    requirements,
    constraints=None,
    skip_packages=None,
    prompt_install=True,
    prompt_restart=True,
    requester=None,
    skip_in_testing=True,
    show_progress=True,
):
    """Install what is missing after asking; RuntimeError if the user declines."""
    missing = [item for item in _to_requirements(requirements) if not pip_check(item)]
    if not missing or (skip_in_testing and slicer.app.testingEnabled()):
        return
    if prompt_install:
        names = "\n".join(f"- {item}" for item in missing)
        title = _("{requester} - Install Python Packages").format(requester=requester or "")
        message = _("{count} Python packages need to be installed.\n\nThis will modify Slicer's Python environment. Continue?")
        if not slicer.util.confirmOkCancelDisplay(message.format(count=len(missing)), title, detailedText=names):
            raise RuntimeError("User declined package installation")
    pip_install([str(item) for item in missing], constraints=constraints, requester=requester)
