"""Run the teacher over all cases of a run, once, and store what it says."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Sequence

import numpy as np

from kdseg.errors import Cancelled, TeacherError, TrainingDataError
from kdseg_training.distillation.preprocessed import image_fingerprint, open_cases, read_image
from kdseg_training.distillation.soft_labels.encoding import Array, encode, slabs, winners
from kdseg_training.distillation.soft_labels.fidelity import Fidelity, measure
from kdseg_training.distillation.soft_labels.folder import Group, SoftLabelFolder
from kdseg_training.distillation.soft_labels.storage import read_case, write_case


@dataclass(frozen=True)
class CaseGroup:
    """Preprocessed cases of one folder.

    Attributes
    ----------
    group
        Which subfolder of the soft labels they go to.
    folder
        Where they are preprocessed.
    cases
        Their names.
    """

    group: Group
    folder: Path
    cases: Sequence[str]


@dataclass
class Written:
    """What a run of the teacher over all cases did.

    Attributes
    ----------
    new, skipped
        Cases that were computed, and that were there already.
    fidelity
        Over all of them.
    """

    new: int = 0
    skipped: int = 0
    fidelity: Fidelity = field(default_factory=Fidelity)


Progress = Callable[[int, int, str], None]
"""Told of cases done, of all, and the name of the next one."""


def write_soft_labels(
    folder: SoftLabelFolder,
    groups: Sequence[CaseGroup],
    predict: Callable[[Array], Array],
    *,
    regions: bool,
    channels: int,
    progress: Progress = lambda _done, _all, _case: None,
    stop: Callable[[], bool] = lambda: False,
) -> Written:
    """Compute and store the soft labels of all cases that have none yet, or damaged ones.

    Parameters
    ----------
    folder
        Claimed.
    groups
        The cases.
    predict
        Image (channels, z, y, x) → logits (heads, z, y, x).
    regions
        Whether the channels of the logits are regions.
    channels
        Of the images.
    progress, stop
        Told of and asked before every case.

    Raises
    ------
    TrainingDataError
        If a case cannot be read or has other channels.
    TeacherError
        If the teacher's logits are not finite.
    Cancelled
        If ``stop`` said so; what is written stays and is not computed again.
    """
    result, done = Written(), 0
    total = sum(len(group.cases) for group in groups)
    for group in groups:
        dataset = open_cases(group.folder, list(group.cases))
        for case in group.cases:
            if stop():
                raise Cancelled("The soft labels are not complete.", remedy="Run the command again: it goes on from here.")
            progress(done, total, case)
            image = read_image(dataset, case, channels)
            fidelity = finished(folder, group.group, case, image_fingerprint(image))
            if fidelity is None:
                fidelity = _write(folder, group.group, case, image=image, logits=predict(image), regions=regions)
                result.new += 1
            else:
                result.skipped += 1
            result.fidelity.add(fidelity)
            done += 1
    progress(done, total, "")
    return result


def finished(folder: SoftLabelFolder, group: Group, case: str, fingerprint: str) -> Optional[Fidelity]:
    """Return what a case's file says of its fidelity; None if there is none, or it is damaged or of another image."""
    path = folder.file(group, case)
    try:
        header = read_case(path)[1]
        if header["origin"] == folder.origin_digest and header["image"] == fingerprint:
            return Fidelity(**{**header["fidelity"], "file_bytes": path.stat().st_size})
    except (TrainingDataError, KeyError, TypeError):
        return None
    return None


def _write(folder: SoftLabelFolder, group: Group, case: str, *, image: Array, logits: Array, regions: bool) -> Fidelity:
    try:
        sparse = encode(logits, regions=regions, floor=folder.origin["floor"])
    except ValueError as error:
        raise TeacherError(f"The teacher's logits of {case} are not finite.", found=str(error)) from error
    header: Dict[str, Any] = {
        "case": case,
        "group": group,
        "origin": folder.origin_digest,
        "teacher": folder.origin["teacher"],
        "image": image_fingerprint(image),
        "shape": list(sparse.shape),
        "confidence": confidence(logits, regions),
        "fidelity": asdict(measure(logits, sparse)),
    }
    path = folder.file(group, case)
    path.parent.mkdir(parents=True, exist_ok=True)
    return Fidelity(**{**header["fidelity"], "file_bytes": write_case(path, sparse, header)})


def confidence(logits: Array, regions: bool) -> float:
    """Return the mean probability of the winner where the teacher sees a structure; 0 if it sees none.

    The background is left out because it is most of a volume, and easy. For regions: of all answers that are yes.
    """
    total, count = 0.0, 0
    for planes in slabs(logits.shape):
        slab = logits[:, planes].astype(np.float32)
        top, gap = winners(slab, regions)
        denominator = 1 + np.exp(-gap[top > 0]) if regions else np.exp(-gap).sum(axis=0)[top[0] > 0]
        chosen = 1 / denominator
        total += float(chosen.sum(dtype=np.float64))
        count += chosen.size
    return total / count if count and math.isfinite(total) else 0.0
