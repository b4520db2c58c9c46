"""Run stock nnU-Net and KDSegmentator on the same file with the same network, and compare their label maps.

nnU-Net's own ``nnUNetPredictor`` is the oracle: it reads the model folder and the image file by itself. KDSegmentator gets the
bundle that its exporter made of the folder.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np
import SimpleITK as sitk
import torch
from scipy import ndimage

from kdseg.bundle import load_student
from kdseg.io import read_volume
from kdseg.limits import EngineName, Limits, Options
from kdseg.pipeline import segment
from kdseg_testing.metadata import student_metadata
from kdseg_testing.model_folder import write_model_folder
from kdseg_testing.short_training import train_briefly
from kdseg_training.export import export_student


def rotation(*angles: float) -> Tuple[float, ...]:
    """Return direction cosines turned by three angles in radians."""
    transform = sitk.Euler3DTransform()
    transform.SetRotation(*angles)
    return tuple(transform.GetMatrix())


@dataclass(frozen=True)
class Image:
    """A synthetic image: smooth structures of several sizes inside a border of zeros.

    Attributes
    ----------
    shape, spacing_mm
        (z, y, x) and (x, y, z).
    direction
        Direction cosines; axial if None.
    border
        Width of the zeros, in voxels.
    scale, offset, dtype
        Standard deviation and mean of the intensities, and the type of the file.
    """

    shape: Tuple[int, int, int] = (40, 44, 36)
    spacing_mm: Tuple[float, float, float] = (1.0, 1.0, 1.0)
    direction: Optional[Sequence[float]] = None
    border: int = 3
    scale: float = 100.0
    offset: float = 0.0
    dtype: str = "float32"

    def write(self, folder: Path, channels: int, seed: int = 0) -> Tuple[List[Path], np.ndarray]:
        """Write one file for each channel; return them and a label map with four structures that follows from the voxels."""
        rng = np.random.default_rng(seed)
        inside = np.zeros(self.shape, dtype=bool)
        inside[tuple(slice(self.border, -self.border) if n > 2 * self.border + 4 else slice(None) for n in self.shape)] = True
        files = []
        shared = ndimage.gaussian_filter(rng.standard_normal(self.shape), 3.0)
        shared /= shared.std()
        for channel in range(channels):
            noise = ndimage.gaussian_filter(rng.standard_normal(self.shape), 0.7)
            voxels = np.where(inside, (shared * (1 + channel / 4) + noise) * self.scale + self.offset, 0)
            if np.issubdtype(np.dtype(self.dtype), np.integer):
                limits = np.iinfo(self.dtype)
                voxels = np.clip(np.round(voxels), limits.min, limits.max)
            files.append(self._write_file(folder / f"case_{channel:04d}.nii.gz", voxels.astype(self.dtype)))
        return files, np.where(inside, np.digitize(shared, [-0.4, 0.3, 0.9]), 0)

    def _write_file(self, path: Path, voxels: np.ndarray) -> Path:
        image = sitk.GetImageFromArray(voxels)
        image.SetSpacing(self.spacing_mm)
        image.SetOrigin((-10.0, 20.0, 5.5))
        if self.direction is not None:
            image.SetDirection(self.direction)
        sitk.WriteImage(image, str(path))
        return path


@dataclass(frozen=True)
class ParityCase:
    """One configuration: what it covers, the model folder and the image."""

    name: str
    covers: str
    model: Mapping[str, Any] = field(default_factory=dict)
    image: Image = field(default_factory=Image)


@dataclass(frozen=True)
class ParityResult:
    """Voxels whose label differs from stock nnU-Net's."""

    case: ParityCase
    trained: bool
    voxels: int
    differing: int
    labels_found: Tuple[int, ...]

    @property
    def agreement(self) -> float:
        """Share of equal voxels."""
        return 1 - self.differing / self.voxels


def run_case(
    case: ParityCase, folder: Path, *, trained: bool, threads: int = 2, engine: EngineName = EngineName.CPU
) -> ParityResult:
    """Run both sides on one case and compare."""
    arguments: Dict[str, Any] = {"patch_size": (16, 24, 24), "features": (8, 16), "mirroring_axes": None, **case.model}
    model_folder = write_model_folder(folder / "model", **arguments)
    files, target = case.image.write(folder, arguments.get("channels", 1))
    if trained:
        train_briefly(model_folder, files, target)
    expected = stock_labels(model_folder, files, folder / "stock")
    student = load_student(export_student(model_folder, folder, metadata=student_metadata()).path)
    limits, options = Limits(threads=threads), Options(engine=engine)
    found = segment(read_volume(files), student, limits=limits, options=options).labels
    values = tuple(int(v) for v in np.unique(expected))
    return ParityResult(case, trained, expected.size, int((expected != found).sum()), values)


def stock_labels(model_folder: Path, files: Sequence[Path], output: Path) -> np.ndarray:
    """Return the label map (z, y, x) that stock nnU-Net writes for one case."""
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    predictor = nnUNetPredictor(perform_everything_on_device=False, device=torch.device("cpu"), verbose=False, allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(model_folder), use_folds=(0,))
    predictor.predict_from_files_sequential([[str(f) for f in files]], [str(output)])
    ending = json.loads((model_folder / "dataset.json").read_text())["file_ending"]
    return sitk.GetArrayFromImage(sitk.ReadImage(str(output) + ending))


def table(results: Sequence[ParityResult]) -> str:
    """Return the results as a Markdown table."""
    lines = ["| configuration | covers | weights | voxels | differing | agreement |", "|---|---|---|---:|---:|---:|"]
    lines += [
        f"| {r.case.name} | {r.case.covers} | {'trained' if r.trained else 'random'} | {r.voxels:,} | {r.differing} "
        f"| {100 * r.agreement:.4f} % |"
        for r in results
    ]
    return "\n".join(lines)


REGIONS = {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "inner": 3}
FOUR = {"background": 0, "A": 1, "B": 2, "C": 3}
ZSCORE = ("ZScoreNormalization",)

CASES: Tuple[ParityCase, ...] = (
    ParityCase("isotropic", "no resampling, z-score", {"labels": FOUR}),
    ParityCase("resampled", "isotropic resampling, three spacings", {"labels": FOUR}, Image(spacing_mm=(0.8, 0.9, 1.1))),
    ParityCase(
        "residual encoder, mirrored",
        "ResidualEncoderUNet, mirroring over three axes",
        {"network": "ResidualEncoderUNet", "mirroring_axes": (0, 1, 2), "labels": FOUR},
        Image(spacing_mm=(1.2, 1.1, 0.9)),
    ),
    ParityCase(
        "anisotropic",
        "separate z in image and logits",
        {"spacing_mm": (3.5, 1.0, 1.0), "patch_size": (8, 24, 24), "labels": FOUR},
        Image((14, 50, 46), (0.8, 0.8, 4.0)),
    ),
    ParityCase(
        "anisotropic to isotropic",
        "separate z from the image's spacing",
        {"labels": FOUR},
        Image((16, 50, 46), (0.7, 0.7, 3.0)),
    ),
    ParityCase(
        "isotropic to anisotropic",
        "separate z from the network's spacing",
        {"spacing_mm": (4.0, 1.0, 1.0), "patch_size": (8, 24, 24), "labels": FOUR},
        Image((48, 40, 36), (1.1, 1.1, 1.2)),
    ),
    ParityCase(
        "transposed",
        "transpose (1, 0, 2), coronal slices",
        {"transpose_forward": (1, 0, 2), "spacing_mm": (1.0, 1.2, 0.9), "labels": FOUR},
        Image(spacing_mm=(0.9, 1.3, 1.0)),
    ),
    ParityCase(
        "transposed, anisotropic",
        "transpose (2, 0, 1) with a coarse x axis",
        {"transpose_forward": (2, 0, 1), "spacing_mm": (4.0, 1.0, 1.0), "patch_size": (8, 24, 24), "labels": FOUR},
        Image((44, 40, 14), (4.5, 0.9, 1.0)),
    ),
    ParityCase(
        "oblique CT",
        "CT normalisation, oblique directions, int16",
        {"normalization": ("CTNormalization",), "labels": FOUR},
        Image(spacing_mm=(1.3, 0.8, 1.1), direction=rotation(0.2, -0.3, 0.4), offset=-50.0, dtype="int16"),
    ),
    ParityCase(
        "z-score in a mask", "non-zero mask, crop", {"use_mask": (True,), "labels": FOUR}, Image(border=8, offset=400.0)
    ),
    ParityCase(
        "rescale to 0..1",
        "rescale normalisation",
        {"normalization": ("RescaleTo01Normalization",), "labels": FOUR},
        Image(spacing_mm=(1.5, 1.5, 1.5)),
    ),
    ParityCase(
        "RGB",
        "three channels, RGB normalisation, uint8",
        {"channels": 3, "normalization": ("RGBTo01Normalization",), "labels": FOUR},
        Image(scale=30.0, offset=128.0, dtype="uint8"),
    ),
    ParityCase(
        "no normalisation", "no normalisation", {"normalization": ("NoNormalization",), "labels": FOUR}, Image(scale=1.0)
    ),
    ParityCase(
        "CT and MRI channels",
        "two channels, two normalisations, one with mask",
        {"channels": 2, "normalization": ("CTNormalization", *ZSCORE), "use_mask": (False, True), "labels": FOUR},
        Image(spacing_mm=(1.1, 0.9, 0.8)),
    ),
    ParityCase(
        "3d_lowres",
        "low resolution, labels enlarged 2.2 times",
        {"configuration": "3d_lowres", "spacing_mm": (2.0, 2.0, 2.0), "labels": FOUR},
        Image((50, 60, 56), (0.9, 0.9, 1.0)),
    ),
    ParityCase(
        "2d, mirrored",
        "two-dimensional network, mirroring over two axes",
        {"configuration": "2d", "patch_size": (32, 32), "spacing_mm": (1.0, 1.0), "mirroring_axes": (0, 1), "labels": FOUR},
        Image(spacing_mm=(0.8, 0.8, 2.0)),
    ),
    ParityCase(
        "2d, transposed",
        "two-dimensional network on sagittal slices",
        {
            "configuration": "2d",
            "patch_size": (32, 32),
            "spacing_mm": (1.0, 1.0),
            "transpose_forward": (2, 0, 1),
            "network": "ResidualEncoderUNet",
            "labels": FOUR,
        },
        Image((40, 44, 20), (3.0, 0.9, 1.1)),
    ),
    ParityCase(
        "regions",
        "overlapping regions (sigmoid) with their order",
        {"labels": REGIONS, "regions_class_order": [1, 2, 3], "mirroring_axes": (0, 2)},
        Image(spacing_mm=(0.8, 0.9, 1.1)),
    ),
    ParityCase(
        "regions, anisotropic",
        "regions with separate z and ignore label",
        {
            "labels": {**REGIONS, "ignore": 4},
            "regions_class_order": [1, 2, 3],
            "spacing_mm": (3.5, 1.0, 1.0),
            "patch_size": (8, 24, 24),
        },
        Image((14, 50, 46), (0.8, 0.8, 4.0)),
    ),
    ParityCase(
        "ignore label", "softmax labels with ignore label", {"labels": {**FOUR, "ignore": 4}}, Image(spacing_mm=(0.8, 0.9, 1.1))
    ),
    ParityCase(
        "many classes",
        "fifteen classes",
        {"labels": {"background": 0, **{f"L{i}": i for i in range(1, 15)}}},
        Image(spacing_mm=(0.7, 0.6, 0.9)),
    ),
    ParityCase(
        "many classes, mirrored",
        "forty classes from four features, mirroring over three axes",
        {
            "labels": {"background": 0, **{f"L{i}": i for i in range(1, 40)}},
            "features": (4, 8),
            "mirroring_axes": (0, 1, 2),
        },
        Image(spacing_mm=(1.2, 0.9, 0.8)),
    ),
    ParityCase("smaller than a patch", "centred padding", {"labels": FOUR}, Image((9, 30, 12))),
    ParityCase(
        "reoriented (SimpleITK)",
        "reader that reorients to RAS, permuted axes",
        {"reader": "SimpleITKIOWithReorient", "labels": FOUR},
        Image(spacing_mm=(0.9, 0.8, 1.2), direction=(0, -1, 0, 0, 0, 1, -1, 0, 0)),
    ),
    ParityCase(
        "reoriented (nibabel)",
        "reader that reorients to RAS, flipped axes",
        {"reader": "NibabelIOWithReorient", "labels": FOUR},
        Image(spacing_mm=(0.9, 0.8, 1.2), direction=(0, 1, 0, -1, 0, 0, 0, 0, 1)),
    ),
)
"""The configurations of the parity suite."""
