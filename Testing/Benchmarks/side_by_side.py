"""Shared by the benchmarks: the model, the volume, and both programs run in turn in processes of their own.

``KDSEG_BENCH_PYTHON`` names another interpreter for KDSegmentator's side, such as one with onnxruntime-openvino.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "Testing" / "Python")]

import numpy as np  # noqa: E402
import SimpleITK as sitk  # noqa: E402
from scipy import ndimage  # noqa: E402

from kdseg.hardware import describe_hardware  # noqa: E402
from kdseg_testing.metadata import student_metadata  # noqa: E402
from kdseg_testing.model_folder import write_model_folder  # noqa: E402
from kdseg_testing.short_training import train_briefly  # noqa: E402
from kdseg_training.export import export_student  # noqa: E402

STAGES = ("read", "preprocess", "network", "resample and arg-max", "write")

QUARTER_WIDTH_RESENC_L = {
    "network": "ResidualEncoderUNet",
    "features": (8, 16, 32, 64, 80, 80),
    "blocks": (1, 3, 4, 6, 6, 6),
}
"""The ×1/4 student of nnU-Net's ResEnc-L: 6.4 million parameters."""


@dataclass(frozen=True)
class Case:
    """A model and a volume.

    Attributes
    ----------
    name
        For tables.
    model
        Arguments of ``write_model_folder``.
    shape, spacing_mm
        Of the volume: (z, y, x) and (x, y, z).
    classes
        Classes with background.
    """

    name: str
    model: Dict[str, Any]
    shape: Tuple[int, int, int]
    spacing_mm: Tuple[float, float, float]
    classes: int


def blobs(shape: Sequence[int], spacing_zyx_mm: Sequence[float], classes: int, seed: int = 0) -> Tuple[np.ndarray, np.ndarray]:
    """Return an int16 CT-like image and its labels: ellipsoids, each class with its own intensity."""
    rng = np.random.default_rng(seed)
    spacing = np.asarray(spacing_zyx_mm)
    extent = np.asarray(shape) * spacing
    labels = np.zeros(shape, dtype=np.uint8)
    for value in range(1, classes):
        radius = rng.uniform(0.06, 0.12) * extent
        centre = rng.uniform(radius, extent - radius)
        low = np.maximum(((centre - radius) / spacing).astype(int), 0)
        high = np.minimum(((centre + radius) / spacing).astype(int) + 1, shape)
        grids = np.ogrid[tuple(slice(a, b) for a, b in zip(low, high))]
        inside = sum(((g * s - c) / r) ** 2 for g, s, c, r in zip(grids, spacing, centre, radius)) < 1
        box = tuple(slice(a, b) for a, b in zip(low, high))
        labels[box][inside] = value
    intensities = np.concatenate([[0], rng.permutation(np.linspace(-600, 900, classes - 1))]).astype(np.float32)
    image = np.empty(shape, dtype=np.int16)
    for z in range(shape[0]):
        noise = ndimage.gaussian_filter(rng.standard_normal(shape[1:]).astype(np.float32), 1.0) * 40
        image[z] = intensities[labels[z]] + noise + 30
    return image, labels


def prepare(case: Case, folder: Path, *, steps: int) -> Tuple[Path, Path, Path]:
    """Write volume, model folder and bundle; return their paths. Existing ones are kept."""
    volume, model, ready = folder / "volume_0000.nii.gz", folder / "model", folder / "ready"
    if not ready.exists():
        folder.mkdir(parents=True, exist_ok=True)
        image, _ = blobs(case.shape, case.spacing_mm[::-1], case.classes)
        _write(volume, image, case.spacing_mm)
        labels = {"background": 0, **{f"Structure {i}": i for i in range(1, case.classes)}}
        write_model_folder(model, **{"normalization": ("CTNormalization",), "labels": labels, **case.model})
        small = tuple(int(max(p, 64) * 1.25) for p in case.model["patch_size"])
        spacing = case.model["spacing_mm"]
        image, target = blobs(small, spacing, case.classes, seed=1)
        training = folder / "training_0000.nii.gz"
        _write(training, image, tuple(spacing[::-1]))
        train_briefly(model, [training], target, steps=steps)
        export_student(model, folder, metadata=student_metadata(name="bench", version="1.0.0"))
        ready.touch()
    return volume, model, folder / "bench-1.0.0.kdseg.zip"


def _write(path: Path, array: np.ndarray, spacing_mm: Sequence[float]) -> None:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(tuple(float(s) for s in spacing_mm))
    sitk.WriteImage(image, str(path), True)


def run_stock(model: Path, volume: Path, output: Path, threads: int, mirroring: bool) -> Dict[str, Any]:
    """Run stock nnU-Net in its own process and return its measurements."""
    return _worker("worker_stock.py", [str(model), str(volume), str(output), str(threads), str(int(mirroring))])


def run_kdseg(
    bundle: Path,
    volume: Path,
    output: Path,
    threads: int,
    mirroring: bool,
    engine: str = "auto",
    memory_gb: Optional[float] = None,
) -> Dict[str, Any]:
    """Run KDSegmentator in its own process and return its measurements."""
    ceiling = "0" if memory_gb is None else str(int(memory_gb * 1e9))
    return _worker(
        "worker_kdseg.py", [str(bundle), str(volume), str(output), str(threads), str(int(mirroring)), engine, ceiling]
    )


def _worker(script: str, arguments: List[str]) -> Dict[str, Any]:
    interpreter = os.environ.get("KDSEG_BENCH_PYTHON", sys.executable) if script == "worker_kdseg.py" else sys.executable
    finished = subprocess.run([interpreter, str(HERE / script), *arguments], stdout=subprocess.PIPE, check=True, text=True)
    measured: Dict[str, Any] = json.loads(finished.stdout.strip().splitlines()[-1])
    return measured


def differing_voxels(first: Path, second: Path) -> Tuple[int, int]:
    """Return how many voxels of two label maps differ, and how many there are."""
    a, b = (sitk.GetArrayFromImage(sitk.ReadImage(str(p))) for p in (first, second))
    return int((a != b).sum()), int(a.size)


def hardware_line(threads: int) -> str:
    """Return one line about this machine."""
    hardware = describe_hardware().as_dict()
    facts = ", ".join(f"{k} {v}" for k, v in hardware.items() if not isinstance(v, (dict, list)))
    return f"{facts}; {threads} threads"
