"""Folders of preprocessed cases, in either of nnU-Net's formats."""

from __future__ import annotations

import hashlib
import os
import pickle
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Sequence

import numpy as np

from kdseg.errors import TrainingDataError
from kdseg_training.distillation.config import digest

PREPROCESSING_KEYS = (
    "preprocessor_name",
    "spacing",
    "normalization_schemes",
    "use_mask_for_norm",
    "resampling_fn_data",
    "resampling_fn_data_kwargs",
)
"""What decides a preprocessed image, in the configuration of the plans; of the plans themselves, see below."""

PLANS_KEYS = ("transpose_forward", "image_reader_writer", "foreground_intensity_properties_per_channel")


def list_cases(folder: Path) -> List[str]:
    """Return the names of the preprocessed cases in a folder, sorted.

    Raises
    ------
    TrainingDataError
        If it cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_file() and not entry.name.startswith(".")]
    except OSError as error:
        raise TrainingDataError(
            "The preprocessed cases cannot be read.",
            expected="a folder that nnUNetv2_preprocess or kdseg-training wrote",
            found=error.strerror or str(error),
            path=folder,
        ) from error
    cases = {name[: -len(".b2nd")] for name in names if name.endswith(".b2nd") and not name.endswith("_seg.b2nd")}
    return sorted(cases or {name[: -len(".npz")] for name in names if name.endswith(".npz")})


def open_cases(folder: Path, cases: Sequence[str]) -> Any:
    """Return nnU-Net's data set of these cases."""
    from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2, nnUNetDatasetNumpy

    blosc = any((folder / f"{case}.b2nd").is_file() for case in cases)
    return (nnUNetDatasetBlosc2 if blosc else nnUNetDatasetNumpy)(str(folder), list(cases))


def read_image(dataset: Any, case: str, channels: int) -> np.ndarray:
    """Return a whole image (channels, z, y, x), float32.

    Raises
    ------
    TrainingDataError
        If it cannot be read or has another number of channels.
    """
    folder = dataset.source_folder
    with readable_case(case, folder):
        image = np.ascontiguousarray(dataset.load_case(case)[0][:], dtype=np.float32)
    if image.ndim != 4 or image.shape[0] != channels:
        raise TrainingDataError(
            f"The case {case} has another number of channels than the network.",
            expected=f"({channels}, z, y, x)",
            found=str(image.shape),
            path=folder,
        )
    return image


@contextmanager
def readable_case(case: str, folder: Any) -> Iterator[None]:
    """Inside, what nnU-Net raises about a damaged case becomes a :class:`TrainingDataError` that names it."""
    try:
        yield
    except (OSError, RuntimeError, ValueError, KeyError, EOFError, pickle.UnpicklingError) as error:
        raise TrainingDataError(
            f"The preprocessed case {case} cannot be read.",
            expected="files that nnUNetv2_preprocess or kdseg-training wrote",
            found=" ".join(f"{type(error).__name__}: {error}".split())[:200],
            path=folder,
        ) from error


def fingerprints(folder: Path, cases: Sequence[str]) -> Dict[str, str]:
    """Return the fingerprint of each case; see :func:`image_fingerprint`.

    Raises
    ------
    TrainingDataError
        If one cannot be read.
    """
    dataset, found = open_cases(folder, cases), {}
    for case in cases:
        with readable_case(case, folder):
            found[case] = image_fingerprint(dataset.load_case(case)[0])
    return found


def image_fingerprint(data: Any) -> str:
    """Return a sha256 (hex) over the shape and the three central planes of a preprocessed image (channels, z, y, x).

    It notices an image that was preprocessed anew in another way, without reading all of it.
    """
    shape = tuple(int(n) for n in data.shape)
    result = hashlib.sha256(repr(shape).encode())
    for axis, size in enumerate(shape[1:], start=1):
        plane = np.asarray(data[(slice(None),) * axis + (slice(size // 2, size // 2 + 1),)])
        result.update(np.ascontiguousarray(plane, dtype="<f4").tobytes())
    return result.hexdigest()


def preprocessing_digest(plans: Mapping[str, Any], configuration: str) -> str:
    """Return a sha256 (hex) over all that decides how an image is preprocessed."""
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    resolved = PlansManager(dict(plans)).get_configuration(configuration).configuration
    values = {key: resolved.get(key) for key in PREPROCESSING_KEYS}
    values.update({key: plans.get(key) for key in PLANS_KEYS})
    return digest(values)
