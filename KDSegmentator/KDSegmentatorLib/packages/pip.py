"""pip, the way Slicer wants it to be used: its own functions, on the main thread."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, Optional, Protocol, Sequence

from kdseg.errors import InstallationError
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.jobs.environment import python_program

REQUESTER = "KDSegmentator"
WHEELS_ONLY = ("--only-binary", ":all:")


class Installer(Protocol):
    """What installs and uninstalls; raises anything when it fails."""

    def download(self, requirements: Sequence[str], folder: Path) -> None:
        """Put the packages themselves, without what they need, into ``folder``."""
        ...

    def install(self, requirements: Sequence[str], constraints: Path, folder: Optional[Path], *, offline: bool) -> None:
        """Install; ``folder`` holds packages to prefer, and with ``offline`` nothing else is used."""
        ...

    def uninstall(self, names: Sequence[str]) -> None:
        """Uninstall distributions."""
        ...


class SlicerPip:
    """Slicer's pip: ``slicer.packaging`` where it exists (5.12 and newer), else ``slicer.util``.

    Parameters
    ----------
    slicer_module
        The package ``slicer``.
    """

    def __init__(self, slicer_module: Any = None) -> None:
        if slicer_module is None:
            import slicer

            slicer_module = slicer
        self._slicer = slicer_module

    def download(self, requirements: Sequence[str], folder: Path) -> None:
        """Download with Slicer's Python."""
        util = self._slicer.util
        execute = getattr(util, "executePythonModule", None) or util._executePythonModule
        execute("pip", ["download", "--no-deps", *WHEELS_ONLY, "--dest", str(folder), *requirements])

    def install(self, requirements: Sequence[str], constraints: Path, folder: Optional[Path], *, offline: bool) -> None:
        """Install; the user has been asked before, so Slicer does not ask again."""
        packaging = _packaging()
        if packaging is not None and folder is None and hasattr(packaging, "pip_ensure"):
            with _wheels_only():
                packaging.pip_ensure(
                    list(requirements),
                    constraints=str(constraints),
                    prompt_install=False,
                    requester=REQUESTER,
                    skip_in_testing=False,
                )
            return
        options = [*WHEELS_ONLY, "-c", str(constraints)]
        options += [] if folder is None else ["-f", str(folder)]
        options += ["--no-index"] if offline else []
        self._slicer.util.pip_install([*requirements, *options])

    def uninstall(self, names: Sequence[str]) -> None:
        """Uninstall."""
        self._slicer.util.pip_uninstall(" ".join(names))


def describe_failure(error: Exception) -> str:
    """Return the line of what pip said that tells most."""
    text = "\n".join(str(part) for part in (getattr(error, "output", None), getattr(error, "stderr", None), error) if part)
    lines = [line for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.lstrip().startswith("ERROR")]
    return " ".join((errors or lines or [type(error).__name__])[-1].split())[:600]


def check_that_it_loads() -> None:
    """Load the packages once, in a process of their own.

    Raises
    ------
    InstallationError
        If one does not load, for example because a library of the operating system is missing.
    """
    command = [python_program(), "-c", "import onnxruntime, skimage.transform, scipy.ndimage"]
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    result = subprocess.run(command, check=False, capture_output=True, encoding="utf-8", errors="replace", creationflags=flags)  # noqa: S603
    if result.returncode != 0:
        lines = [line for line in result.stderr.splitlines() if line.strip()]
        raise InstallationError(
            _("The packages are installed but do not load."),
            found=(lines or [_("exit code {code}").format(code=result.returncode)])[-1][:600],
            remedy=_("On Windows, install Microsoft's Visual C++ Redistributable; then restart Slicer and try again."),
        )


def _packaging() -> Any:
    try:
        from slicer import packaging
    except ImportError:
        return None
    return packaging


@contextmanager
def _wheels_only() -> Iterator[None]:
    """Tell pip through its environment not to compile anything: Slicer's function takes no options."""
    before = os.environ.get("PIP_ONLY_BINARY")
    os.environ["PIP_ONLY_BINARY"] = ":all:"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PIP_ONLY_BINARY"]
        else:
            os.environ["PIP_ONLY_BINARY"] = before
