"""Which prediction belongs to which reference."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdseg.errors import InputError
from kdseg_training.evaluation import Pair, match_cases


def touch(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")
    return folder


def test_names_are_matched_without_their_endings(tmp_path: Path) -> None:
    predictions = touch(tmp_path / "p", "b.seg.nrrd", "a.nii.gz", "c.v1.mha", "only.nii", "dataset.json", ".hidden.nii")
    references = touch(tmp_path / "r", "a.nrrd", "b.nii.gz", "c.v1.NII.GZ", "lost.nrrd", "notes.txt")
    found = match_cases(predictions, references)
    assert found.pairs == (
        Pair("a", predictions / "a.nii.gz", references / "a.nrrd"),
        Pair("b", predictions / "b.seg.nrrd", references / "b.nii.gz"),
        Pair("c.v1", predictions / "c.v1.mha", references / "c.v1.NII.GZ"),
    )
    assert found.only_prediction == ("only",)
    assert found.only_reference == ("lost",)


def test_two_files_are_a_pair_whatever_their_names(tmp_path: Path) -> None:
    folder = touch(tmp_path, "mine.nii.gz", "truth.nrrd")
    assert match_cases(folder / "mine.nii.gz", folder / "truth.nrrd").pairs == (
        Pair("truth", folder / "mine.nii.gz", folder / "truth.nrrd"),
    )


def test_two_files_of_one_name_are_not_guessed_between(tmp_path: Path) -> None:
    predictions = touch(tmp_path / "p", "a.nii.gz", "a.seg.nrrd")
    with pytest.raises(InputError, match=r"Found: a\.nii\.gz and a\.seg\.nrrd") as caught:
        match_cases(predictions, touch(tmp_path / "r", "a.nii.gz"))
    assert caught.value.path == str(predictions)


@pytest.mark.parametrize("names", [(), ("readme.txt", "dataset.json")])
def test_a_folder_without_label_maps_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    empty = touch(tmp_path / "p", *names)
    with pytest.raises(InputError, match="holds no label map"):
        match_cases(empty, touch(tmp_path / "r", "a.nii.gz"))


def test_a_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    folder = touch(tmp_path, "a.nii.gz")
    with pytest.raises(InputError, match="two files or two folders"):
        match_cases(folder / "a.nii.gz", folder)


def test_what_does_not_exist_is_refused_by_name(tmp_path: Path) -> None:
    folder = touch(tmp_path, "a.nii.gz")
    with pytest.raises(InputError, match="There is no such file") as caught:
        match_cases(folder / "b.nii.gz", folder / "a.nii.gz")
    assert caught.value.path == str(folder / "b.nii.gz")
