"""A tiny data set with test cases of its own, and a study of a few steps on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Dict

import numpy as np
import pytest
import SimpleITK as sitk
import yaml

from kdseg_testing.small_runs import MODEL, laid_over
from kdseg_testing.tiny_dataset import TinyDataset, write_tiny_dataset

TEST_CASES = ("held_0", "held_1", "held_2")

StudyFile = Callable[..., Path]


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> TinyDataset:
    """Three cases to train with, one for choosing, three for the test."""
    made = write_tiny_dataset(tmp_path_factory.mktemp("dataset"), cases=4, shape=(14, 16, 12), **MODEL)
    folder = made.images.parent
    for name in ("imagesTs", "labelsTs"):
        (folder / name).mkdir()
    for seed, name in enumerate(TEST_CASES):
        rng = np.random.default_rng(100 + seed)
        labels = np.zeros((14, 16, 12), np.uint8)
        labels[3:12, 4:13, 3:10] = 1
        labels[5:9, 6 : 10 + seed, 5:8] = 2
        voxels = (50 * labels + 10 * rng.standard_normal(labels.shape) + 100).astype(np.float32)
        sitk.WriteImage(sitk.GetImageFromArray(voxels), str(folder / "imagesTs" / f"{name}_0000.nii.gz"))
        sitk.WriteImage(sitk.GetImageFromArray(labels), str(folder / "labelsTs" / f"{name}.nii.gz"))
    split = {"train": ["case_0", "case_1", "case_2"], "validation": ["case_3"], "test": list(TEST_CASES)}
    (made.root / "split.json").write_text(json.dumps(split))
    return made


@pytest.fixture(scope="session")
def study_file(dataset: TinyDataset) -> StudyFile:
    """Write a study's file into a folder, with changes laid over it: a teacher and two arms, one seed."""

    def write(folder: Path, **changes: Any) -> Path:
        values: Dict[str, Any] = {
            "name": "tiny",
            "title": "A tiny study",
            "dataset": "Dataset999_Test",
            "split": str(dataset.root / "split.json"),
            "raw": str(dataset.root / "raw"),
            "preprocessed": str(dataset.root / "preprocessed"),
            "results": str(folder / "results"),
            "budget": {"epochs": 2, "iterations": 12, "validation_iterations": 1, "batch_size": 2},
            "methods": {"A": {"methods": ["A"]}},
            "students": [{"factor": 2, "seeds": [0]}],
            "statistics": {"margins": {"dice": 0.01, "nsd": 0.01}, "resamples": 200},
            "inference": {"predictor": "kdseg", "mirroring": [True, False]},
            "report": str(folder / "report.md"),
            "workers": 0,
            "threads": 1,
            "device": "cpu",
            "precision": "fp32",
            "checkpoint_every": 2,
        }
        values = laid_over(values, changes)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "study.yaml"
        path.write_text(yaml.safe_dump(values, sort_keys=False))
        return path

    return write
