"""A tiny data set, a tiny teacher of two folds that allows mirroring, and a folder of further images without labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from kdseg_testing.model_folder import write_model_folder
from kdseg_testing.small_runs import MODEL
from kdseg_testing.tiny_dataset import TinyDataset, write_tiny_dataset


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> TinyDataset:
    return write_tiny_dataset(tmp_path_factory.mktemp("dataset"), cases=4, shape=(14, 16, 12), **MODEL)


@pytest.fixture(scope="session")
def teacher_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("teacher") / "nnUNetTrainer__nnUNetPlans__3d_fullres"
    for fold in (0, 1):
        write_model_folder(folder, fold=fold, seed=5 + fold, mirroring_axes=(0, 1, 2), **MODEL)
    return folder


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two images; one has the name of a labelled case."""
    folder = tmp_path_factory.mktemp("images")
    for seed, name in ((10, "case_0"), (11, "scan_1")):
        voxels = 100 + 10 * np.random.default_rng(seed).standard_normal((12, 13, 14)).astype(np.float32)
        sitk.WriteImage(sitk.GetImageFromArray(voxels), str(folder / f"{name}_0000.nii.gz"))
    return folder


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("nnUNet_preprocessed", "nnUNet_results", "nnUNet_raw"):
        monkeypatch.setenv(name, "")
