"""First use: ask, install, and look whether everything is as promised."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Mapping, Optional, Protocol, Tuple

from kdseg.cli.wheelhouse import SLICERS_OWN, Target, this_computer
from kdseg.errors import InstallationError
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.jobs.running import jobs_are_running
from KDSegmentatorLib.packages.inventory import (
    installed_distributions,
    installed_runtime,
    missing_packages,
    onnxruntime_variants,
)
from KDSegmentatorLib.packages.offline import check_folder, offline_command
from KDSegmentatorLib.packages.pip import Installer, SlicerPip, check_that_it_loads, describe_failure
from KDSegmentatorLib.packages.plan import FASTER_VARIANT, Plan, Wish, plan_installation, requirement_name


@dataclass(frozen=True)
class Question:
    """What the user is asked.

    Attributes
    ----------
    packages
        What would be installed, as pip is asked for it.
    uninstall
        What would be uninstalled first.
    faster
        Name of the faster variant that can be had; None where there is none for this computer, or it is installed.
    offline_command
        Makes a folder of packages for this Slicer, on a computer with internet.
    """

    packages: Tuple[str, ...]
    uninstall: Tuple[str, ...]
    faster: Optional[str]
    offline_command: str


class Answer(Protocol):
    """A yes; None is a no. :class:`Wish` is one."""

    @property
    def faster(self) -> Optional[bool]:
        """Whether to take the faster variant; otherwise the wish decides."""
        ...

    @property
    def folder(self) -> Optional[Path]:
        """See :class:`Wish`."""
        ...


Ask = Callable[[Question], Optional[Answer]]


def question(target: Target, installed: Mapping[str, str], wish: Wish) -> Question:
    """Return what to ask for a wish."""
    plan = plan_installation(target, installed, wish)
    has_it = onnxruntime_variants(installed) == (FASTER_VARIANT,)
    faster = FASTER_VARIANT if target.has_openvino and not has_it else None
    command = offline_command(target, installed, faster=bool(wish.faster))
    return Question(plan.install, plan.uninstall, faster, command)


def ensure_installed(ask: Ask, *, wish: Optional[Wish] = None, installer: Optional[Installer] = None) -> bool:
    """Install what a run needs, with the user's consent. Call it from a click, on the main thread.

    Parameters
    ----------
    ask
        Shows the question and returns the answer, or None for a no. Not called if nothing is to be done.
    wish
        For switching the variant of ONNX Runtime; by default whatever is installed stays.
    installer
        By default Slicer's pip.

    Returns
    -------
    bool
        Whether something was installed.

    Raises
    ------
    InstallationError
        If the user said no, a segmentation is running, the folder does not fit, pip failed, or a package is still missing,
        does not load, or replaced one of Slicer's own. Unless the message says otherwise nothing was changed.
    """
    target, before, wish = this_computer(), installed_distributions(), wish or Wish()
    if plan_installation(target, before, wish).nothing_to_do:
        return False
    answer = ask(question(target, before, wish))
    if answer is None:
        raise InstallationError(
            _("The packages that a segmentation needs are not installed."),
            expected=", ".join(missing_packages(before)),
            remedy=_("Agree to the installation when you want to segment; it works without internet, too."),
        )
    chosen = Wish(True if answer.faster else wish.faster, answer.folder)
    plan = plan_installation(target, before, chosen)
    if plan.uninstall and jobs_are_running():
        raise InstallationError(
            _("A segmentation is running, and it uses what would be replaced."),
            remedy=_("Wait until it is done, or cancel it."),
        )
    if plan.folder is not None:
        check_folder(plan.folder, target, plan.install)
    carry_out(plan, installer or SlicerPip())
    _check_result(before)
    check_that_it_loads()
    return True


def carry_out(plan: Plan, installer: Installer) -> None:
    """Do what the plan says.

    What is to replace another variant is fetched before that one goes, so that a broken network leaves everything as it was.

    Raises
    ------
    InstallationError
        If pip fails.
    """
    with tempfile.TemporaryDirectory(prefix="kdseg-") as scratch:
        constraints = Path(scratch) / "constraints.txt"
        constraints.write_text("\n".join(plan.constraints) + "\n", encoding="ascii")
        folder = plan.folder
        if plan.uninstall and folder is None:
            folder = Path(scratch)
            variants = [r for r in plan.install if requirement_name(r) != "scikit-image"]
            _attempt(lambda: installer.download(variants, Path(scratch)))
        if plan.uninstall:
            _attempt(lambda: installer.uninstall(plan.uninstall))
        _attempt(lambda: installer.install(plan.install, constraints, folder, offline=plan.folder is not None))


def _attempt(step: Callable[[], None]) -> None:
    try:
        step()
    except Exception as error:  # Slicer and pip raise classes of their own, which differ between versions
        raise InstallationError(
            _("pip could not install the packages. Now: {state}.").format(state=installed_runtime()),
            found=describe_failure(error),
            remedy=_("Check the network or the folder; without internet, use a folder made by kdseg wheelhouse."),
        ) from error


def _check_result(before: Mapping[str, str]) -> None:
    after = installed_distributions()
    missing = missing_packages(after)
    if missing:
        raise InstallationError(
            _("A package is still missing after the installation."),
            expected=", ".join(missing),
            found=installed_runtime(after),
            remedy=_("Restart Slicer and try again."),
        )
    replaced = [name for name in SLICERS_OWN if before.get(name) != after.get(name)]
    if replaced:
        raise InstallationError(
            _("pip replaced a package of Slicer."),
            expected=", ".join(f"{name} {before.get(name)}" for name in replaced),
            found=", ".join(f"{name} {after.get(name)}" for name in replaced),
            remedy=_("Install the expected version again with slicer.util.pip_install, or install Slicer again."),
        )
