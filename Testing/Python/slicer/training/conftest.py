"""The open panel for training."""

from __future__ import annotations

import pytest


@pytest.fixture
def panel(open_panel):
    """The open panel in an empty scene."""
    return open_panel("KDSegmentatorTraining").panel
