"""Where the companion package lies; it is run in child processes and never imported here."""

from __future__ import annotations

from pathlib import Path
from typing import Tuple


def companion_folders() -> Tuple[Path, ...]:
    """Return the folders that a child needs on its path to find ``kdseg_training``: beside this library, installed or not."""
    return (Path(__file__).resolve().parents[1],)
