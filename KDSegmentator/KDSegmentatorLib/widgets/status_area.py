"""The sentence beside the button, with a picture for its tone, and the estimate above it."""

from __future__ import annotations

from typing import Any

import qt

from KDSegmentatorLib.presentation.readiness import Tone
from KDSegmentatorLib.widgets.building import column, row, tone_pixmap, wrapped_label


class StatusArea:
    """Two wrapped texts that vanish where there is nothing to say."""

    def __init__(self, place: Any) -> None:
        self.estimate_label = wrapped_label("estimateLabel")
        self.icon = qt.QLabel()
        self.icon.objectName = "statusIcon"
        self.icon.alignment = qt.Qt.AlignTop
        self.sentence_label = wrapped_label("statusLabel")
        layout = column(place)
        layout.addWidget(self.estimate_label)
        layout.addLayout(row(self.icon, self.sentence_label, stretch=1))
        self.show_estimate("")
        self.show_sentence("", Tone.HINT)

    def show_estimate(self, text: str) -> None:
        """Show what a run is expected to take."""
        self.estimate_label.text = text
        self.estimate_label.visible = bool(text)

    def show_sentence(self, text: str, tone: Tone) -> None:
        """Show why Segment is disabled, a warning, or what became of the last run."""
        self.sentence_label.text = text
        self.sentence_label.visible = bool(text)
        self.icon.setPixmap(tone_pixmap(tone))
        self.icon.visible = bool(text)
