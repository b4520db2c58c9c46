"""Make a torchvision that was built for CUDA importable beside a CPU build of torch.

The torchvision wheel of the plain package index is built for CUDA. Beside a CPU torch its C++ part does not load, and importing
it fails with ``operator torchvision::nms does not exist``. nnU-Net imports it (through timm) whenever it looks up a trainer
other than ``nnUNetTrainer``, although it uses none of its operators. Declaring the two operators first is all that is needed.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any, List, cast

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_BUILT_FOR_CUDA = re.compile(r"^__version__ = '[^']*\+cu\d", re.MULTILINE)
_libraries: List[object] = []


def declare_torchvision_operators() -> bool:
    """Declare torchvision's operators where its own C++ part cannot; call it before anything that may import torchvision.

    Returns
    -------
    bool
        Whether anything had to be declared. A torchvision that fits its torch is left alone.
    """
    import torch

    if _libraries or torch.version.cuda is not None or not _is_built_for_cuda():
        return False
    if hasattr(torch.ops.torchvision, "nms"):
        return False
    library: Any = cast(Any, torch.library.Library)("torchvision", "FRAGMENT")
    for schema in _SCHEMAS:
        library.define(schema)
    _libraries.append(library)
    return True


def _is_built_for_cuda() -> bool:
    spec = importlib.util.find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        return False
    version = Path(next(iter(spec.submodule_search_locations))) / "version.py"
    return version.is_file() and _BUILT_FOR_CUDA.search(version.read_text(encoding="utf-8")) is not None
