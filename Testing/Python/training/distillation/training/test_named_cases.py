"""A damaged case is named, by runs with processes that prepare batches and without."""

from __future__ import annotations

import shutil
from pathlib import Path

import blosc2
import numpy as np
import pytest
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetNumpy

from kdseg.errors import TrainingDataError
from kdseg_testing.training_runs import run
from kdseg_training.distillation.training.named_cases import NamedCases

CASES = "nnUNetPlans_3d_fullres"


@pytest.fixture
def preprocessed(dataset, tmp_path: Path) -> Path:
    root = tmp_path / "preprocessed"
    shutil.copytree(dataset.root / "preprocessed", root)
    return root


def cases_of(preprocessed: Path) -> Path:
    (folder,) = preprocessed.glob(f"*/{CASES}")
    return folder


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def other_bytes_inside(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3 : len(content) // 2] = bytes(len(content) // 2 - len(content) // 3)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("pattern", "damage", "workers"),
    [
        ("case_?.pkl", half, 0),
        ("case_?.pkl", half, 1),
        ("case_?.pkl", lambda path: path.write_bytes(b"hello world"), 0),
        ("case_?.pkl", Path.unlink, 0),
        ("case_?.b2nd", half, 0),
        ("case_?_seg.b2nd", lambda path: path.write_bytes(b"junk"), 1),
        ("case_?.b2nd", other_bytes_inside, 0),
        ("case_?.b2nd", other_bytes_inside, 1),
    ],
)
def test_a_damaged_case_is_named(settings, preprocessed: Path, tmp_path: Path, workers: int, pattern: str, damage) -> None:
    for path in cases_of(preprocessed).glob(pattern):
        damage(path)
    with pytest.raises(TrainingDataError, match=r"case case_[0-2] cannot be read.*Run nnUNetv2_preprocess again") as error:
        run(settings(tmp_path / "results", preprocessed=preprocessed, workers=workers))
    assert error.value.path == str(cases_of(preprocessed))
    assert "Traceback" not in str(error.value)


def test_images_with_other_channels_are_named(settings, preprocessed: Path, tmp_path: Path) -> None:
    for path in cases_of(preprocessed).glob("case_?.b2nd"):
        image = blosc2.open(str(path))[:]
        path.unlink()
        blosc2.asarray(np.concatenate([image, image]), urlpath=str(path))
    with pytest.raises(TrainingDataError, match=r"case_\d has another number of channels.*\(1, z, y, x\).*Found: \(2, "):
        run(settings(tmp_path / "results", preprocessed=preprocessed))


def test_damaged_files_of_older_nnunets_are_named(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", data=np.zeros((1, 4, 4, 4), np.float32), seg=np.zeros((1, 4, 4, 4), np.int8))
    (tmp_path / "a.npz").write_bytes(b"hello world")
    with pytest.raises(TrainingDataError, match="case a cannot be read") as error:
        NamedCases(nnUNetDatasetNumpy(str(tmp_path), ["a"]), tmp_path, 1).load_case("a")
    assert error.value.path == str(tmp_path)
