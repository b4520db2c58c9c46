"""Find and read the files of an nnU-Net v2 model folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Union

from kdseg.bundle.members import DATASET, MEMBER_LIMITS_BYTES, PLANS
from kdseg.bundle.strict_json import parse_json_object
from kdseg.errors import ExportError

_FOLD_PREFIX = "fold_"


@dataclass(frozen=True)
class ModelFolder:
    """The two JSON files, as bytes and parsed, and where the checkpoint lies.

    Attributes
    ----------
    folder
        The model folder.
    checkpoint_path
        The chosen checkpoint.
    plans_bytes, dataset_bytes
        ``plans.json`` and ``dataset.json``, untouched.
    plans, dataset
        The same, parsed.
    """

    folder: Path
    checkpoint_path: Path
    plans_bytes: bytes
    dataset_bytes: bytes
    plans: Dict[str, Any]
    dataset: Dict[str, Any]


def open_model_folder(folder: Path, fold: Optional[Union[int, str]], checkpoint: str) -> ModelFolder:
    """Read the JSON files of a model folder and choose its checkpoint.

    Parameters
    ----------
    folder
        With ``plans.json``, ``dataset.json`` and ``fold_*`` folders.
    fold
        Number or name after ``fold_``; None takes the only one. Folds are never averaged.
    checkpoint
        File name in the fold's folder.

    Raises
    ------
    ExportError
        If a file is missing or too large, or the fold has to be chosen.
    BundleSchemaError
        If a JSON file is damaged.
    """
    if not folder.is_dir():
        raise ExportError("The model folder does not exist.", expected="an nnU-Net v2 model folder", path=folder)
    plans_bytes, dataset_bytes = _read_small(folder / PLANS), _read_small(folder / DATASET)
    return ModelFolder(
        folder=folder,
        checkpoint_path=_checkpoint_path(folder, fold, checkpoint),
        plans_bytes=plans_bytes,
        dataset_bytes=dataset_bytes,
        plans=parse_json_object(plans_bytes, str(folder / PLANS)),
        dataset=parse_json_object(dataset_bytes, str(folder / DATASET)),
    )


def read_file(path: Path, limit_bytes: int) -> bytes:
    """Read a whole file once.

    Raises
    ------
    ExportError
        If it cannot be read or is larger than ``limit_bytes``.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit_bytes + 1)
    except OSError as error:
        raise ExportError("A file cannot be read.", found=error.strerror or str(error), path=path) from error
    if len(data) > limit_bytes:
        raise ExportError("A file is too large.", expected=f"at most {limit_bytes} bytes", path=path)
    return data


def _read_small(path: Path) -> bytes:
    if not path.is_file():
        raise ExportError(
            "The model folder is incomplete.",
            expected="plans.json and dataset.json beside the folds",
            found=f"no {path.name}",
            path=path.parent,
            remedy="Give the folder named like nnUNetTrainer__nnUNetPlans__3d_fullres that nnU-Net v2 wrote.",
        )
    return read_file(path, MEMBER_LIMITS_BYTES[path.name])


def _checkpoint_path(folder: Path, fold: Optional[Union[int, str]], checkpoint: str) -> Path:
    if Path(checkpoint).name != checkpoint or checkpoint in ("", ".", ".."):
        raise ExportError("The checkpoint must be a plain file name.", expected="checkpoint_final.pth", found=checkpoint)
    available = _folds_with(folder, checkpoint)
    listed = ", ".join(available) or "none"
    if fold is None:
        if len(available) != 1:
            raise ExportError(
                "The fold has to be chosen." if available else f"No fold has a {checkpoint}.",
                expected="one fold with that checkpoint",
                found=listed,
                path=folder,
                remedy="Name it with --fold, and another checkpoint with --checkpoint; folds are never averaged.",
            )
        return folder / f"{_FOLD_PREFIX}{available[0]}" / checkpoint
    if str(fold) not in available:
        raise ExportError(
            f"Fold {fold} has no {checkpoint}.",
            expected=f"one of the folds that have it: {listed}",
            found=str(fold),
            path=folder,
            remedy="Name one of these folds with --fold, or another checkpoint with --checkpoint.",
        )
    return folder / f"{_FOLD_PREFIX}{fold}" / checkpoint


def _folds_with(folder: Path, checkpoint: str) -> List[str]:
    folds = sorted(folder.glob(f"{_FOLD_PREFIX}*"))
    return [path.name[len(_FOLD_PREFIX) :] for path in folds if (path / checkpoint).is_file()]
