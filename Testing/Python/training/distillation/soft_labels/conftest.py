"""A tiny data set and a tiny teacher of two folds, untrained, but the same for every test."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from kdseg_testing.model_folder import write_model_folder
from kdseg_testing.small_runs import MODEL
from kdseg_testing.tiny_dataset import TinyDataset, write_tiny_dataset


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> TinyDataset:
    return write_tiny_dataset(tmp_path_factory.mktemp("dataset"), cases=3, shape=(14, 16, 12), **MODEL)


@pytest.fixture(scope="session")
def teacher_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("teacher") / "nnUNetTrainer__nnUNetPlans__3d_fullres"
    for fold in (0, 1):
        write_model_folder(folder, fold=fold, seed=5 + fold, mirroring_axes=(0, 1, 2), **MODEL)
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
