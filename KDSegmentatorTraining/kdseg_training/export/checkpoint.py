"""Read an nnU-Net checkpoint as data: never more than tensors, plain values and NumPy scalars."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

import numpy as np

from kdseg.errors import ExportError
from kdseg_training.export.model_folder import read_file
from kdseg_training.export.torch_data import load_data

if TYPE_CHECKING:
    import torch

LARGEST_CHECKPOINT_BYTES = 8 * 1024**3
"""A checkpoint holds the weights and up to two optimiser states of them."""

NUMPY_SCALAR_NAMES = ("numpy._core.multiarray.scalar", "numpy.core.multiarray.scalar")
"""NumPy's scalar constructor in files of NumPy 2 and of NumPy 1."""

NUMPY_SCALAR_TYPES = ("float64", "float32", "int64")
"""Types of the scalars that nnU-Net logs: means are float64, losses float32."""


@dataclass(frozen=True)
class Checkpoint:
    """What inference needs of a checkpoint.

    Attributes
    ----------
    weights
        The network's ``state_dict``, float32 and finite, on the CPU.
    configuration
        For example ``3d_fullres``.
    dataset
        ``dataset.json`` of the data that it was trained on; empty where the checkpoint lacks it.
    trainer
        Class name of the trainer.
    mirroring_axes
        ``inference_allowed_mirroring_axes``; None: no mirroring.
    sha256
        Of the file that was read (hex).
    """

    weights: Dict[str, torch.Tensor]
    configuration: str
    dataset: Dict[str, Any]
    trainer: str
    mirroring_axes: Optional[Tuple[int, ...]]
    sha256: str


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint once, hash it, and load it from those bytes.

    Raises
    ------
    ExportError
        If the file is missing, truncated or damaged, holds anything but data, or lacks a key of nnU-Net v2.
    """
    content = read_file(path, LARGEST_CHECKPOINT_BYTES)
    loaded = _load(content, path)
    wanted = ("network_weights", "init_args", "trainer_name")
    if not isinstance(loaded, dict) or not all(key in loaded for key in wanted):
        raise ExportError("The file is not a checkpoint of nnU-Net v2.", expected=", ".join(wanted), path=path)
    arguments, trainer = loaded["init_args"], loaded["trainer_name"]
    arguments = arguments if isinstance(arguments, dict) else {}
    configuration, dataset = arguments.get("configuration"), arguments.get("dataset_json")
    if not isinstance(configuration, str) or not isinstance(trainer, str):
        found = f"{configuration!r} and {trainer!r}"
        raise ExportError("The checkpoint does not name configuration and trainer.", expected="text", found=found, path=path)
    return Checkpoint(
        weights=_weights(loaded["network_weights"], path),
        configuration=configuration,
        dataset=dict(dataset) if isinstance(dataset, dict) else {},
        trainer=trainer,
        mirroring_axes=_mirroring_axes(loaded.get("inference_allowed_mirroring_axes"), path),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _allowed_globals() -> List[Any]:
    scalar = type(np.float64(0)).__reduce__(np.float64(0))[0]  # the constructor that pickled NumPy scalars name
    return [*((scalar, name) for name in NUMPY_SCALAR_NAMES), np.dtype, *(type(np.dtype(name)) for name in NUMPY_SCALAR_TYPES)]


def _load(content: bytes, path: Path) -> Any:
    return load_data(
        io.BytesIO(content),
        path,
        refusal=ExportError,
        remedy="Copy the checkpoint again from where it was trained.",
        remedy_for_objects=(
            "Copy the checkpoint again from where it was trained, or save one with only network_weights, init_args, "
            "trainer_name and inference_allowed_mirroring_axes."
        ),
        allowed=_allowed_globals(),
    )


def _weights(weights: Any, path: Path) -> Dict[str, torch.Tensor]:
    import torch

    if not isinstance(weights, dict) or not weights:
        raise ExportError("The checkpoint has no weights.", expected="a state_dict", found=type(weights).__name__, path=path)
    result: Dict[str, torch.Tensor] = {}
    for name, tensor in weights.items():
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor) or tensor.is_sparse:
            raise ExportError("The weights are not plain tensors.", found=f"{name!r}: {type(tensor).__name__}", path=path)
        values = tensor.float() if tensor.is_floating_point() else tensor
        if not bool(torch.isfinite(values).all()):
            raise ExportError("The weights are not finite numbers; the training diverged.", found=name, path=path)
        result[name] = values
    return result


def _mirroring_axes(axes: Any, path: Path) -> Optional[Tuple[int, ...]]:
    if axes is None:
        return None
    values = tuple(axes) if isinstance(axes, (list, tuple)) else (axes,)
    if not all(isinstance(a, int) and not isinstance(a, bool) and 0 <= a <= 2 for a in values):
        raise ExportError("The mirroring axes are not usable.", expected="0, 1 and 2", found=repr(axes)[:100], path=path)
    return values or None
