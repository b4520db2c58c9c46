"""Load a teacher from an nnU-Net model folder, strictly: as data, from the allow-list, every weight in its place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple, Union

from kdseg.errors import KDSegError, PathLike, TeacherError
from kdseg.plans.model import ModelPlan
from kdseg.plans.parser import parse_model_plan
from kdseg.sides import SideExchange
from kdseg_training.distillation.family.architecture import with_architectures
from kdseg_training.distillation.teacher.teacher import Teacher, TeacherSource
from kdseg_training.export.architecture import build_network
from kdseg_training.export.checkpoint import Checkpoint, read_checkpoint
from kdseg_training.export.model_folder import ModelFolder, open_model_folder

if TYPE_CHECKING:
    import torch

Fold = Union[int, str]


def load_teacher(
    model_folder: PathLike,
    *,
    folds: Union[Fold, Sequence[Fold], None] = None,
    checkpoint: str = "checkpoint_final.pth",
    device: Union[str, torch.device] = "cpu",
    mirroring: bool = False,
    sides: Optional[SideExchange] = None,
    channels_last: bool = False,
) -> Teacher:
    """Load one or several folds as a frozen teacher.

    Parameters
    ----------
    model_folder
        With ``plans.json``, ``dataset.json`` and ``fold_*/<checkpoint>``; plans of any nnU-Net v2.
    folds
        One fold or several, whose logits are averaged; None: the only one.
    checkpoint
        File name in the folds' folders.
    device
        Where the networks go.
    mirroring
        Average the logits over the axes that the checkpoints allow, as ``nnUNetv2_predict`` does; 2ᵏ times slower for k axes.
    sides
        Average the logits with those of the input mirrored from left to right, its classes exchanged; twice as slow.
    channels_last
        Keep the weights in the order ``channels_last`` or ``channels_last_3d``.

    Raises
    ------
    TeacherError
        If a file is missing, damaged or no nnU-Net v2 data; the network is not one of nnU-Net's U-Nets; the weights do not fit
        the plans; the folds contradict each other; or mirroring and sides are to mirror the same axis.
    """
    wanted: List[Optional[Fold]] = [folds] if folds is None or isinstance(folds, (int, str)) else list(folds)
    if not wanted or len({str(fold) for fold in wanted}) != len(wanted):
        raise TeacherError("The folds of the teacher are not usable.", expected="each fold once", found=str(folds))
    try:
        files, read = _read(Path(model_folder), wanted, checkpoint)
        plans = with_architectures(files[0].plans, str(files[0].folder / "plans.json"))
        plan = parse_model_plan(plans, files[0].dataset, read[0].configuration, str(files[0].folder / "plans.json"))
        networks = [_network(plans, plan, f, r) for f, r in zip(files, read, strict=True)]
    except TeacherError:
        raise
    except KDSegError as error:
        raise _as_teacher_error(error) from error
    axes = read[0].mirroring_axes
    if mirroring and sides is not None:
        _require_other_axes(axes or (), sides, files[0].folder)
    source = TeacherSource(
        folder=files[0].folder,
        folds=tuple(f.checkpoint_path.parent.name.removeprefix("fold_") for f in files),
        checkpoint=checkpoint,
        trainer=read[0].trainer,
        checkpoint_sha256=tuple(r.sha256 for r in read),
        allowed_mirroring_axes=axes,
    )
    teacher = Teacher(
        networks,
        plan,
        plans=plans,
        dataset=files[0].dataset,
        source=source,
        mirroring_axes=axes if mirroring else None,
        sides=sides,
    )
    teacher.to(device, channels_last=channels_last)
    return teacher


def _read(folder: Path, folds: Sequence[Optional[Fold]], name: str) -> Tuple[List[ModelFolder], List[Checkpoint]]:
    files = [open_model_folder(folder, fold, name) for fold in folds]
    read = [read_checkpoint(f.checkpoint_path) for f in files]
    for file, other in zip(files[1:], read[1:], strict=True):
        for what in ("configuration", "mirroring_axes"):
            expected, found = getattr(read[0], what), getattr(other, what)
            if expected != found:
                problem = f"The folds of the teacher differ in {what.replace('_', ' ')}."
                raise TeacherError(problem, expected=str(expected), found=str(found), path=file.checkpoint_path)
    return files, read


def _require_other_axes(axes: Sequence[int], sides: SideExchange, folder: Path) -> None:
    """Refuse to mirror an axis twice: with the classes as they are, and exchanged."""
    if sides.axis in axes:
        raise TeacherError(
            "The teacher cannot be mirrored from left to right both with and without its classes exchanged.",
            expected=f"mirroring over other axes than {sides.axis}, from left to right, or no exchange_sides",
            found=f"a checkpoint that is mirrored over the axes {', '.join(map(str, axes))}, and exchange_sides",
            path=folder,
            remedy="Leave out teacher.mirroring if the teacher tells left from right, teacher.exchange_sides if it does not.",
        )


def _network(plans: Dict[str, Any], plan: ModelPlan, file: ModelFolder, trained: Checkpoint) -> torch.nn.Module:
    network = build_network(plans, plan, file.folder / "plans.json")
    try:
        network.load_state_dict(trained.weights, strict=True)
    except RuntimeError as error:
        raise TeacherError(
            "The weights do not fit the planned network.",
            expected="the checkpoint that was trained with this plans.json and dataset.json",
            found=" ".join(str(error).split())[:300],
            path=file.checkpoint_path,
        ) from error
    return network


def _as_teacher_error(error: KDSegError) -> TeacherError:
    fields: Dict[str, Any] = {"expected": error.expected, "found": error.found, "path": error.path, "remedy": error.remedy}
    fields["remedy"] = fields["remedy"].replace("; folds are never averaged", "")
    for option in ("fold", "checkpoint"):
        fields["remedy"] = fields["remedy"].replace(f"--{option}", f"teacher.{option}" + ("s" if option == "fold" else ""))
    return TeacherError(f"The teacher cannot be loaded: {error.problem}", **fields)
