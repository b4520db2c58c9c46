"""A failure for people: what happened, why, what to do; and the technical part, which stays folded."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Tuple

from kdseg.errors import Cancelled, InputError, KDSegError
from KDSegmentatorLib.i18n import _

_FILE_ENDINGS = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd", ".dcm", ".zip", ".json", ".csv")


@dataclass(frozen=True)
class FailureView:
    """Texts of the error dialog.

    Attributes
    ----------
    problem
        One sentence: what happened.
    reasons
        Label and text of what was expected, what was found, and in which file.
    remedy
        What to do; never empty.
    details
        Technical text, shown under Details and copied with one click.
    """

    problem: str
    reasons: Tuple[Tuple[str, str], ...]
    remedy: str
    details: str

    def plain(self) -> str:
        """Return everything as plain text, for the log and the clipboard."""
        parts = [self.problem, *(f"{label}: {text}" for label, text in self.reasons), self.remedy]
        return "\n".join([*parts, "", self.details]) if self.details else "\n".join(parts)


def failure_view(error: BaseException, details: str = "") -> FailureView:
    """Return the view of an error.

    Parameters
    ----------
    error
        A :class:`KDSegError` says itself what happened and what to do; anything else is a fault of this program and says so.
    details
        Technical text, such as the child's last words; the traceback of ``error`` where it is empty.
    """
    if not isinstance(error, KDSegError):
        return FailureView(
            _("Something went wrong that KDSegmentator did not expect."),
            ((_("Message"), str(error) or type(error).__name__),),
            _("Nothing of an unfinished run was kept. Please report this with the text under Details."),
            details or traceback_text(error),
        )
    labelled = (
        (_("Expected"), error.expected),
        (_("Found"), error.found),
        (_place_label(error), error.path or ""),
    )
    return FailureView(
        error.problem,
        tuple((label, text) for label, text in labelled if text),
        error.remedy or _("Look at the text under Details, or try another volume or student."),
        details or traceback_text(error),
    )


def _place_label(error: KDSegError) -> str:
    """Return what ``error.path`` is: a file, or the name of a volume or of something else in the scene."""
    path = error.path or ""
    if Path(path).is_absolute() or path.lower().endswith(_FILE_ENDINGS):
        return _("File")
    return _("Volume") if isinstance(error, InputError) else _("Name")


def is_cancellation(error: BaseException) -> bool:
    """Tell whether the user stopped the run: that needs no dialog."""
    return isinstance(error, Cancelled)


def traceback_text(error: BaseException) -> str:
    """Return the traceback of an error as text."""
    return "".join(traceback.format_exception(type(error), error, error.__traceback__)).strip()
