"""Windows only: OpenVINO's libraries lie in a package of their own, where ONNX Runtime does not look."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any, List


def add_openvino_libraries() -> List[Path]:
    """Let ONNX Runtime, which must not be loaded yet, find the libraries of the package ``openvino``; return their folders.

    On Linux they lie inside of ``onnxruntime-openvino``, so nothing is done.
    """
    spec = importlib.util.find_spec("openvino") if sys.platform == "win32" else None
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    folders = [Path(place) / "libs" for place in places]
    found = [folder for folder in folders if folder.is_dir()]
    add_folder: Any = getattr(os, "add_dll_directory", None)
    for folder in found:
        os.environ["PATH"] = str(folder) + os.pathsep + os.environ.get("PATH", "")
        if add_folder is not None:
            add_folder(str(folder))
    return found
