"""What the user is asked before anything is installed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Tuple

from KDSegmentatorLib.i18n import _


@dataclass(frozen=True)
class ConsentView:
    """The texts of the question.

    Attributes
    ----------
    question
        What is missing and what is asked.
    packages
        The packages that would be installed, as pip names them.
    removed
        What would be uninstalled first; empty for nothing.
    promise
        What is left alone.
    faster
        Words for the faster variant; empty where this platform has none.
    offline_command
        The command that makes a folder for a computer without internet.
    """

    question: str
    packages: Tuple[str, ...]
    removed: str
    promise: str
    faster: str
    offline_command: str


@dataclass(frozen=True)
class ConsentAnswer:
    """A yes. A no is None.

    Attributes
    ----------
    faster
        Take the faster variant.
    folder
        Folder of packages made on another computer; None to install from the internet.
    """

    faster: bool = False
    folder: Optional[Path] = None


def consent_view(
    packages: Tuple[str, ...], *, removed: Tuple[str, ...] = (), faster: Optional[str], offline_command: str
) -> ConsentView:
    """Return the question for a list of packages.

    Parameters
    ----------
    packages
        What would be installed.
    removed
        What would be uninstalled first.
    faster
        Name of the package with the faster variant; None where this platform has none.
    offline_command
        The command that makes a folder of packages for this computer.
    """
    words = _(
        "{package} instead of onnxruntime: half the time on Intel and AMD processors; single voxels at borders may differ."
    )
    return ConsentView(
        question=_("KDSegmentator runs students with software that Slicer does not bring. May it be installed?"),
        packages=packages,
        removed=_("Removed first: {names}.").format(names=", ".join(removed)) if removed else "",
        promise=_("What Slicer brings itself, NumPy and SimpleITK above all, is left as it is. No images leave this computer."),
        faster="" if faster is None else words.format(package=faster),
        offline_command=offline_command,
    )


def command_for(view: ConsentView, *, faster: bool) -> str:
    """Return the command that makes the folder, for the variant that is chosen."""
    already = "--faster" in view.offline_command.split()
    return f"{view.offline_command} --faster" if faster and not already else view.offline_command


def folder_problem(folder: str) -> str:
    """Return why a folder of packages cannot be used; empty where it can."""
    if not folder:
        return _("Choose the folder that was made on the other computer.")
    path = Path(folder)
    if not path.is_dir():
        return _("The folder does not exist.")
    if not any(path.glob("*.whl")):
        return _("The folder holds no packages (files that end in .whl).")
    return ""
