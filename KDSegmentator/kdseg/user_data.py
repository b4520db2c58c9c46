"""Where the extension keeps what belongs to the user of this computer: added students, measured times, profiles."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def user_data_folder() -> Path:
    """Return KDSegmentator's folder in the user's data folder of this operating system; it may not exist yet."""
    if sys.platform == "win32":
        base = Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "KDSegmentator"


def profiles_folder() -> Path:
    """Return where profiles made on this computer are kept, one JSON file each; it may not exist yet."""
    return user_data_folder() / "Profiles"
