"""With which Python, and in which environment, the child runs."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence

import kdseg
from kdseg.worker.child import BLAS_VARIABLES

SLICER_PYTHON = "PythonSlicer"
"""The launcher of Slicer's Python; Slicer puts its folder on the PATH."""


def python_program() -> str:
    """Return Slicer's Python, or outside of Slicer the Python that runs this."""
    return shutil.which(SLICER_PYTHON) or sys.executable


def child_arguments(request_file: Path, package: str = "kdseg.worker") -> List[str]:
    """Return what stands after the Python."""
    return ["-m", package, str(request_file)]


def child_environment(
    threads: int, inherited: Optional[Mapping[str, str]] = None, *, search_folders: Sequence[Path] = ()
) -> Dict[str, str]:
    """Return the environment of the child.

    It is Slicer's own, so that Slicer's Python finds its libraries (``PYTHONHOME``, the loader's paths). Added are the folder
    of ``kdseg``, names of files in UTF-8, as many threads as the run may use, and a traceback if a library crashes.

    Parameters
    ----------
    threads
        CPU threads of the run.
    inherited
        By default the environment of this process.
    search_folders
        Folders with further packages.
    """
    environment = dict(os.environ if inherited is None else inherited)
    own = dict.fromkeys([str(Path(kdseg.__file__).resolve().parents[1]), *map(str, search_folders)])
    folders = [*own, environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(folder for folder in folders if folder)
    environment.update(PYTHONUTF8="1", PYTHONFAULTHANDLER="1", PYTHONDONTWRITEBYTECODE="1")
    environment.update({variable: str(threads) for variable in BLAS_VARIABLES})
    for variable in ("PYTHONINSPECT", "PYTHONSTARTUP", "PYTHONIOENCODING"):
        environment.pop(variable, None)
    return environment
