"""nnU-Net's ResEnc-L and its students, with random weights: made once, kept in a folder, described in ``family.json``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, List, Tuple

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("KDSegmentator", "KDSegmentatorTraining", "Testing/Python")]

FACTORS = (2, 4, 8)
PUBLISHED_MILLIONS = {1: "102.44", 2: "25.64", 4: "6.43"}
"""Parameters of the teacher and of the students in arXiv 2601.09191, in millions; ×1/8 is not published."""

PUBLISHED_CLASSES = 114
"""Classes, background included, with which ResEnc-L has these parameters."""

MIRRORING_AXES = (0, 1, 2)


@dataclass(frozen=True)
class Made:
    """One network of the family.

    Attributes
    ----------
    factor
        Its width is the teacher's divided by this; 1: the teacher.
    path
        A bundle; for the teacher a model folder of nnU-Net.
    parameters
        With the heads of deep supervision, as the paper and nnU-Net count.
    """

    factor: int
    path: str
    parameters: int


@dataclass(frozen=True)
class Size:
    """What is segmented: voxels along (z, y, x) at 1 mm, the cube that the network sees, and the classes with background."""

    shape: Tuple[int, int, int]
    patch: int
    classes: int


def make_family(folder: Path, size: Size) -> List[Made]:
    """Return the family, teacher first; what an earlier call made with the same size is kept.

    Raises
    ------
    ValueError
        If the folder holds a family of another size, or the parameters are not the published ones.
    """
    record = folder / "family.json"
    if record.exists():
        kept = json.loads(record.read_bytes())
        if kept["size"] != json.loads(json.dumps(asdict(size))):
            raise ValueError(f"{folder}: expected a family for {size}, found one for {kept['size']}")
        return [Made(**made) for made in kept["family"]]
    folder.mkdir(parents=True, exist_ok=True)
    family = [_make(folder, size, factor) for factor in (1, *FACTORS)]
    if size.classes == PUBLISHED_CLASSES:
        _check_published(family)
    record.write_text(json.dumps({"size": asdict(size), "family": [asdict(made) for made in family]}, indent=1) + "\n")
    return family


def _make(folder: Path, size: Size, factor: int) -> Made:
    from kdseg_testing.metadata import student_metadata
    from kdseg_testing.model_folder import write_model_folder
    from kdseg_training.distillation.family import count_parameters
    from kdseg_training.export import export_student

    print(f"making ×1/{factor} …", file=sys.stderr, flush=True)
    labels = {"background": 0, **{f"Structure {i}": i for i in range(1, size.classes)}}
    model = write_model_folder(
        folder / f"model_x{factor}",
        network="ResidualEncoderUNet",
        features=_widths(factor),
        blocks=(1, 3, 4, 6, 6, 6),
        patch_size=(size.patch,) * 3,
        spacing_mm=(1.0, 1.0, 1.0),
        labels=labels,
        mirroring_axes=MIRRORING_AXES,
    )
    plans = json.loads((model / "plans.json").read_bytes())
    parameters = count_parameters(plans, "3d_fullres", 1, size.classes)
    if factor == 1:
        return Made(1, str(model), parameters)
    metadata = student_metadata(
        name=f"resenc-l-x{factor}", version="1.0.0", capacity=f"1/{factor}", modality="MR", body_part="Brain"
    )
    bundle = export_student(model, folder, metadata=metadata).path
    return Made(factor, str(bundle), parameters)


def _widths(factor: int) -> Tuple[int, ...]:
    """Return the channels of every stage, as the family derives them from the teacher's plans."""
    from kdseg_training.distillation.family import derive_plans

    teacher: Dict[str, Any] = {
        "plans_name": "nnUNetResEncUNetLPlans",
        "configurations": {
            "3d_fullres": {
                "architecture": {
                    "network_class_name": "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet",
                    "arch_kwargs": {"n_stages": 6, "features_per_stage": [32, 64, 128, 256, 320, 320]},
                    "_kw_requires_import": [],
                }
            }
        },
    }
    derived = derive_plans(teacher, factor=factor)
    return tuple(derived["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"]["features_per_stage"])


def _check_published(family: List[Made]) -> None:
    for made in family:
        expected = PUBLISHED_MILLIONS.get(made.factor)
        found = f"{made.parameters / 1e6:.2f}"
        if expected is not None and found != expected:
            raise ValueError(f"×1/{made.factor}: expected {expected} million parameters, found {found}")
