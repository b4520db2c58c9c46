"""The progress bar with stage and time left."""

from __future__ import annotations

from typing import Any, Optional

import qt

from KDSegmentatorLib.presentation.progress import ProgressView
from KDSegmentatorLib.widgets.building import column, row


class ProgressArea:
    """Hidden while nothing runs."""

    def __init__(self, place: Any) -> None:
        self._place = place
        self.bar = qt.QProgressBar()
        self.bar.objectName = "progressBar"
        self.stage_label = qt.QLabel()
        self.stage_label.objectName = "stageLabel"
        self.time_label = qt.QLabel()
        self.time_label.objectName = "timeLeftLabel"
        self.time_label.alignment = qt.Qt.AlignRight
        layout = column(place, spacing=2)
        layout.addWidget(self.bar)
        layout.addLayout(row(self.stage_label, self.time_label, stretch=0))
        self.show(None)

    def show(self, view: Optional[ProgressView]) -> None:
        """Show a view; hide everything for None."""
        self._place.visible = view is not None
        if view is None:
            return
        self.bar.setRange(0, 0 if view.percent is None else 100)
        self.bar.value = 0 if view.percent is None else view.percent
        self.stage_label.text = view.stage
        self.time_label.text = view.time_left
