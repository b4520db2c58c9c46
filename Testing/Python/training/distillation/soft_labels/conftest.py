"""A tiny data set and a tiny teacher of two folds, untrained, but the same for every test."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdseg_testing.small_runs import MODEL, two_fold_teacher
from kdseg_testing.tiny_dataset import TinyDataset, write_tiny_dataset


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> TinyDataset:
    return write_tiny_dataset(tmp_path_factory.mktemp("dataset"), cases=3, shape=(14, 16, 12), **MODEL)


@pytest.fixture(scope="session")
def teacher_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_fold_teacher(tmp_path_factory.mktemp("teacher"))
