"""What is installed. Reads only the lists of files that pip keeps; loads no package."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
from typing import Dict, List, Mapping, Optional, Tuple

from kdseg.cli.wheelhouse import ONNXRUNTIME, SCIKIT_IMAGE, canonical_name
from kdseg.versions import ONNXRUNTIME_DISTRIBUTIONS
from KDSegmentatorLib.i18n import _

OLDEST_ONNXRUNTIME = (1, 19)
OLDEST_SCIKIT_IMAGE = (0, 22)


def installed_distributions() -> Dict[str, str]:
    """Return the version of every installed distribution, by its canonical name."""
    importlib.invalidate_caches()
    found: Dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        name, version = distribution.metadata["Name"], distribution.metadata["Version"]
        if name and version:
            found.setdefault(canonical_name(name), version)  # the first one on the path is the one that is used
    return found


def missing_packages(installed: Optional[Mapping[str, str]] = None) -> List[str]:
    """Return what must be installed before a run, as pip is asked for it; empty if nothing is missing.

    NumPy, SciPy and SimpleITK are not looked for: Slicer brings them.
    """
    present = installed_distributions() if installed is None else installed
    variants = onnxruntime_variants(present)
    missing = []
    if len(variants) != 1 or version_numbers(present[variants[0]]) < OLDEST_ONNXRUNTIME:
        missing.append(ONNXRUNTIME)
    if version_numbers(present.get("scikit-image", "0")) < OLDEST_SCIKIT_IMAGE:
        missing.append(SCIKIT_IMAGE)
    return missing


def onnxruntime_variants(installed: Mapping[str, str]) -> Tuple[str, ...]:
    """Return the names of the installed variants of ONNX Runtime, sorted; more than one is a fault."""
    return tuple(sorted(set(installed) & ONNXRUNTIME_DISTRIBUTIONS))


def installed_runtime(installed: Optional[Mapping[str, str]] = None) -> str:
    """Return for people which variant of ONNX Runtime is in use."""
    present = installed_distributions() if installed is None else installed
    variants = onnxruntime_variants(present)
    if not variants:
        return _("ONNX Runtime is not installed")
    if len(variants) > 1:
        return _("Several variants of ONNX Runtime lie in one place and disturb each other: {names}").format(
            names=", ".join(variants)
        )
    name, version = variants[0], present[variants[0]]
    if name == "onnxruntime-openvino":
        return _("ONNX Runtime {version} with OpenVINO, the faster variant for Intel and AMD processors").format(
            version=version
        )
    if name == "onnxruntime":
        return _("ONNX Runtime {version}").format(version=version)
    return _("ONNX Runtime {version} ({name})").format(version=version, name=name)


def version_numbers(version: str) -> Tuple[int, ...]:
    """Return the leading numbers of a version, for comparison: ``1.24.1`` → (1, 24, 1)."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in match.group().split(".")) if match else ()
