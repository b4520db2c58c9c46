"""The versions of what computes here. Imports none of it, so that it also works where a package is broken."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Dict, Tuple

from kdseg._version import __version__

DEPENDENCIES = ("numpy", "scipy", "SimpleITK", "scikit-image", "pillow")
"""Distributions whose versions are written down, besides the variants of ONNX Runtime."""

ONNXRUNTIME_DISTRIBUTIONS = frozenset(
    {
        "onnxruntime",
        "onnxruntime-cann",
        "onnxruntime-directml",
        "onnxruntime-gpu",
        "onnxruntime-migraphx",
        "onnxruntime-openvino",
        "onnxruntime-qnn",
        "onnxruntime-rocm",
        "onnxruntime-silicon",
        "onnxruntime-training",
        "onnxruntime-vitisai",
        "ort-nightly",
        "ort-nightly-directml",
        "ort-nightly-gpu",
    }
)
"""Distributions that all bring the one package ``onnxruntime``; two of them side by side overwrite each other's files."""


def versions() -> Dict[str, str]:
    """Return the versions of this program, of Python and of the installed distributions it computes with, by name."""
    found = {"kdseg": __version__, "python": platform.python_version()}
    for name in (*DEPENDENCIES, *onnxruntime_variants()):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def onnxruntime_variants() -> Tuple[str, ...]:
    """Return the names of the installed ONNX Runtime distributions, for example ``onnxruntime-openvino``, sorted."""
    names = {str(d.metadata["Name"]).lower().replace("_", "-") for d in importlib.metadata.distributions()}
    return tuple(sorted(names & ONNXRUNTIME_DISTRIBUTIONS))
