"""The software that runs students: asked for before the first run, changed under Advanced."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Optional, Tuple

import slicer
from kdseg.errors import InstallationError
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.packages import Question, Wish, ensure_installed, installed_distributions, installed_runtime
from KDSegmentatorLib.packages.inventory import missing_packages, onnxruntime_variants
from KDSegmentatorLib.packages.plan import FASTER_VARIANT
from KDSegmentatorLib.presentation.consent import ConsentAnswer, consent_view
from KDSegmentatorLib.widgets.consent_dialog import ConsentDialog


class Installation:
    """Asks and installs; nothing happens without a click.

    Parameters
    ----------
    parent
        The panel's widget, above which the question is shown.
    on_log
        Takes lines for the log.
    on_busy
        Called with a sentence while packages are installed.
    """

    def __init__(self, parent: Any, *, on_log: Callable[[str], None], on_busy: Callable[[str], None]) -> None:
        self._parent, self._on_log, self._on_busy = parent, on_log, on_busy
        self._wish = Wish()
        self._refused = False
        self._installed: Optional[Mapping[str, str]] = None

    def ensure(self) -> bool:
        """Install what is missing, after asking; return whether a run can start. False only after a no.

        Raises
        ------
        InstallationError
            If the installation fails.
        """
        return self._carry_out(Wish())

    def change(self) -> bool:
        """Do what the button under Advanced says; return False after a no.

        Raises
        ------
        InstallationError
            If the installation fails.
        """
        installed = installed_distributions()
        if missing_packages(installed):
            return self._carry_out(Wish())
        return self._carry_out(Wish(faster=FASTER_VARIANT not in onnxruntime_variants(installed)))

    def refusal(self) -> str:
        """Return what is said after a no."""
        return _("Not segmented: the software that runs students was not installed. Press Segment to be asked again.")

    def variants(self) -> Tuple[str, ...]:
        """Return the installed variants of ONNX Runtime."""
        return onnxruntime_variants(self._known())

    def runtime_texts(self) -> Tuple[str, str]:
        """Return which runtime is in use, and what the button beside it does; no text where there is nothing to change."""
        installed = self._known()
        text = installed_runtime(installed)
        if missing_packages(installed):
            return text, _("&Install…")
        if FASTER_VARIANT in onnxruntime_variants(installed):
            return text, _("Use the usual variant…")
        return text, _("Get the faster variant…") if _has_faster() else ""

    def _known(self) -> Mapping[str, str]:
        """Return what was installed when it was last looked at: reading the lists of all packages takes a moment."""
        if self._installed is None:
            self._installed = installed_distributions()
        return self._installed

    def _carry_out(self, wish: Wish) -> bool:
        self._wish, self._refused, self._installed = wish, False, None
        try:
            if ensure_installed(self._ask, wish=wish):
                self._on_log(_("Installed: {runtime}.").format(runtime=installed_runtime()))
        except InstallationError:
            if self._refused:
                return False
            raise
        return True

    def _ask(self, question: Question) -> Optional[ConsentAnswer]:
        view = consent_view(
            question.packages,
            removed=question.uninstall,
            faster=None if self._wish.faster is not None else question.faster,
            offline_command=question.offline_command,
        )
        answer = ConsentDialog(view, self._parent).ask()
        self._refused = answer is None
        if answer is not None:
            self._on_busy(_("Installing. This may take a minute."))
            slicer.app.processEvents()
        return answer


def _has_faster() -> bool:
    from kdseg.cli.wheelhouse import this_computer

    return bool(this_computer().has_openvino)
