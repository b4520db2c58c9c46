"""What the progress bar shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Optional

from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.presentation.quantities import time_left_text


@dataclass(frozen=True)
class ProgressView:
    """The bar and its two texts.

    Attributes
    ----------
    percent
        Of the whole run, 0 to 100; None while it is not known (the bar then moves without end).
    stage
        What is being done.
    time_left
        Empty while it is not known.
    """

    percent: Optional[int]
    stage: str
    time_left: str = ""


def starting() -> ProgressView:
    """Return the view from the click until the child process speaks."""
    return ProgressView(None, _("Starting…"))


def stopping() -> ProgressView:
    """Return the view from Cancel until the child process is gone."""
    return ProgressView(None, _("Stopping…"))


def loading() -> ProgressView:
    """Return the view while the result is brought into the scene."""
    return ProgressView(100, _("Showing the result…"))


def progress_view(stage: str, overall: float, seconds_left: Optional[float]) -> ProgressView:
    """Return the view of a progress message.

    Parameters
    ----------
    stage
        Value of :class:`kdseg.progress.Stage`; an unknown one is shown as it is.
    overall
        Share of the whole run that is done; values outside 0 to 1 are held to it.
    seconds_left
        Until the run ends; None while it is not known.
    """
    percent = round(100 * min(1.0, max(0.0, overall)))
    return ProgressView(percent, _stages().get(stage, stage), time_left_text(seconds_left))


def _stages() -> Dict[str, str]:
    return {
        "read": _("Reading the volume"),
        "preprocess": _("Preparing the volume"),
        "network": _("Segmenting"),
        "resample and arg-max": _("Deciding labels"),
        "write": _("Writing the result"),
    }
