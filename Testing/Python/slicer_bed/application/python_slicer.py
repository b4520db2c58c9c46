"""``PythonSlicer``: like Slicer's, a launcher that stays while the real Python runs as its child."""

from __future__ import annotations

import os
import sys
from pathlib import Path

SCRIPT = """#!/bin/sh
if [ "$1" = -m ] && [ "$2" = pip ]; then
  echo "pip must go through slicer.packaging or slicer.util, where the test records it" >&2
  exit 97
fi
"{python}" "$@"
exit $?
"""


def install(folder: Path) -> None:
    """Put the launcher into a folder, and the folder first on the PATH; on Windows there is none."""
    if os.name == "nt":
        return
    folder.mkdir()
    launcher = folder / "PythonSlicer"
    launcher.write_text(SCRIPT.format(python=sys.executable), encoding="utf-8")
    launcher.chmod(0o755)
    os.environ["PATH"] = os.pathsep.join((str(folder), os.environ.get("PATH", "")))
