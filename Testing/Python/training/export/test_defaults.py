"""What a bundle says where nobody stated it."""

from __future__ import annotations

import pytest

from kdseg_testing.metadata import student_metadata
from kdseg_training.export.defaults import complete


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        ("Dataset004_Hippocampus", "hippocampus"),
        ("Dataset137_BraTS 2021/GLI", "brats-2021-gli"),
        ("Dataset001_", "student"),
        ("Lunge_Größe", "lunge_gr-e"),
        ("x" * 99, "x" * 64),
    ],
)
def test_the_name_is_that_of_the_dataset(dataset: str, name: str) -> None:
    metadata, note = complete({}, {"dataset_name": dataset}, ("CT",))
    assert metadata["name"] == name and f"name (now {name})" in note
    assert metadata["provenance"]["dataset"] == {"name": dataset, "licence": "not stated"}


@pytest.mark.parametrize(
    ("channels", "modality"),
    [
        (("CT",), "CT"),
        (("MRI",), "MR"),
        (("T1", "T1ce", "FLAIR"), "MR"),
        (("CT", "PET"), "not stated"),
        (("T1", "thing"), "not stated"),
        (("0",), "not stated"),
    ],
)
def test_the_modality_is_what_all_channels_agree_on(channels: tuple[str, ...], modality: str) -> None:
    assert complete({}, {}, channels)[0]["modality"] == modality


def test_what_is_stated_stays_and_needs_no_note() -> None:
    metadata = student_metadata()
    assert complete(metadata, {"dataset_name": "Dataset999_Other"}, ("MRI",)) == (metadata, "")


def test_the_note_lists_what_was_not_stated() -> None:
    metadata = {"name": "a", "version": "2.0.0", "capacity": "1/2", "provenance": {"dataset": {"name": "Data"}}}
    assert complete(metadata, {}, ("CT",))[1] == (
        "Not stated: licence, modality (now CT), body_part, intended_use, dataset licence. "
        "The options and --metadata state them."
    )
