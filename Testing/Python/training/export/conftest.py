"""Model folders with random weights, written once for each architecture."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest

from kdseg_testing.model_folder import write_model_folder


@pytest.fixture
def model_folder(tmp_path: Path) -> Callable[..., Path]:
    """Write a model folder that exports quickly."""

    def write(**changes: Any) -> Path:
        return write_model_folder(tmp_path / "model", **{"features": (4, 8), "patch_size": (8, 8, 8), **changes})

    return write
