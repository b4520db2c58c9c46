"""The widgets of the tab Distil."""

from __future__ import annotations

from typing import Any

from KDSegmentatorLib.widgets.building import column


class DistilTab:
    """Fills the tab Distil.

    Parameters
    ----------
    page
        The tab's empty page.
    """

    def __init__(self, page: Any) -> None:
        self.layout = column(page)
