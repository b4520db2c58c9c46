"""A tiny data set, a tiny teacher of two folds that allows mirroring, and a folder of further images without labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from kdseg_testing.small_runs import MODEL, two_fold_teacher
from kdseg_testing.tiny_dataset import TinyDataset, write_tiny_dataset


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> TinyDataset:
    return write_tiny_dataset(tmp_path_factory.mktemp("dataset"), cases=4, shape=(14, 16, 12), **MODEL)


@pytest.fixture(scope="session")
def teacher_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_fold_teacher(tmp_path_factory.mktemp("teacher"))


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two images; one has the name of a labelled case."""
    folder = tmp_path_factory.mktemp("images")
    for seed, name in ((10, "case_0"), (11, "scan_1")):
        voxels = 100 + 10 * np.random.default_rng(seed).standard_normal((12, 13, 14)).astype(np.float32)
        sitk.WriteImage(sitk.GetImageFromArray(voxels), str(folder / f"{name}_0000.nii.gz"))
    return folder
