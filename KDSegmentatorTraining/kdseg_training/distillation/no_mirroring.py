"""A student's checkpoint that says mirroring is off, so that stock ``nnUNetv2_predict`` skips it by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Optional, Union

from kdseg.atomic import atomic_path, write_bytes
from kdseg.bundle.members import DATASET, PLANS
from kdseg.errors import OutputError, PathLike
from kdseg_training.export.checkpoint import Checkpoint, read_checkpoint
from kdseg_training.export.model_folder import ModelFolder, open_model_folder

CHECKPOINT = "checkpoint_final.pth"

STOCK_TRAINER = "nnUNetTrainer"
"""Its network is the planned one, and every installation has it."""


def write_without_mirroring(
    model_folder: PathLike,
    output_folder: Optional[PathLike] = None,
    *,
    fold: Optional[Union[int, str]] = None,
    checkpoint: str = CHECKPOINT,
) -> Path:
    """Write a model folder with the same weights that any nnU-Net v2 predicts with, without mirroring.

    The checkpoint keeps only what inference reads: weights, configuration, the trainer, which becomes ``nnUNetTrainer``, and
    ``inference_allowed_mirroring_axes``, which becomes None. Where three axes were mirrored, prediction is eight times faster.
    It is right only for a student that was distilled from a teacher with mirroring, or whose loss of accuracy is known.

    Parameters
    ----------
    model_folder
        With ``plans.json``, ``dataset.json`` and ``fold_*/<checkpoint>``; not changed.
    output_folder
        The new model folder; default ``nnUNetTrainer__<plans>__<configuration>`` beside the old one, where
        ``nnUNetv2_predict -d … -p <plans> -c <configuration>`` finds it.
    fold
        None: the only one.
    checkpoint
        File name in the fold's folder.

    Returns
    -------
    pathlib.Path
        The new model folder; its fold is named as before.

    Raises
    ------
    ExportError
        If the model folder is incomplete or damaged, or the fold has to be chosen.
    OutputError
        If there is such a fold already, or nothing can be written.
    """
    files = open_model_folder(Path(model_folder), fold, checkpoint)
    trained = read_checkpoint(files.checkpoint_path)
    folder = _default_folder(files, trained) if output_folder is None else Path(output_folder)
    target = folder / files.checkpoint_path.parent.name / CHECKPOINT
    if target.exists():
        raise OutputError(
            "There is a checkpoint already.",
            expected="a new folder",
            path=target,
            remedy="Choose another folder; the model without mirroring never replaces one.",
        )
    for path, content in ((folder / PLANS, files.plans_bytes), (folder / DATASET, files.dataset_bytes)):
        if path.is_file() and path.read_bytes() != content:
            raise OutputError("The folder holds another model.", expected=f"the same {path.name}, or none", path=folder)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError("The output folder cannot be made.", found=error.strerror or str(error), path=folder) from error
    write_bytes(folder / PLANS, files.plans_bytes)
    write_bytes(folder / DATASET, files.dataset_bytes)
    _save(trained, target)
    return folder


def _default_folder(files: ModelFolder, trained: Checkpoint) -> Path:
    name = f"{STOCK_TRAINER}__{files.plans.get('plans_name', 'nnUNetPlans')}__{trained.configuration}"
    return files.folder.resolve().parent / name


def _save(trained: Checkpoint, target: Path) -> None:
    import torch

    content = {
        "network_weights": trained.weights,
        "trainer_name": STOCK_TRAINER,
        "init_args": {"configuration": trained.configuration},
        "inference_allowed_mirroring_axes": None,
    }
    with atomic_path(target) as temporary:
        torch.save(content, temporary)
