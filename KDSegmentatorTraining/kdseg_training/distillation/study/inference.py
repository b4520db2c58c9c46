"""Predict cases with a trained arm: as the workstation does, or as stock nnU-Net does."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence, Tuple

import numpy as np

from kdseg.errors import TrainingDataError
from kdseg.plans.parser import parse_model_plan
from kdseg.segmentation import LabelEntry, Segmentation
from kdseg_training.distillation.study.trained import TrainedArm
from kdseg_training.export.model_folder import open_model_folder
from kdseg_training.export.terminology import neutral_entries

Predict = Callable[[Sequence[Path], bool], Segmentation]
"""Files of the channels and whether to mirror → labels on the grid of the files."""

PREDICTORS = {
    "kdseg": "kdseg's own pipeline on the exported bundle (ONNX Runtime), as on the workstation",
    "nnunet": "stock nnUNetPredictor (torch)",
}
"""Name → what it is, for the report."""


def label_entries(trained: TrainedArm) -> Tuple[LabelEntry, ...]:
    """Return the labels that an arm predicts."""
    files = open_model_folder(trained.model_folder, trained.fold, trained.checkpoint)
    plan = parse_model_plan(files.plans, files.dataset, trained.configuration, str(files.folder))
    return neutral_entries(plan.labels)


def open_predictor(name: str, trained: TrainedArm, *, device: str, threads: int) -> Predict:
    """Return a function that predicts with a trained arm.

    Parameters
    ----------
    name
        One of :data:`PREDICTORS`.
    trained
        The arm.
    device
        For torch; ``kdseg`` computes on the CPU.
    threads
        Of the CPU.
    """
    return _kdseg(trained, threads) if name == "kdseg" else _nnunet(trained, device)


def case_files(folder: Path, case: str, channels: int, ending: str) -> List[Path]:
    """Return the files of a case's channels.

    Raises
    ------
    TrainingDataError
        If one is missing.
    """
    files = [folder / f"{case}_{channel:04d}{ending}" for channel in range(channels)]
    require_files(files)
    return files


def require_files(files: Sequence[Path]) -> None:
    """Raise :class:`kdseg.errors.TrainingDataError` if a file is missing."""
    for file in files:
        if not file.is_file():
            raise TrainingDataError(
                "A case of the split is not there.",
                expected=file.name,
                found="no such file",
                path=file.parent,
                remedy="Check raw: or nnUNet_raw, and the names in the split.",
            )


def _kdseg(trained: TrainedArm, threads: int) -> Predict:
    from kdseg.bundle import load_student
    from kdseg.io import read_volume
    from kdseg.limits import Limits, Options
    from kdseg.pipeline import segment
    from kdseg_training.export import export_student

    with tempfile.TemporaryDirectory() as folder:
        metadata = {"name": "study", "version": "0.0.0", "capacity": "1"}
        exported = export_student(
            trained.model_folder, folder, fold=trained.fold, checkpoint=trained.checkpoint, metadata=metadata
        )
        student = load_student(exported.path)

    def predict(files: Sequence[Path], mirroring: bool) -> Segmentation:
        volume = read_volume([str(file) for file in files], strict=False)
        return segment(volume, student, limits=Limits(threads=threads), options=Options(mirroring=mirroring))

    return predict


def _nnunet(trained: TrainedArm, device: str) -> Predict:
    import torch

    from kdseg_training.torchvision_stub import declare_torchvision_operators

    declare_torchvision_operators()
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    entries = label_entries(trained)
    predictor = nnUNetPredictor(
        perform_everything_on_device=device.startswith("cuda"),
        device=torch.device(device),
        verbose=False,
        verbose_preprocessing=False,
        allow_tqdm=False,
    )
    fold: Any = int(trained.fold) if trained.fold.isdigit() else trained.fold
    predictor.initialize_from_trained_model_folder(str(trained.model_folder), (fold,), trained.checkpoint)
    reader = predictor.plans_manager.image_reader_writer_class()

    def predict(files: Sequence[Path], mirroring: bool) -> Segmentation:
        image, properties = reader.read_images([str(file) for file in files])
        predictor.use_mirroring = mirroring
        labels = predictor.predict_single_npy_array(image, properties, None, None, False)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"prediction{predictor.dataset_json['file_ending']}"
            reader.write_seg(labels, str(path), properties)
            return read_segmentation(path, entries)

    return predict


def read_segmentation(path: Path, entries: Tuple[LabelEntry, ...]) -> Segmentation:
    """Read a label map."""
    from kdseg.io import read_volume

    volume = read_volume(str(path), strict=False)
    voxels = volume.voxels[0]
    labels = voxels.astype(np.uint16)
    if not np.array_equal(labels, voxels):
        raise TrainingDataError("A label map has values that are no labels.", expected="integers from 0 to 65535", path=path)
    return Segmentation(labels, volume.geometry, entries)


def dataset_files(description: Dict[str, Any]) -> Tuple[int, str]:
    """Return the number of channels and the ending of the files that ``dataset.json`` tells."""
    channels = description.get("channel_names") or description.get("modality") or {}
    return len(channels), str(description.get("file_ending", ".nii.gz"))
