"""The estimate before a run: made a moment after the last change, and only while nothing runs."""

from __future__ import annotations

import logging
from typing import Any, Callable, Dict, Optional

import qt

from KDSegmentatorLib.presentation.estimate import EstimateView

DELAY_MS = 150
"""Changes that follow each other within this time are estimated once."""


class Estimation:
    """Keeps the estimate for the choices of the panel.

    Parameters
    ----------
    logic
        The module's logic, which estimates.
    on_changed
        Called when :attr:`view` changed.

    Attributes
    ----------
    view
        The estimate; None while it is not known.
    """

    def __init__(self, logic: Any, *, on_changed: Callable[[], None]) -> None:
        self._logic, self._on_changed = logic, on_changed
        self._wanted: Optional[Dict[str, Any]] = None
        self.view: Optional[EstimateView] = None
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(DELAY_MS)
        self._timer.timeout.connect(self._make)

    def schedule(self, volume: Any, student: Any, options: Dict[str, Any]) -> None:
        """Make a new estimate soon; without a volume and a student there is none."""
        self._wanted = None
        if volume is None or volume.GetImageData() is None or student is None:
            self.view = None
            return
        self._wanted = {"volumeNode": volume, "student": student, **options}
        self._timer.start()

    def stop(self) -> None:
        """Make no estimate any more; the one that is there stays."""
        self._timer.stop()
        self._wanted = None

    def _make(self) -> None:
        wanted, self._wanted = self._wanted, None
        if wanted is None:
            return
        self.view = None
        try:
            estimate = self._logic.estimate(**wanted)
            self.view = EstimateView(estimate.peak_bytes, estimate.seconds, estimate.tiles, estimate.passes)
        except Exception:  # an estimate is a service: a run tells its failure itself
            logging.exception("KDSegmentator: no estimate")
        self._on_changed()
