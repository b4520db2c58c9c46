"""Asked of a Python that shall train: what is installed in it? Run as a program by that Python, never imported by Slicer.

It prints one JSON object in the last line, whatever libraries print before it. It is written for any Python 3.
"""

import importlib
import importlib.util
import json
import os
import platform
import sys
from typing import Any, Dict

NEEDED = ("nnunetv2", "onnx", "onnxruntime", "SimpleITK", "skimage", "typer", "rich", "pydantic", "yaml", "matplotlib")
"""Packages that need no import to be found; ``torch`` is imported, because an installation of it can be broken."""


def _version(name: str) -> str:
    """Return the version of an installed distribution; empty where it is not known."""
    try:
        return str(importlib.import_module("importlib.metadata").version(name))
    except Exception:  # noqa: BLE001 - a version is only for show
        return ""


def _torch() -> Dict[str, Any]:
    """Return version and GPUs of torch, or why it does not load."""
    try:
        torch = importlib.import_module("torch")
        cuda = torch.cuda.is_available()
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())] if cuda else []
        return {"version": str(torch.__version__), "gpus": names, "error": ""}
    except ModuleNotFoundError as error:
        return {"version": "", "gpus": [], "error": "" if error.name == "torch" else str(error)}
    except Exception as error:  # noqa: BLE001 - whatever a broken installation raises is what the user has to see
        return {"version": "", "gpus": [], "error": str(error).strip() or type(error).__name__}


def main() -> None:
    """Print the answer."""
    found = {name: importlib.util.find_spec(name) is not None for name in ("torch", *NEEDED)}
    try:
        importlib.import_module("kdseg_training")
        companion = _version("kdsegmentator") or "found"
    except ImportError:
        companion = ""
    answer = {
        "python": list(sys.version_info[:3]),
        "executable": sys.executable,
        "system": platform.system(),
        "cpus": os.cpu_count() or 1,
        "missing": sorted(name for name in found if not found[name]),
        "torch": _torch() if found["torch"] else {"version": "", "gpus": [], "error": ""},
        "nnunetv2": _version("nnunetv2") if found["nnunetv2"] else "",
        "kdseg_training": companion,
    }
    sys.stdout.write("\n" + json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
