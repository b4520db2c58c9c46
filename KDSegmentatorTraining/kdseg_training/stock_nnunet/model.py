"""The model folder that stock nnU-Net is to run, checked before nnU-Net touches it.

nnU-Net loads checkpoints with Python's pickle and imports the classes that ``plans.json`` names. So a checkpoint is first read
as data and refused if it holds anything else, and the names go through the exporter's allow-list.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

from kdseg.errors import KDSegError, PathLike, TeacherError
from kdseg.plans.model import ModelPlan
from kdseg.plans.parser import parse_model_plan
from kdseg_training.distillation.family.architecture import with_architectures
from kdseg_training.export.checkpoint import read_checkpoint
from kdseg_training.export.model_folder import open_model_folder
from kdseg_training.stock_nnunet.network_facts import count_network


@dataclass(frozen=True)
class StockModel:
    """A checked model folder.

    Attributes
    ----------
    folder, fold, checkpoint
        Where the weights lie.
    sha256, size_bytes
        Of the checkpoint.
    plans
        ``plans.json``.
    plan
        The checkpoint's configuration.
    trainer
        Class name in the checkpoint.
    mirroring_axes
        Axes that the checkpoint allows to mirror; None: none.
    parameters, flops_per_pass
        See :func:`kdseg_training.stock_nnunet.network_facts.count_network`.
    validation_dice
        Mean foreground Dice in nnU-Net's ``validation/summary.json`` of the fold; None if there is none.
    """

    folder: Path
    fold: str
    checkpoint: str
    sha256: str
    size_bytes: int
    plans: Dict[str, Any]
    plan: ModelPlan
    trainer: str
    mirroring_axes: Optional[Tuple[int, ...]]
    parameters: int
    flops_per_pass: int
    validation_dice: Optional[float]


def open_stock_model(folder: PathLike, fold: Optional[str] = None, checkpoint: str = "checkpoint_final.pth") -> StockModel:
    """Check a model folder.

    Parameters
    ----------
    folder
        With ``plans.json``, ``dataset.json`` and ``fold_*``.
    fold
        None: the only one.
    checkpoint
        File name in the fold's folder.

    Raises
    ------
    TeacherError
        If a file is missing or damaged, holds more than data, or names what is not allowed.
    """
    try:
        files = open_model_folder(Path(folder), fold, checkpoint)
        read = read_checkpoint(files.checkpoint_path)
        source = files.folder / "plans.json"
        plans = with_architectures(files.plans, str(source))
        plan = parse_model_plan(plans, files.dataset, read.configuration, str(source))
        parameters, flops = count_network(plans, plan, source)
    except TeacherError:
        raise
    except KDSegError as error:
        remedy = error.remedy.replace("--fold", "FOLDER:FOLD").replace("; folds are never averaged", "")
        raise TeacherError(
            f"The model folder cannot be profiled: {error.problem}",
            expected=error.expected,
            found=error.found,
            path=error.path,
            remedy=remedy,
        ) from error
    fold_folder = files.checkpoint_path.parent
    return StockModel(
        folder=files.folder,
        fold=fold_folder.name.removeprefix("fold_"),
        checkpoint=checkpoint,
        sha256=read.sha256,
        size_bytes=files.checkpoint_path.stat().st_size,
        plans=files.plans,
        plan=plan,
        trainer=read.trainer,
        mirroring_axes=read.mirroring_axes,
        parameters=parameters,
        flops_per_pass=flops,
        validation_dice=_validation_dice(fold_folder / "validation" / "summary.json"),
    )


def _validation_dice(path: Path) -> Optional[float]:
    try:
        value = json.loads(path.read_bytes())["foreground_mean"]["Dice"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return float(value) if isinstance(value, (int, float)) and 0 <= value <= 1 else None
